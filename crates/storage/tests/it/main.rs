//! The one integration binary of the storage crate.

mod backup;
mod contract;
mod damage;
mod differential;
mod full_disk;
mod group_commit;
mod io_errors;
mod ownership;
mod support;

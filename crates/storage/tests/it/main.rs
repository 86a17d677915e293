//! The one integration binary of the storage crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too, end the test")]
#![expect(clippy::print_stdout, reason = "child processes report to their test")]

mod accounts;
mod backup;
mod conflicts;
mod contract;
mod damage;
mod differential;
mod full_disk;
mod group_commit;
mod io_errors;
mod ownership;
mod support;

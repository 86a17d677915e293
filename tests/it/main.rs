//! The one integration binary.

mod arrows;
mod crash;
mod durability;
mod limits;
mod shutdown;
mod simulation;
mod storage_trouble;

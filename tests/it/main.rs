//! The one integration binary.

mod arrows;
mod crash;
mod durability;
mod limits;
mod poison;
mod shutdown;
mod simulation;
mod storage_trouble;

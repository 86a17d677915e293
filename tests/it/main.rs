//! The one integration binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arrows;
mod burst;
mod client;
mod conflicts;
mod crash;
mod durability;
mod examples;
mod limits;
mod poison;
mod shutdown;
mod simulation;
mod storage_trouble;

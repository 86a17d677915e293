//! The test harness: a world in one thread, with its own clock, network, disk and randomness.

pub mod dice;
pub mod simulation;

//! The Tiebreak server as a library: everything behind the `tiebreak` binary.

pub mod cli;
mod clock;
mod compaction;
pub mod config;
mod doors;
mod http;
mod memory;
mod metrics;
mod outbox;
mod room_driver;
mod rooms;
pub mod server;
pub mod storage;

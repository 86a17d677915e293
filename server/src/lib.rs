//! The Tiebreak server as a library: everything behind the `tiebreak` binary.

mod access;
mod accounts;
pub mod cli;
pub mod config;
mod conflicts;
mod doors;
mod events;
mod http;
mod inboxes;
mod jwt;
pub mod kinds;
mod memory;
mod metrics;
mod network;
mod outbox;
mod room_driver;
mod rooms;
pub mod server;
pub mod storage;

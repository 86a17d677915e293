//! The test harness: a world in one thread with its own clock, network, disk and randomness; and, for
//! end-to-end runs, the built server as a process and a peer that talks to it over a real socket.

pub mod dice;
pub mod hostile_changes;
pub mod oracle;
pub mod peer;
pub mod scripted_server;
pub mod server_process;
pub mod simulation;
pub mod tcp_proxy;
pub mod wait;

//! Clients of an automerge-repo server, from light ones that only count to real ones that hold the document.

mod full_client;
mod light_frame;
mod light_peer;
mod socket;
mod sync_scan;

pub(crate) use full_client::{Fetched, fetch, loaded_document};
pub(crate) use light_frame::LightFrame;
pub(crate) use light_peer::{Arrivals, LightPeer, Role};
pub(crate) use socket::{
    Socket, SocketOptions, configuration, connect, next_binary, send_all, try_next_binary,
};
pub(crate) use sync_scan::SyncScan;

use std::time::Duration;
use tiebreak_protocol::PeerId;

/// Longest wait for a connection and its handshake.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(20);

/// A peer id that no other client has.
pub(crate) fn new_peer_id(role: &str) -> anyhow::Result<PeerId> {
    Ok(format!("bench-{role}-{:016x}", crate::document::random()).parse()?)
}

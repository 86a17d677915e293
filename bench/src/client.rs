//! Clients of an automerge-repo server, from light ones that only count to real ones that hold the document.

mod full_client;
mod http;
mod light_frame;
mod light_peer;
mod socket;
mod sync_scan;

pub(crate) use full_client::{Device, Fetched, fetch, loaded_document};
pub(crate) use http::{Answer, HttpClient, Post};
pub(crate) use light_frame::LightFrame;
pub(crate) use light_peer::{Arrivals, LightPeer, Role};
pub(crate) use socket::{
    Socket, SocketOptions, configuration, connect, next_binary, send_all, try_next_binary,
};
pub(crate) use sync_scan::SyncScan;

use crate::server_process::Endpoint;
use std::time::Duration;
use tiebreak_protocol::{Frame, Join, PeerId, PeerMetadata};

/// Longest wait for a connection and its handshake.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(20);

/// Joins, and leaves when the server has answered.
pub(crate) async fn greet(endpoint: &Endpoint) -> anyhow::Result<()> {
    let mut socket = connect(endpoint, &SocketOptions::default()).await?;
    let join = Frame::Join(Join::new(new_peer_id("greeter")?, PeerMetadata::default()));
    send_all(&mut socket, &mut vec![join.encode()]).await?;
    let answer = Frame::decode(&next_binary(&mut socket).await?)?;
    anyhow::ensure!(matches!(answer, Frame::Peer(_)), "the server does not answer the join");
    socket.close(None).await?;
    Ok(())
}

/// A peer id that no other client has.
pub(crate) fn new_peer_id(role: &str) -> anyhow::Result<PeerId> {
    Ok(format!("bench-{role}-{:016x}", crate::document::random()).parse()?)
}

//! Takes connections and serves them, within bounds on how slowly a request may begin and its answer be taken.

use super::peer_address::Remote;
use super::read_budget::{Budgeted, ReadBudget};
use super::strangers::Strangers;
use super::tls::Tls;
use super::write_deadline::WriteDeadline;
use crate::config::Proxy;
use crate::metrics;
use axum::middleware::AddExtension;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer;
use tracing::{debug, warn};

/// Room for the head of a request, and for a piece of its body.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// After the system ran out of files or memory; accepting at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How long requests that have begun may go on once the server stops.
const LAST_REQUESTS_TIME_MAX: Duration = Duration::from_secs(5);

/// How connections are counted that are closed unread.
const TOO_MANY_STRANGERS: &str = "too_many_strangers";

/// How patient a listener is.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// Time for the head of a request, idle time before it included. WebSockets have their own clock.
    pub(crate) head_time_max: Duration,
    /// Time in which the other side must take something of what is written to it.
    pub(crate) write_time_max: Duration,
    /// Who tells from where a request comes.
    pub(crate) proxy: Proxy,
    /// How many may be there without having said who they are.
    pub(crate) strangers: Strangers,
}

/// Serves until `closing` is cancelled, then finishes the requests that have begun.
///
/// # Errors
/// When the listener itself is broken.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    tls: Option<Tls>,
    closing: CancellationToken,
) -> io::Result<()> {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(stranger) = patience.strangers.admit(peer.ip()) else {
                    // Before a word was read there is no language to answer in; closing is understood in all.
                    metrics::refused_request(TOO_MANY_STRANGERS);
                    continue;
                };
                // Small frames leave at once; the batching is ours.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "small frames of a connection may be delayed");
                }
                let reading = ReadBudget::default();
                let remote = Remote {
                    ip: peer.ip(),
                    proxy: patience.proxy,
                    _stranger: Some(stranger),
                    reading: reading.clone(),
                };
                let router = Extension(remote).layer(router.clone());
                let stream = Budgeted::new(stream, reading);
                let conversation = begin(stream, tls.clone(), router, patience.clone(), closing.clone());
                drop(connections.spawn(conversation));
            }
            Err(error) if is_about_the_connection(&error) => {
                debug!(%error, "a connection ended before it began")
            }
            Err(error) => {
                warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    // Who is in the middle of the head of a request would hold the server up for as long as heads may take.
    if timeout(LAST_REQUESTS_TIME_MAX, connections.wait()).await.is_err() {
        warn!(connections = connections.len(), "requests were cut off");
    }
    Ok(())
}

async fn begin(
    stream: Budgeted<TcpStream>,
    tls: Option<Tls>,
    router: AddExtension<Router, Remote>,
    patience: Patience,
    closing: CancellationToken,
) {
    let Some(tls) = tls else { return converse(stream, router, patience, closing).await };
    match tls.accept(stream, patience.head_time_max).await {
        Ok(stream) => converse(stream, router, patience, closing).await,
        Err(error) => debug!(%error, "a TLS handshake failed"),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: AddExtension<Router, Remote>,
    patience: Patience,
    closing: CancellationToken,
) {
    let stream = WriteDeadline::new(stream, patience.write_time_max);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head_time_max)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection broke");
    }
}

fn is_about_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

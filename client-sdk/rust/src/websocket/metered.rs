//! How much a connection moves, and how much waits to be written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// So much must wait for what is written to count as movement.
const BACKLOG_BYTES: usize = 64 * 1024;
/// What the hub and the task of a socket know of one another.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Bytes that wait to be written.
    pub(super) bytes: AtomicUsize,
    pub(super) eased: Notify,
    /// Bytes that have come in, or gone out while more waited: what shows that a connection moves, however slowly.
    moved: AtomicU64,
    /// The task is to say goodbye and end.
    pub(super) leaving: CancellationToken,
}

impl Load {
    /// A number that changes as long as the connection moves.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Waits until something was written.
    pub(crate) async fn eased(&self) {
        self.eased.notified().await;
    }
}

/// A TCP stream that notes how much it moves.
#[derive(Debug)]
pub(super) struct Metered {
    pub(super) stream: TcpStream,
    pub(super) load: Arc<Load>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.load.moved.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        // The system takes some megabytes for a connection that is dead. That it takes more, with much still to go,
        // shows that those before have arrived.
        if let Poll::Ready(Ok(written)) = written
            && self.load.bytes.load(Ordering::Relaxed) >= BACKLOG_BYTES
        {
            self.load.moved.fetch_add(written as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

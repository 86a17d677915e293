//! How much may be read of a connection before it is known who it is. A WebSocket message is held in memory until its
//! last byte is there, and only then is its size looked at by whoever reads it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const UNLIMITED: u64 = u64::MAX;

/// The budget of one connection, unlimited until it is told otherwise; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ReadBudget {
    left: Arc<AtomicU64>,
}

impl Default for ReadBudget {
    fn default() -> Self {
        Self { left: Arc::new(AtomicU64::new(UNLIMITED)) }
    }
}

impl ReadBudget {
    /// From now on so many bytes may be read.
    pub(crate) fn limit(&self, bytes: u64) {
        self.left.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn lift(&self) {
        self.limit(UNLIMITED);
    }
}

/// A stream that fails to read beyond its budget.
pub(super) struct Budgeted<S> {
    stream: S,
    budget: ReadBudget,
}

impl<S> Budgeted<S> {
    pub(super) fn new(stream: S, budget: ReadBudget) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Budgeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = (buffer.filled().len() - before) as u64;
        // Only this task reads, and who sets the budget waits for what it reads.
        let left = self.budget.left.load(Ordering::Relaxed);
        if left == UNLIMITED {
            return Poll::Ready(Ok(()));
        }
        if read > left {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.budget.limit(left - read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Budgeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn a_budget_ends_the_reading_until_it_is_lifted() {
        let (mut far, near) = duplex(64);
        let budget = ReadBudget::default();
        let mut near = Budgeted::new(near, budget.clone());
        far.write_all(&[1; 60]).await.unwrap();
        near.read_exact(&mut [0; 20]).await.unwrap();
        budget.limit(20);
        near.read_exact(&mut [0; 20]).await.unwrap();
        let over = near.read_exact(&mut [0; 1]).await.unwrap_err();
        assert_eq!(over.kind(), io::ErrorKind::FileTooLarge);
        budget.lift();
        near.read_exact(&mut [0; 19]).await.unwrap();
    }
}

//! A TCP proxy that a test cuts: at once, for new connections, or in the direction of the answers only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to bytes that come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Passing {
    Everything,
    /// Requests reach the server, answers are swallowed.
    RequestsOnly,
    /// Nothing passes, and new connections are closed.
    Nothing,
}

pub(crate) struct Proxy {
    port: u16,
    passing: Arc<AtomicU8>,
    cuts: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of a port of the loopback.
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let passing = Arc::new(AtomicU8::new(Passing::Everything as u8));
        let (cuts, _) = watch::channel(0);
        let accepting = tokio::spawn(accept(listener, target, Arc::clone(&passing), cuts.clone()));
        Self { port, passing, cuts, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pass(&self, passing: Passing) {
        self.passing.store(passing as u8, Ordering::SeqCst);
    }

    /// Closes every connection there is.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, target: u16, passing: Arc<AtomicU8>, cuts: watch::Sender<u64>) {
    while let Ok((client, _)) = listener.accept().await {
        if passing.load(Ordering::SeqCst) != Passing::Everything as u8 {
            continue;
        }
        let server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (mut cut, passing) = (cuts.subscribe(), Arc::clone(&passing));
        tokio::spawn(async move {
            tokio::select! {
                () = forward(from_client, to_server, &passing, Passing::RequestsOnly) => {}
                () = forward(from_server, to_client, &passing, Passing::Everything) => {}
                _cut = cut.changed() => {}
            }
        });
    }
}

/// Bytes that come in while more than `at_most` is held back are dropped.
async fn forward(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    passing: &AtomicU8,
    at_most: Passing,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) if passing.load(Ordering::SeqCst) <= at_most as u8 => {
                if to.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
            Ok(_swallowed) => {}
        }
    }
}

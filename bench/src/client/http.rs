//! One person's HTTP connection to a server on this machine, as a proxy in front of it would forward it.

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Longer than the server lets a request take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(90);

pub(crate) struct HttpClient {
    port: u16,
    /// Where this person sits, as the proxy tells.
    address: Ipv4Addr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// One `POST`.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) path: &'static str,
    pub(crate) body: Value,
    pub(crate) bearer: Option<String>,
    /// Makes a repeated request the same request.
    pub(crate) idempotency_key: Option<String>,
}

impl Post {
    pub(crate) fn new(path: &'static str, body: Value) -> Self {
        Self { path, body, bearer: None, idempotency_key: None }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When the server asks to come back, where it does.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Value,
}

impl Answer {
    /// A text of the body; empty when it is not there.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }
}

impl HttpClient {
    pub(crate) fn new(port: u16, address: Ipv4Addr) -> Self {
        Self { port, address, sender: None }
    }

    /// Asks once. After an error the next request opens a new connection.
    pub(crate) async fn post(&mut self, post: &Post) -> anyhow::Result<Answer> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            Some(_) | None => connect(self.port).await?,
        };
        let answer = timeout(ANSWER_TIME_MAX, exchange(&mut sender, self.request(post)?));
        let answer = answer.await.context("no answer in time")??;
        self.sender = Some(sender);
        Ok(answer)
    }

    fn request(&self, post: &Post) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::post(post.path)
            .header(HOST, format!("127.0.0.1:{}", self.port))
            .header("x-forwarded-for", self.address.to_string())
            .header(CONTENT_TYPE, "application/json");
        if let Some(bearer) = &post.bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        if let Some(key) = &post.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        Ok(request.body(Full::new(post.body.to_string().into()))?)
    }
}

async fn connect(port: u16) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Ends with its sender, which hears of every error.
    drop(tokio::task::spawn_local(connection));
    Ok(sender)
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Answer> {
    sender.ready().await?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(anyhow::Error::from_boxed)?;
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: head.status.as_u16(),
        retry_after: retry_after.map(Duration::from_secs),
        body: serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
    })
}

//! One question and its answer over HTTP, on a connection of its own.

use super::{InvalidAddress, dial, is_here, trust};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long a question may take, from the look-up of the name to the last byte of the answer.
const TIME_MAX: Duration = Duration::from_secs(20);

/// The largest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Makes a repeated request the same request.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where questions go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: String,
    authority: String,
    host: String,
    port: u16,
    /// `None`: in the clear.
    tls: Option<Arc<ClientConfig>>,
}

/// A question.
#[derive(Debug)]
pub(crate) struct Question {
    method: Method,
    path: String,
    body: Option<Value>,
    token: Option<Secret>,
    idempotency_key: Option<String>,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When to come back, if the server says so.
    pub(crate) retry_after: Option<Duration>,
    /// Null where there is none.
    pub(crate) json: Value,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// It never went out, or its answer was lost.
    #[error("{0}")]
    Broken(String),
    #[error("there was no answer in time")]
    Late,
    #[error("what answers there is no Tiebreak server")]
    Stranger,
}

impl Question {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, path) }
    }

    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PUT, path) }
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, token: None, idempotency_key: None }
    }

    pub(crate) fn with_token(&self, token: Secret) -> Self {
        let Self { method, path, body, idempotency_key, .. } = self;
        Self {
            method: method.clone(),
            path: path.clone(),
            body: body.clone(),
            token: Some(token),
            idempotency_key: idempotency_key.clone(),
        }
    }

    pub(crate) fn once(self, idempotency_key: String) -> Self {
        Self { idempotency_key: Some(idempotency_key), ..self }
    }
}

impl Endpoint {
    /// Parses `https://host` or `http://host:port`.
    pub(crate) fn new(url: &str, roots: &[Vec<u8>]) -> Result<Self, InvalidAddress> {
        let invalid = |reason: &str| InvalidAddress::Url(reason.to_owned());
        let uri: Uri = url.parse().map_err(|error| InvalidAddress::Url(format!("{error}")))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let (tls, usual_port) = match scheme {
            "http" => (None, 80),
            "https" => {
                let config = trust(roots).map_err(|error| InvalidAddress::Certificate(error.to_string()))?;
                (Some(config), 443)
            }
            _other => return Err(invalid("it begins with https:// or http://")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(invalid("it ends with its host or port: everything behind is added here"));
        }
        let authority = uri.authority().ok_or_else(|| invalid("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("it names nobody: who signs in is said elsewhere"));
        }
        // An IPv6 address stands in brackets in an address, and nowhere else.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(usual_port);
        let authority = authority.as_str().to_lowercase();
        Ok(Self { url: format!("{scheme}://{authority}"), authority, host, port, tls })
    }

    /// The same for all ways to write it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        self.tls.is_none() && !is_here(&self.host)
    }

    pub(crate) async fn ask(&self, question: &Question) -> Result<Answer, HttpError> {
        timeout(TIME_MAX, self.ask_at_leisure(question)).await.map_err(|_| HttpError::Late)?
    }

    async fn ask_at_leisure(&self, question: &Question) -> Result<Answer, HttpError> {
        let stream = dial(&self.host, self.port).await.map_err(broken)?;
        let Some(tls) = &self.tls else { return self.converse(stream, question).await };
        let name = ServerName::try_from(self.host.clone()).map_err(broken)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(broken)?;
        self.converse(stream, question).await
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        question: &Question,
    ) -> Result<Answer, HttpError> {
        let request = self.request(question)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let answering = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    HttpError::Stranger
                } else {
                    HttpError::Broken(error.to_string())
                }
            })?;
            let body = body.to_bytes();
            let json = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
            let retry_after =
                head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(Answer {
                status: head.status.as_u16(),
                retry_after: retry_after.map(Duration::from_secs),
                json: json.map_err(|_| HttpError::Stranger)?,
            })
        };
        let (mut answering, mut connection) = (pin!(answering), pin!(connection));
        tokio::select! {
            answer = &mut answering => answer,
            // Whoever answers and closes is done with both at once: what was read is still the answer.
            _ended = &mut connection => answering.await,
        }
    }

    fn request(&self, question: &Question) -> Result<Request<Full<Bytes>>, HttpError> {
        let Question { method, path, body, token, idempotency_key } = question;
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.authority);
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(broken)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(key) = idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let bytes = body.as_ref().map(ToString::to_string).unwrap_or_default();
        request.body(Full::new(bytes.into())).map_err(broken)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

fn broken(error: impl fmt::Display) -> HttpError {
    HttpError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_nothing_behind() {
        for good in ["https://sync.example", "http://127.0.0.1:7070/", "https://[::1]:8443"] {
            assert!(Endpoint::new(good, &[]).is_ok(), "{good}");
        }
        for bad in [
            "sync.example",
            "wss://sync.example",
            "https://sync.example/automerge",
            "https://",
            "http://h?x",
            "https://ann:secret@h",
        ] {
            assert!(Endpoint::new(bad, &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        let url = |url| Endpoint::new(url, &[]).unwrap().url().to_owned();
        assert_eq!(url("https://Sync.example/"), url("https://sync.example"));
    }

    /// Answers one request and closes, as some proxies do after each.
    #[tokio::test]
    async fn an_answer_is_heard_from_who_closes_behind_it() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::new(&format!("http://{}", listener.local_addr().unwrap()), &[]).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                assert!(stream.read(&mut head).await.unwrap() > 0);
                let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
            }
        });
        for _ in 0..100 {
            assert_eq!(endpoint.ask(&Question::get("/v1/account")).await.unwrap().status, 200);
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        let is_exposed = |url| Endpoint::new(url, &[]).unwrap().is_exposed();
        assert!(is_exposed("http://10.0.2.2:7070") && is_exposed("http://localhost.example"));
        for kept in ["https://sync.example", "http://localhost:7070", "http://127.0.0.1", "http://[::1]:1"] {
            assert!(!is_exposed(kept), "{kept}");
        }
    }
}

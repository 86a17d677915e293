//! Fetches a provider's keys over HTTPS. One request now and then does not pay for an HTTP client library.

use super::keys::KEYS_BYTES_MAX;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONNECTION, ETAG, HOST, IF_NONE_MATCH};
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use bytes::Bytes;
use futures_util::future::{Either, select};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Time for a connection, the request and its answer together.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Why an address could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("could not prepare TLS")]
    Tls(#[from] rustls::Error),
    #[error("`{0}` is no name of a server")]
    InvalidHost(String),
    #[error("could not connect")]
    Connect(#[source] io::Error),
    #[error("the conversation broke off")]
    Http(#[from] hyper::Error),
    /// Redirections among them: where to the keys move is for the operator to know.
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("its answer is larger than {KEYS_BYTES_MAX} bytes, or broke off")]
    Body(#[source] axum::Error),
    #[error("it did not answer within {} seconds", FETCH_TIME_MAX.as_secs())]
    TimedOut,
}

/// What is behind an address.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Bytes,
    pub(super) etag: Option<HeaderValue>,
}

/// Asks one address.
pub(super) struct Fetcher {
    uri: Uri,
    tls: TlsConnector,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fetcher").field(&self.uri).finish()
    }
}

impl Fetcher {
    /// # Errors
    /// When TLS cannot be had.
    pub(super) fn new(uri: Uri, roots: RootCertStore) -> Result<Self, FetchError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { uri, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// What is at the address; `None` when it is what `etag` names.
    ///
    /// # Errors
    /// When it does not say, in time.
    pub(super) async fn get(&self, etag: Option<&HeaderValue>) -> Result<Option<Fetched>, FetchError> {
        timeout(FETCH_TIME_MAX, self.exchange(etag)).await.map_err(|_elapsed| FetchError::TimedOut)?
    }

    async fn exchange(&self, etag: Option<&HeaderValue>) -> Result<Option<Fetched>, FetchError> {
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| FetchError::InvalidHost(host.to_owned()))?;
        let stream = TcpStream::connect((host, self.uri.port_u16().unwrap_or(443))).await;
        let stream = self.tls.connect(name, stream.map_err(FetchError::Connect)?).await;
        let stream = TokioIo::new(stream.map_err(FetchError::Connect)?);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let request = self.request(etag);
        let answered = pin!(async move { read(sender.send_request(request).await?).await });
        match select(answered, pin!(connection)).await {
            Either::Left((answered, _connection)) => answered,
            // All has been read from the socket; what is left to do is to look at it.
            Either::Right((_ended, answered)) => answered.await,
        }
    }

    fn request(&self, etag: Option<&HeaderValue>) -> Request<Body> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::new(Body::empty());
        // Both were parsed as parts of an address.
        *request.uri_mut() = Uri::try_from(path).unwrap_or_default();
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let headers = request.headers_mut();
        headers.extend(HeaderValue::from_str(authority).map(|host| (HOST, host)));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.extend(etag.map(|etag| (IF_NONE_MATCH, etag.clone())));
        request
    }
}

async fn read(response: axum::http::Response<hyper::body::Incoming>) -> Result<Option<Fetched>, FetchError> {
    match response.status() {
        StatusCode::OK => {
            let etag = response.headers().get(ETAG).cloned();
            let body = to_bytes(Body::new(response.into_body()), KEYS_BYTES_MAX).await;
            Ok(Some(Fetched { body: body.map_err(FetchError::Body)?, etag }))
        }
        StatusCode::NOT_MODIFIED => Ok(None),
        other => Err(FetchError::Status(other)),
    }
}

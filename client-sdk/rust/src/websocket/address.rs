//! Where a server is, and how to know that it is the right one.

use crate::network::{InvalidAddress, is_here, trust};
use std::sync::Arc;
use tiebreak_protocol::Limits;
use tiebreak_sync::link::Token;
use tokio_tungstenite::Connector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};

/// Where to, and how to know that it is the right one.
#[derive(Clone)]
pub(crate) struct Address {
    url: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) connector: Connector,
    limits: Arc<Limits>,
}

impl Address {
    /// Parses an address and the certificates (DER) that are trusted besides the web's.
    pub(crate) fn new(url: &str, roots: &[Vec<u8>], limits: Arc<Limits>) -> Result<Self, InvalidAddress> {
        let request = url.into_client_request().map_err(|error| InvalidAddress::Url(error.to_string()))?;
        let uri = request.uri();
        let (connector, usual_port) = match uri.scheme_str() {
            Some("ws") => (Connector::Plain, 80),
            Some("wss") => (tls(roots)?, 443),
            Some(_) | None => {
                return Err(InvalidAddress::Url(UrlError::UnsupportedUrlScheme.to_string()));
            }
        };
        let Some(host) = uri.host() else {
            return Err(InvalidAddress::Url(UrlError::NoHostName.to_string()));
        };
        // An IPv6 address stands in brackets in an address, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(usual_port);
        Ok(Self { url: url.to_owned(), host, port, connector, limits })
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        matches!(self.connector, Connector::Plain) && !is_here(&self.host)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What messages from there must keep to.
    pub(super) const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    pub(super) fn request(&self, token: Option<&Token>) -> Result<Request, String> {
        let mut request = self.url.as_str().into_client_request().map_err(|error| error.to_string())?;
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
                .map_err(|_| "the token has characters that no header can carry".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("url", &self.url).finish_non_exhaustive()
    }
}

fn tls(roots: &[Vec<u8>]) -> Result<Connector, InvalidAddress> {
    let config = trust(roots).map_err(|error| InvalidAddress::Certificate(error.to_string()))?;
    Ok(Connector::Rustls(config))
}

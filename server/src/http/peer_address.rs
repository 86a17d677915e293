//! Where a request comes from, for limits by address.

use super::read_budget::ReadBudget;
use super::strangers::Stranger;
use crate::config::Proxy;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Once;

/// What stands in for an address where there is none, as for the command line in the same process.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The other side of a connection, set by the listener.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) ip: IpAddr,
    pub(crate) proxy: Proxy,
    /// Its place, to be given back once it is known who this is.
    pub(crate) _stranger: Option<Stranger>,
    pub(crate) reading: ReadBudget,
}

/// From where a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl PeerAddress {
    pub(super) fn of(parts: &Parts) -> Self {
        let Some(remote) = parts.extensions.get::<Remote>() else { return Self(NOWHERE) };
        match remote.proxy {
            Proxy::None => Self(remote.ip),
            Proxy::InFront => {
                // What stands before the last was written by whoever asked.
                let last = parts.headers.get_all("x-forwarded-for").iter().next_back();
                let last = last.and_then(|value| ip_of(value.to_str().ok()?.rsplit(',').next()?.trim()));
                if last.is_none() {
                    warn_once();
                }
                Self(last.unwrap_or(remote.ip))
            }
        }
    }
}

/// An address as proxies write it: alone, in brackets, with a port.
fn ip_of(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

/// All who come through such a proxy have one address, and one budget of wrong passwords: the operator should know.
fn warn_once() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "--behind-proxy: a request came without an address in X-Forwarded-For; the proxy should set it"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn address(proxy: Proxy, forwarded: &[&str]) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header("X-Forwarded-For", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(Remote {
            ip: "10.0.0.1".parse().unwrap(),
            proxy,
            _stranger: None,
            reading: ReadBudget::default(),
        });
        PeerAddress::of(&parts).0.to_string()
    }

    #[test]
    fn a_header_is_believed_only_as_far_as_a_proxy_wrote_it() {
        assert_eq!(address(Proxy::None, &["203.0.113.9"]), "10.0.0.1");
        assert_eq!(address(Proxy::InFront, &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(address(Proxy::InFront, &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(address(Proxy::InFront, &["1.1.1.1", "2001:db8::1"]), "2001:db8::1");
        assert_eq!(address(Proxy::InFront, &["203.0.113.9:51234"]), "203.0.113.9");
        assert_eq!(address(Proxy::InFront, &["1.1.1.1, [2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(address(Proxy::InFront, &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(address(Proxy::InFront, &["nonsense"]), "10.0.0.1");
        assert_eq!(address(Proxy::InFront, &[]), "10.0.0.1");
    }
}

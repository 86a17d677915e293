//! Which web pages may speak to the server. Browsers ask no permission to open a WebSocket, and a page whose
//! name was made to point at this machine counts as this machine's own: so every request is looked at.

use super::problem::Fault;
use crate::config::{WebHost, WebOrigin};
use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, ORIGIN};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// Whether every page that this machine serves may speak to the server, on whatever port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalPages {
    /// For who develops an app on the same machine.
    Taken,
    /// Where people sign in, a page is another's until it is listed.
    Refused,
}

/// The rule of one listener.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    /// Nobody but this machine can reach the listener, so no other name is meant.
    loopback_only: bool,
    local_pages: LocalPages,
    origins: Arc<[WebOrigin]>,
    hosts: Arc<[WebHost]>,
}

impl Callers {
    pub(crate) fn of_listener(
        ip: IpAddr,
        local_pages: LocalPages,
        origins: &[WebOrigin],
        hosts: &[WebHost],
    ) -> Self {
        let loopback_only = ip.is_loopback();
        Self { loopback_only, local_pages, origins: origins.into(), hosts: hosts.into() }
    }

    /// Programs name no origin; browsers always do, and say the host that they believe to ask.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let hosts: Vec<WebHost> = read(headers, &HOST).ok_or(Fault::HostNotAllowed)?;
        if !hosts.iter().all(|host| self.takes_host(host)) {
            return Err(Fault::HostNotAllowed);
        }
        let origins: Vec<WebOrigin> = read(headers, &ORIGIN).ok_or(Fault::OriginNotAllowed)?;
        let takes = |origin: &WebOrigin| {
            (self.local_pages == LocalPages::Taken && origin.is_loopback())
                || self.origins.contains(origin)
                || hosts.first().is_some_and(|host| origin.is_at(host))
        };
        if origins.iter().all(takes) { Ok(()) } else { Err(Fault::OriginNotAllowed) }
    }

    fn takes_host(&self, host: &WebHost) -> bool {
        if self.loopback_only && host.is_loopback() {
            return true;
        }
        let is_open = !self.loopback_only && self.hosts.is_empty();
        is_open || self.hosts.iter().any(|listed| listed.covers(host))
    }
}

/// All values of a header; `None` when one of them is none.
fn read<T: FromStr>(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<T>> {
    headers.get_all(name).iter().map(|value| value.to_str().ok()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn check(callers: &Callers, host: &str, origin: Option<&str>) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        callers.check(&headers)
    }

    #[test]
    fn a_loopback_listener_takes_programs_local_pages_and_listed_ones() {
        let callers = Callers::of_listener(
            "127.0.0.1".parse().unwrap(),
            LocalPages::Taken,
            &["https://app.example".parse().unwrap()],
            &["sync.example".parse().unwrap()],
        );
        let local = "localhost:7070";
        assert_eq!(check(&callers, local, None), Ok(()));
        assert_eq!(check(&callers, local, Some("http://localhost:3000")), Ok(()));
        assert_eq!(check(&callers, local, Some("http://[::1]:3000")), Ok(()));
        assert_eq!(check(&callers, local, Some("https://app.example")), Ok(()));
        assert_eq!(check(&callers, "sync.example", Some("https://sync.example")), Ok(()));
        for origin in ["https://evil.example", "null", "https://app.example:444", "nonsense"] {
            assert_eq!(check(&callers, local, Some(origin)), Err(Fault::OriginNotAllowed), "{origin}");
        }
        for host in ["evil.example:7070", "192.168.0.7", "no host"] {
            let rebound = format!("http://{host}");
            assert_eq!(check(&callers, host, Some(&rebound)), Err(Fault::HostNotAllowed), "{host}");
            assert_eq!(check(&callers, host, None), Err(Fault::HostNotAllowed), "{host}");
        }
    }

    #[test]
    fn a_second_header_does_not_cover_for_the_first() {
        let callers = Callers::of_listener("::1".parse().unwrap(), LocalPages::Taken, &[], &[]);
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        headers.append(ORIGIN, HeaderValue::from_static("https://evil.example"));
        headers.append(ORIGIN, HeaderValue::from_static("http://localhost"));
        assert_eq!(callers.check(&headers), Err(Fault::OriginNotAllowed));
        headers.append(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(callers.check(&headers), Err(Fault::HostNotAllowed));
    }

    #[test]
    fn a_listener_that_others_reach_takes_any_host_or_the_listed_ones() {
        let ip = "192.0.2.1".parse().unwrap();
        let open = Callers::of_listener(ip, LocalPages::Taken, &[], &[]);
        assert_eq!(check(&open, "sync.example", None), Ok(()));
        assert_eq!(check(&open, "sync.example", Some("https://sync.example")), Ok(()));
        assert_eq!(check(&open, "sync.example", Some("https://evil.example")), Err(Fault::OriginNotAllowed));
        let hosts = ["sync.example".parse().unwrap()];
        let listed = Callers::of_listener(ip, LocalPages::Taken, &[], &hosts);
        assert_eq!(check(&listed, "sync.example:8443", None), Ok(()));
        assert_eq!(check(&listed, "other.example", None), Err(Fault::HostNotAllowed));
    }
    #[test]
    fn where_people_sign_in_pages_of_other_origins_are_listed_or_refused() {
        let local = Callers::of_listener("127.0.0.1".parse().unwrap(), LocalPages::Refused, &[], &[]);
        let listed = ["https://app.example".parse().unwrap(), "http://localhost:5173".parse().unwrap()];
        let public = Callers::of_listener("192.0.2.1".parse().unwrap(), LocalPages::Refused, &listed, &[]);
        let refused = Err(Fault::OriginNotAllowed);
        for (callers, host, origin, verdict) in [
            (&local, "localhost:7070", None, Ok(())),
            (&local, "localhost:7070", Some("http://localhost:7070"), Ok(())),
            (&local, "127.0.0.1:7070", Some("http://127.0.0.1:7070"), Ok(())),
            (&local, "localhost:7070", Some("http://localhost:3000"), refused.clone()),
            (&local, "localhost:7070", Some("http://127.0.0.1:7070"), refused.clone()),
            (&local, "localhost:7070", Some("http://localhost.evil.example:7070"), refused.clone()),
            (&local, "localhost:7070", Some("null"), refused.clone()),
            (&public, "sync.example", None, Ok(())),
            (&public, "sync.example", Some("https://sync.example"), Ok(())),
            (&public, "sync.example", Some("https://app.example"), Ok(())),
            (&public, "sync.example", Some("http://localhost:5173"), Ok(())),
            (&public, "sync.example", Some("http://localhost:5174"), refused.clone()),
            (&public, "sync.example", Some("http://app.example"), refused.clone()),
            (&public, "sync.example", Some("https://app.example:8443"), refused.clone()),
            (&public, "sync.example", Some("https://app.example.evil.example"), refused.clone()),
            (&public, "sync.example", Some("https://evilapp.example"), refused.clone()),
            (&public, "sync.example", Some("https://sync.example:444"), refused.clone()),
            (&public, "sync.example", Some("null"), refused.clone()),
            (&public, "sync.example", Some(""), refused.clone()),
        ] {
            assert_eq!(check(callers, host, origin), verdict, "{host} {origin:?}");
        }
    }
}

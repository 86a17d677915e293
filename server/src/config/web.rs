//! Names that browsers put into `Origin` and `Host`, as an operator lists them.

use std::fmt;
use std::str::FromStr;

/// A page's origin, as in `https://app.example:8443`; `null` for pages that have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebOrigin {
    Null,
    Of { scheme: String, host: WebHost },
}

/// A host with or without a port, as in `app.example:8443` or `[::1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebHost {
    /// In lower case, without the brackets of an IPv6 address.
    name: String,
    port: Option<u16>,
}

/// Text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebName {
    #[error("expected an origin such as https://app.example, without a path")]
    Origin,
    #[error("expected a host such as app.example or app.example:8443")]
    Host,
}

impl FromStr for WebOrigin {
    type Err = InvalidWebName;

    fn from_str(text: &str) -> Result<Self, InvalidWebName> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let (scheme, host) = text.split_once("://").ok_or(InvalidWebName::Origin)?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_scheme {
            return Err(InvalidWebName::Origin);
        }
        let host = host.parse().map_err(|_| InvalidWebName::Origin)?;
        Ok(Self::Of { scheme: scheme.to_ascii_lowercase(), host })
    }
}

impl FromStr for WebHost {
    type Err = InvalidWebName;

    fn from_str(text: &str) -> Result<Self, InvalidWebName> {
        let (name, port) = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or(InvalidWebName::Host)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(digits.parse().map_err(|_| InvalidWebName::Host)?),
            None if port.is_empty() => None,
            None => return Err(InvalidWebName::Host),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(InvalidWebName::Host);
        }
        Ok(Self { name: name.to_ascii_lowercase(), port })
    }
}

impl WebOrigin {
    /// A page that this machine served, or pretends to have: no other machine can have this origin.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Of { scheme, host } => matches!(scheme.as_str(), "http" | "https") && host.is_loopback(),
        }
    }

    /// Whether a page of this origin was served by the server that it now asks under the name `host`.
    pub(crate) fn is_at(&self, host: &WebHost) -> bool {
        let Self::Of { scheme, host: own } = self else { return false };
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _other => return false,
        };
        own.name == host.name && own.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
    }
}

impl WebHost {
    /// Names that every browser looks for on its own machine, whatever a name server says.
    pub(crate) fn is_loopback(&self) -> bool {
        let is_address = self.name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        is_address || self.name == "localhost" || self.name.ends_with(".localhost")
    }

    /// Whether an operator who wrote `self` means `host`: without a port, any.
    pub(crate) fn covers(&self, host: &Self) -> bool {
        self.name == host.name && (self.port.is_none() || self.port == host.port)
    }
}

impl fmt::Display for WebHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> WebHost {
        text.parse().unwrap()
    }

    fn origin(text: &str) -> WebOrigin {
        text.parse().unwrap()
    }

    #[test]
    fn loopback_is_told_by_name_and_by_address() {
        for name in ["localhost", "LOCALHOST:1", "app.localhost:3000", "127.0.0.1:80", "127.9.9.9", "[::1]:5"]
        {
            assert!(host(name).is_loopback(), "{name}");
            assert!(origin(&format!("https://{name}")).is_loopback(), "{name}");
        }
        for name in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.1", "[::2]"]
        {
            assert!(!host(name).is_loopback(), "{name}");
        }
        assert!(!WebOrigin::Null.is_loopback() && !origin("capacitor://localhost").is_loopback());
    }

    #[test]
    fn an_origin_is_at_its_own_host_only() {
        assert!(origin("http://App.example").is_at(&host("app.example:80")));
        assert!(origin("https://app.example:443").is_at(&host("app.example")));
        for other in ["app.example:444", "app.example.evil", "example"] {
            assert!(!origin("https://app.example").is_at(&host(other)), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_or_host_is_refused() {
        for text in ["", "app.example", "https://", "https://a/path", "https://user@a", "://a", "https://a:b"]
        {
            assert_eq!(text.parse::<WebOrigin>(), Err(InvalidWebName::Origin), "{text}");
        }
        for text in ["", ":80", "a:", "a b", "[::1", "[::1]x", "a:99999"] {
            assert_eq!(text.parse::<WebHost>(), Err(InvalidWebName::Host), "{text}");
        }
    }
}

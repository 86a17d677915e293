//! Whose tokens are taken with `--auth jwt`.

use axum::http::Uri;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use std::path::PathBuf;
use std::str::FromStr;

/// What flags say of the identity provider.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Identity provider, with --auth jwt")]
pub struct JwtArgs {
    /// Who must have issued a token: its `iss`, to the letter
    #[arg(long, env = "TIEBREAK_JWT_ISSUER", value_name = "ISSUER", value_parser = NonEmptyStringValueParser::new())]
    pub jwt_issuer: Option<String>,
    /// Whom a token must be meant for: its `aud`, or one of them
    #[arg(long, env = "TIEBREAK_JWT_AUDIENCE", value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    pub jwt_audience: Option<String>,
    /// The keys that verify tokens, as a JWK set: an https:// address, or a file
    #[arg(long, env = "TIEBREAK_JWT_JWKS", value_name = "URL|FILE")]
    pub jwt_jwks: Option<KeySource>,
}

/// An identity provider, as far as the server must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProviderConfig {
    pub issuer: String,
    pub audience: String,
    pub keys: KeySource,
}

/// Where keys are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Over HTTPS: who could put other keys in their place could be anybody.
    Url(Uri),
    File(PathBuf),
}

/// Text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as https://id.example/jwks.json, without a user or a fragment, or a file")]
pub struct InvalidKeySource;

impl JwtArgs {
    /// The identity provider.
    ///
    /// # Errors
    /// The first flag that is missing.
    pub(super) fn identity_provider(&self) -> Result<IdentityProviderConfig, &'static str> {
        Ok(IdentityProviderConfig {
            issuer: self.jwt_issuer.clone().ok_or("--jwt-issuer")?,
            audience: self.jwt_audience.clone().ok_or("--jwt-audience")?,
            keys: self.jwt_jwks.clone().ok_or("--jwt-jwks")?,
        })
    }

    /// A flag that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let issuer = self.jwt_issuer.as_ref().map(|_| "--jwt-issuer");
        let audience = self.jwt_audience.as_ref().map(|_| "--jwt-audience");
        issuer.or(audience).or(self.jwt_jwks.as_ref().map(|_| "--jwt-jwks"))
    }
}

impl FromStr for KeySource {
    type Err = InvalidKeySource;

    fn from_str(text: &str) -> Result<Self, InvalidKeySource> {
        if !text.contains("://") {
            return if text.is_empty() { Err(InvalidKeySource) } else { Ok(Self::File(text.into())) };
        }
        let uri: Uri = text.parse().map_err(|_| InvalidKeySource)?;
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let is_https = uri.scheme_str() == Some("https");
        if is_https && has_host && !has_user && !text.contains('#') {
            Ok(Self::Url(uri))
        } else {
            Err(InvalidKeySource)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_a_file() {
        for text in
            ["https://id.example", "https://id.example:8443/jwks.json?v=2", "https://[2001:db8::1]/keys"]
        {
            assert!(matches!(text.parse(), Ok(KeySource::Url(_))), "{text}");
        }
        for text in ["jwks.json", "/etc/tiebreak/jwks.json", "C:\\keys"] {
            assert_eq!(text.parse(), Ok(KeySource::File(text.into())));
        }
        for text in [
            "",
            "http://id.example/jwks.json",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "https://user:password@id.example",
            "https://id.example#fragment",
        ] {
            assert_eq!(text.parse::<KeySource>(), Err(InvalidKeySource), "{text}");
        }
    }
}

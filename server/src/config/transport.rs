//! What lies between callers and the server.

use clap::Args;
use std::path::PathBuf;

/// What flags say of it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Encryption")]
pub struct TransportArgs {
    /// Speak TLS with the certificate chain in this PEM file; when it changes, it is read again
    #[arg(long, env = "TIEBREAK_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The PEM file with the certificate's private key
    #[arg(long, env = "TIEBREAK_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// A proxy in front of the server speaks TLS, is the only way to it, and puts where a request comes from last into
    /// `X-Forwarded-For`
    #[arg(
        long,
        env = "TIEBREAK_BEHIND_PROXY",
        action = clap::ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_name = "true|false"
    )]
    pub behind_proxy: bool,
}

/// What is between callers and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    None,
    InFront,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TransportArgs {
    pub fn proxy(&self) -> Proxy {
        if self.behind_proxy { Proxy::InFront } else { Proxy::None }
    }

    /// The files, if the server speaks TLS itself.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { certificate, key })
    }

    /// One of the two files without the other: the flag that is missing.
    pub(super) fn half(&self) -> Option<&'static str> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => Some("--tls-key"),
            (None, Some(_)) => Some("--tls-cert"),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }
}

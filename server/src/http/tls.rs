//! TLS at a listener, with a certificate that is read again when its files change: whoever renews it restarts nothing.

use crate::config::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("could not read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} does not hold what --{flag} takes, in PEM", path.display())]
    NotPem {
        path: PathBuf,
        flag: &'static str,
        #[source]
        source: pem::Error,
    },
    #[error("certificate and key do not go together")]
    Refused(#[from] rustls::Error),
}

/// The certificate in force. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    files: Arc<TlsFiles>,
    loaded: Arc<RwLock<Loaded>>,
}

struct Loaded {
    /// What the files held when they were last looked at, usable or not.
    seen: Fingerprint,
    config: Arc<ServerConfig>,
}

type Fingerprint = [u8; 32];

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}

impl Tls {
    /// # Errors
    /// When the files cannot be used.
    pub(crate) async fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files).await?;
        let loaded = Loaded { seen: pair.fingerprint(), config: pair.config(&files)? };
        Ok(Self { files: Arc::new(files), loaded: Arc::new(RwLock::new(loaded)) })
    }

    /// Reads the files again when they change, for as long as it is polled.
    pub(crate) async fn look_after(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.renew().await {
                Ok(Renewal::Renewed) => info!("the TLS certificate was renewed"),
                Ok(Renewal::Unchanged) => {}
                Err(error) => {
                    let cause =
                        std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    warn!(%error, cause, "kept the TLS certificate that was there");
                }
            }
        }
    }

    /// Begins a conversation.
    ///
    /// # Errors
    /// When the other side does not get through the handshake in time.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        time_max: Duration,
    ) -> io::Result<TlsStream<S>> {
        let config = Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner).config);
        timeout(time_max, TlsAcceptor::from(config).accept(stream)).await?
    }

    /// New connections see what the files hold; those that there are go on.
    async fn renew(&self) -> Result<Renewal, TlsError> {
        let pair = Pair::read(&self.files).await?;
        let seen = pair.fingerprint();
        if seen == self.loaded.read().unwrap_or_else(PoisonError::into_inner).seen {
            return Ok(Renewal::Unchanged);
        }
        // A pair that is half written is complained of once; it looks different when it is whole.
        let config = pair.config(&self.files);
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.seen = seen;
        loaded.config = config?;
        Ok(Renewal::Renewed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Renewed,
    Unchanged,
}

/// What the two files hold.
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pair {
    async fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate).await?, key: read(&files.key).await? })
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update((self.certificate.len() as u64).to_be_bytes());
        hash.update(&self.certificate);
        hash.update(&self.key);
        hash.finalize().into()
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let not_pem = |flag, path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::NotPem { path, flag, source }
        };
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain =
            chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
        let chain = chain.map_err(not_pem("tls-cert", &files.certificate))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(not_pem("tls-key", &files.key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    tokio::fs::read(path).await.map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;

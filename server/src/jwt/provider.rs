//! The identity provider that the operator trusts: its rules, and its keys as they change.

use super::account::{Standing, welcome};
use super::fetch::{FetchError, Fetched, Fetcher};
use super::keys::{InvalidKeys, Keys};
use super::signatures;
use super::token::{Bearer, Rules, TokenError};
use crate::config::{IdentityProviderConfig, KeySource};
use axum::http::HeaderValue;
use bytes::Bytes;
use rustls::RootCertStore;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tiebreak_storage::accounts::AccountStore;
use tiebreak_sync::Moment;
use tokio::sync::{Mutex, Semaphore};
use tracing::{info, warn};

/// After this long the keys are read again, so that one that was withdrawn ends.
const REFRESH_EVERY: Duration = Duration::from_secs(3600);

/// Tokens with made-up keys make nobody ask the provider more often than this.
const REFRESH_PAUSE: Duration = Duration::from_secs(30);

/// Requests that wait for newer keys at once; a provider that hangs holds up no others.
const WAITING_MAX: usize = 16;

/// Why the provider's keys are not there.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not read the identity provider's keys from {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not fetch the identity provider's keys from {uri}")]
    Fetch {
        uri: String,
        #[source]
        source: FetchError,
    },
    #[error("the identity provider's keys at {place} are not accepted")]
    Invalid {
        place: String,
        #[source]
        source: InvalidKeys,
    },
}

/// Tells whose a token of the provider is. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct IdentityProvider {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rules: Rules,
    accounts: AccountStore,
    keys: RwLock<Arc<Keys>>,
    source: Source,
    refresh: Mutex<Refresh>,
    waiting: Semaphore,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Fetcher, String),
}

/// Who holds it reads the keys; everybody else waits and looks at what came of it.
#[derive(Debug, Default)]
struct Refresh {
    attempted: Option<Duration>,
    etag: Option<HeaderValue>,
}

impl IdentityProvider {
    /// Reads the keys for the first time: a server that can let nobody in should say so at once.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) async fn open(
        config: &IdentityProviderConfig,
        store: AccountStore,
        now: Moment,
    ) -> Result<Self, OpenError> {
        let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Self::trusting(config, store, now, roots).await
    }

    async fn trusting(
        config: &IdentityProviderConfig,
        store: AccountStore,
        now: Moment,
        roots: RootCertStore,
    ) -> Result<Self, OpenError> {
        signatures::install();
        let source = Source::of(&config.keys, roots)?;
        let shared = Shared {
            rules: Rules { issuer: config.issuer.clone(), audience: config.audience.clone() },
            accounts: store,
            keys: RwLock::default(),
            source,
            refresh: Mutex::default(),
            waiting: Semaphore::new(WAITING_MAX),
        };
        let provider = Self { shared: Arc::new(shared) };
        provider.refresh(now.elapsed).await?;
        Ok(provider)
    }

    /// Whose a token is. The account is made the first time.
    ///
    /// # Errors
    /// When it is not accepted.
    pub(crate) async fn identify(&self, token: &str, now: Moment) -> Result<Bearer, TokenError> {
        let bearer = match self.verify(token, now) {
            Err(TokenError::UnknownKey) => {
                self.look_for_newer_keys(now).await;
                self.verify(token, now)?
            }
            verdict => verdict?,
        };
        let name = bearer.name.as_deref().unwrap_or_default();
        match welcome(&self.shared.accounts, bearer.account, name, now.unix_ms).await? {
            Standing::Welcome => Ok(bearer),
            Standing::Deleted => Err(TokenError::AccountDeleted),
        }
    }

    /// Reads the keys again from time to time, for as long as it is polled.
    pub(crate) async fn look_after(&self, now: impl Fn() -> Moment) {
        loop {
            tokio::time::sleep(REFRESH_EVERY).await;
            if let Err(error) = self.refresh(now().elapsed).await {
                warn_of(&error);
            }
        }
    }

    fn verify(&self, token: &str, now: Moment) -> Result<Bearer, TokenError> {
        let keys = Arc::clone(&self.shared.keys.read().unwrap_or_else(PoisonError::into_inner));
        self.shared.rules.verify(&keys, token, now.unix_ms)
    }

    async fn look_for_newer_keys(&self, now: Moment) {
        let Ok(_place) = self.shared.waiting.try_acquire() else { return };
        if let Err(error) = self.refresh(now.elapsed).await {
            warn_of(&error);
        }
    }

    /// Reads the keys, unless that was just tried. Keys that cannot be read leave those that are there.
    async fn refresh(&self, now: Duration) -> Result<(), OpenError> {
        let mut refresh = self.shared.refresh.lock().await;
        if refresh.attempted.is_some_and(|attempted| now < attempted + REFRESH_PAUSE) {
            return Ok(());
        }
        refresh.attempted = Some(now);
        let Some((bytes, etag)) = self.shared.source.read(refresh.etag.as_ref()).await? else {
            return Ok(());
        };
        let invalid = |source| OpenError::Invalid { place: self.shared.source.place(), source };
        let keys = Keys::parse(&bytes).map_err(invalid)?;
        info!(?keys, "read the identity provider's keys");
        *self.shared.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        refresh.etag = etag;
        Ok(())
    }
}

impl Source {
    fn of(keys: &KeySource, roots: RootCertStore) -> Result<Self, OpenError> {
        Ok(match keys {
            KeySource::File(path) => Self::File(path.clone()),
            KeySource::Url(uri) => {
                let fetcher = Fetcher::new(uri.clone(), roots);
                let place = uri.to_string();
                Self::Url(fetcher.map_err(|source| OpenError::Fetch { uri: place.clone(), source })?, place)
            }
        })
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(_, uri) => uri.clone(),
        }
    }

    /// `None`: nothing has changed.
    async fn read(
        &self,
        etag: Option<&HeaderValue>,
    ) -> Result<Option<(Bytes, Option<HeaderValue>)>, OpenError> {
        match self {
            Self::File(path) => match tokio::fs::read(path).await {
                Ok(bytes) => Ok(Some((bytes.into(), None))),
                Err(source) => Err(OpenError::File { path: path.clone(), source }),
            },
            Self::Url(fetcher, uri) => match fetcher.get(etag).await {
                Ok(fetched) => Ok(fetched.map(|Fetched { body, etag }| (body, etag))),
                Err(source) => Err(OpenError::Fetch { uri: uri.clone(), source }),
            },
        }
    }
}

/// Those that are there go on holding: an outage of the provider must not become ours.
fn warn_of(error: &OpenError) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    warn!(%error, cause, "kept the keys that were there");
}

#[cfg(test)]
mod tests;

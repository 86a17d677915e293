//! Which server keeps the accounts, and where this device keeps what it is given.

use super::{AccountError, CredentialStore};
use crate::config::Exposure;
use crate::network::{Endpoint, InvalidAddress};
use std::sync::Arc;

/// Where accounts are, and where this device keeps its credentials.
///
/// ```
/// use tiebreak_client::{AccountConfig, CredentialFile};
///
/// let config = AccountConfig::new("https://sync.example", CredentialFile::at("./credentials"));
/// ```
#[derive(Debug, Clone)]
pub struct AccountConfig {
    url: String,
    pub(super) store: Arc<dyn CredentialStore>,
    roots: Vec<Vec<u8>>,
    exposure: Exposure,
}

impl AccountConfig {
    /// The accounts of the server at `url`, as `https://host`. What signing in gives is kept in `credentials`: whoever
    /// reads that is signed in as this device.
    ///
    /// ```
    /// use tiebreak_client::{AccountConfig, CredentialFile};
    ///
    /// // Nothing is read, written or asked before somebody signs in.
    /// let config = AccountConfig::new("http://127.0.0.1:7070", CredentialFile::at("./credentials"));
    /// ```
    pub fn new(url: impl Into<String>, credentials: impl CredentialStore) -> Self {
        let store = Arc::new(credentials);
        Self { url: url.into(), store, roots: Vec::new(), exposure: Exposure::Forbidden }
    }

    /// Trusts this certificate authority (DER) besides those that the web trusts.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use tiebreak_client::{AccountConfig, CredentialFile};
    ///
    /// let config = AccountConfig::new("https://sync.internal", CredentialFile::at("./credentials"))
    ///     .trust_root(std::fs::read("authority.der")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn trust_root(mut self, certificate: Vec<u8>) -> Self {
        self.roots.push(certificate);
        self
    }

    /// Lets passwords and tokens travel over `http://` to other machines, where everybody on the way can read them: for
    /// a server on the developer's own network, as an emulator sees it.
    ///
    /// ```
    /// use tiebreak_client::{AccountConfig, CredentialFile};
    ///
    /// // The developer's machine, as an Android emulator sees it.
    /// let config = AccountConfig::new("http://10.0.2.2:7070", CredentialFile::at("./credentials"))
    ///     .allow_exposed_token();
    /// ```
    #[must_use]
    pub fn allow_exposed_token(self) -> Self {
        Self { exposure: Exposure::Allowed, ..self }
    }

    pub(super) fn endpoint(&self) -> Result<Endpoint, AccountError> {
        let endpoint = Endpoint::new(&self.url, &self.roots).map_err(|error| match error {
            InvalidAddress::Url(reason) => AccountError::Url { url: self.url.clone(), reason },
            InvalidAddress::Certificate(reason) => AccountError::Certificate { reason },
        })?;
        if endpoint.is_exposed() && self.exposure == Exposure::Forbidden {
            return Err(AccountError::Exposed { url: self.url.clone() });
        }
        Ok(endpoint)
    }
}

//! Who may come in, as configured: everybody, people with accounts of this server, or those whom an identity provider
//! vouches for.

use super::{ServerError, abandoned};
use crate::access::{AccessControl, Asks, Credentials, FailedAttempts, KeysInAddress, Live};
use crate::accounts::{AccountDirectory, AccountService};
use crate::config::{Auth, Config};
use crate::http::Documents;
use crate::jwt::credentials::Vouched;
use crate::jwt::provider::IdentityProvider;
use std::sync::Arc;
use tiebreak_driver::Clock;
use tiebreak_protocol::{Secret, StorageId};
use tiebreak_storage::AccountStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What answers the doors' questions.
pub(super) struct People {
    /// `None`: nobody is asked who they are, or somebody else keeps the accounts.
    pub(super) accounts: Option<AccountService>,
    pub(super) directory: AccountDirectory,
    provider: Option<IdentityProvider>,
    store: AccountStore,
    live: Live,
    attempts: FailedAttempts,
    clock: Clock,
}

impl People {
    pub(super) async fn open(
        config: &Config,
        store: AccountStore,
        storage: &StorageId,
        clock: Clock,
    ) -> Result<Self, ServerError> {
        let live = Live::default();
        let attempts = FailedAttempts::default();
        let directory = AccountDirectory::new(store.clone(), live.clone());
        let accounts = match config.auth {
            Auth::Accounts => {
                Some(AccountService::open(directory.clone(), storage, attempts.clone(), clock).await?)
            }
            Auth::Open | Auth::Jwt => None,
        };
        let provider = match config.identity_provider() {
            Some(provider) => Some(IdentityProvider::open(&provider, store.clone(), clock.now()).await?),
            None => None,
        };
        Ok(Self { accounts, directory, provider, store, live, attempts, clock })
    }

    /// `operator` is the secret of the command line on this machine.
    pub(super) fn access(&self, config: &Config, operator: Secret) -> AccessControl {
        let accounts = self.accounts.clone().map(|accounts| Arc::new(accounts) as Arc<dyn Credentials>);
        let provider = self
            .provider
            .clone()
            .map(|provider| Arc::new(Vouched { provider, clock: self.clock }) as Arc<dyn Credentials>);
        let keys_in_address =
            if config.allow_url_keys { KeysInAddress::Taken } else { KeysInAddress::Refused };
        let attempts = self.attempts.clone();
        let asks = accounts.or(provider).map(|credentials| Asks { credentials, keys_in_address, attempts });
        AccessControl::new(self.store.clone(), asks, self.live.clone(), Some(operator))
    }

    /// Keeps keys fresh, the audit log up to date, and lets go what deleted accounts have left, until the server
    /// closes.
    pub(super) fn look_after(self, documents: &Documents, tasks: &TaskTracker, closing: &CancellationToken) {
        let Self { accounts, provider, store, attempts, clock, .. } = self;
        let (documents, accounts_of_all, ends) = (documents.clone(), store.clone(), closing.clone());
        tasks.spawn(async move {
            ends.run_until_cancelled(abandoned::look_after(accounts_of_all, documents)).await;
        });
        let until = closing.clone();
        tasks.spawn(async move {
            until.run_until_cancelled(attempts.write_every_minute(&store)).await;
            attempts.write(&store).await;
        });
        if let Some(accounts) = accounts {
            let closing = closing.clone();
            tasks.spawn(async move { closing.run_until_cancelled(accounts.look_after()).await });
        }
        if let Some(provider) = provider {
            let closing = closing.clone();
            tasks.spawn(async move {
                closing.run_until_cancelled(provider.look_after(|| clock.now())).await;
            });
        }
    }
}

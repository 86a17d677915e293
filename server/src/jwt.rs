//! `--auth jwt`: tokens of an identity provider, verified with the keys that it publishes.

mod account;
pub(crate) mod credentials;
mod fetch;
mod keys;
pub(crate) mod provider;
pub(crate) mod signatures;
mod token;

pub use fetch::FetchError;
pub use keys::InvalidKeys;
pub use provider::OpenError as ProviderError;

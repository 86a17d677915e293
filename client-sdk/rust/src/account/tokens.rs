//! Staying signed in. One refresh at a time, and its result is on the device's disk before anybody gets the token: a
//! refresh token is taken once, and what was only in memory would be gone with the process.

use super::credentials::Credentials;
use super::{AccountError, Shared, error};
use crate::network::Question;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::Secret;
use tokio::time::Instant;

/// A token that holds for less than this is not handed out: it might be over on arrival.
const MARGIN: Duration = Duration::from_secs(30);

/// What a device has of its session.
#[derive(Debug)]
pub(super) struct Held {
    /// `None`: signed out.
    pub(super) credentials: Option<Credentials>,
    pub(super) access: Option<AccessToken>,
    /// Why there was no token last, and since when: who asked before that hears the same.
    failed: Option<(Instant, AccountError)>,
}

impl Held {
    pub(super) const NOTHING: Self = Self { credentials: None, access: None, failed: None };

    pub(super) fn new(credentials: Credentials, access: Option<AccessToken>) -> Self {
        Self { credentials: Some(credentials), access, failed: None }
    }
}

#[derive(Debug)]
pub(super) struct AccessToken {
    token: Secret,
    since: Instant,
    until: Instant,
}

impl AccessToken {
    fn is_wanted(&self, freshness: Freshness, asked_at: Instant) -> bool {
        match freshness {
            Freshness::Any => self.until > Instant::now() + MARGIN,
            // Somebody else has fetched it meanwhile.
            Freshness::Fresh => self.since >= asked_at,
        }
    }
}

/// What token is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// One that should hold.
    Any,
    /// Another one than before, which was not taken.
    Fresh,
}

/// What signing in and refreshing answer.
pub(super) struct Session {
    pub(super) access: AccessToken,
    pub(super) refresh_token: Secret,
    pub(super) device_key: Option<Secret>,
    pub(super) account: String,
    pub(super) device: String,
}

impl Session {
    pub(super) fn read(answer: &Value) -> Result<Self, AccountError> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let secret = |name: &str| text(name).map(Secret::new).ok_or_else(AccountError::stranger);
        let lives = answer.get("expires_in").and_then(Value::as_u64).ok_or_else(AccountError::stranger)?;
        let since = Instant::now();
        let until = since.checked_add(Duration::from_secs(lives)).ok_or_else(AccountError::stranger)?;
        Ok(Self {
            access: AccessToken { token: secret("access_token")?, since, until },
            refresh_token: secret("refresh_token")?,
            device_key: secret("device_key").ok(),
            account: text("account").ok_or_else(AccountError::stranger)?,
            device: text("device").ok_or_else(AccountError::stranger)?,
        })
    }
}

impl Shared {
    /// A token that holds. `None`: the device is signed out.
    ///
    /// What has begun is done to its end, whoever has lost interest: a token that the server has given must be kept.
    pub(super) async fn token(
        self: &Arc<Self>,
        freshness: Freshness,
    ) -> Result<Option<Secret>, AccountError> {
        let (shared, asked_at) = (Arc::clone(self), Instant::now());
        let work = tokio::spawn(async move { shared.token_for(freshness, asked_at).await });
        // Only a runtime that ends drops it.
        work.await.unwrap_or_else(|_| Err(AccountError::Offline { reason: "the app has ended".to_owned() }))
    }

    async fn token_for(
        &self,
        freshness: Freshness,
        asked_at: Instant,
    ) -> Result<Option<Secret>, AccountError> {
        let mut held = self.held.lock().await;
        if let Some(access) = held.access.as_ref().filter(|access| access.is_wanted(freshness, asked_at)) {
            return Ok(Some(access.token.clone()));
        }
        if let Some((_, error)) = held.failed.as_ref().filter(|(at, _)| *at >= asked_at) {
            return Err(error.clone());
        }
        let Some(credentials) = held.credentials.clone() else { return Ok(None) };
        let renewed = self.leaving.run_until_cancelled(self.renew(&credentials)).await;
        let Some(renewed) = renewed else { return Ok(None) };
        match renewed {
            Ok(session) => {
                let credentials = credentials.renewed(&session.refresh_token);
                self.store.save(credentials.write()).await?;
                let token = session.access.token.clone();
                *held = Held::new(credentials, Some(session.access));
                Ok(Some(token))
            }
            Err(AccountError::SignedOut | AccountError::WrongCredentials) => {
                *held = Held::NOTHING;
                self.store.erase().await?;
                Ok(None)
            }
            Err(passing) => {
                held.failed = Some((Instant::now(), passing.clone()));
                Err(passing)
            }
        }
    }

    /// With the refresh token, or, when that is over, with the key of the device.
    async fn renew(&self, credentials: &Credentials) -> Result<Session, AccountError> {
        let body = json!({ "refresh_token": credentials.refresh_token() });
        let refreshed = self.server.ask(&Question::post("/v1/sessions/refresh", body)).await;
        let refreshed = error::read(refreshed).and_then(|answer| Session::read(&answer));
        let (Err(AccountError::SignedOut), Some(key)) = (&refreshed, credentials.device_key()) else {
            return refreshed;
        };
        let signed_in = self.server.ask(&Question::post("/v1/sessions", json!({ "device_key": key }))).await;
        Session::read(&error::read(signed_in)?)
    }
}

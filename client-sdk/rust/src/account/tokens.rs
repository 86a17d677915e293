//! Staying signed in. One refresh at a time, and its result is on the device's disk before anybody gets the token: a
//! refresh token is taken once, and what was only in memory would be gone with the process.

use super::credentials::Credentials;
use super::{AccountError, Shared, error};
use crate::network::Question;
use serde_json::{Value, json};
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
}

impl Held {
    pub(super) const NOTHING: Self = Self { credentials: None, access: None };
}

#[derive(Debug)]
pub(super) struct AccessToken {
    token: Secret,
    until: Instant,
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
        let until = Instant::now() + Duration::from_secs(lives);
        Ok(Self {
            access: AccessToken { token: secret("access_token")?, until },
            refresh_token: secret("refresh_token")?,
            device_key: secret("device_key").ok(),
            account: text("account").ok_or_else(AccountError::stranger)?,
            device: text("device").ok_or_else(AccountError::stranger)?,
        })
    }
}

impl Shared {
    /// A token that holds. `None`: the device is signed out.
    pub(super) async fn token(&self, freshness: Freshness) -> Result<Option<Secret>, AccountError> {
        let mut held = self.held.lock().await;
        let holds_until = Instant::now() + MARGIN;
        if freshness == Freshness::Any
            && let Some(access) = held.access.as_ref().filter(|access| access.until > holds_until)
        {
            return Ok(Some(access.token.clone()));
        }
        let Some(credentials) = held.credentials.clone() else { return Ok(None) };
        match self.renew(&credentials).await {
            Ok(session) => {
                let credentials = credentials.renewed(&session.refresh_token);
                self.store.save(credentials.write()).await?;
                let token = session.access.token.clone();
                *held = Held { credentials: Some(credentials), access: Some(session.access) };
                Ok(Some(token))
            }
            Err(AccountError::SignedOut | AccountError::WrongCredentials) => {
                *held = Held::NOTHING;
                self.store.erase().await?;
                Ok(None)
            }
            Err(passing) => Err(passing),
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

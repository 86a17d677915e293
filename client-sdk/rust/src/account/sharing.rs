//! Sharing documents with others.

use super::{Account, AccountError};
use crate::network::Question;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tiebreak_protocol::{AccountId, DocumentId, Role, Secret};

/// Somebody: by the username, or by the id that stands in grants.
///
/// ```
/// use tiebreak_client::{AccountId, Whom};
///
/// let by_name = Whom::from("bob");
/// let by_id = Whom::from(AccountId::from_bytes([7; 16]));
/// assert_ne!(by_name, by_id);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whom<'a> {
    /// As people write it.
    Name(&'a str),
    /// As [`Grant::account`] says it.
    Id(AccountId),
}

impl<'a> From<&'a str> for Whom<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl From<AccountId> for Whom<'_> {
    fn from(id: AccountId) -> Self {
        Self::Id(id)
    }
}

/// The role of one account on a document.
///
/// ```no_run
/// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
/// # -> Result<(), tiebreak_client::AccountError> {
/// for grant in account.grants(id).await? {
///     println!("{} is {}", grant.account, grant.role);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Whose role.
    pub account: AccountId,
    /// Which.
    pub role: Role,
}

/// An invitation: whoever has its secret may take it up.
///
/// ```no_run
/// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
/// # -> Result<(), tiebreak_client::AccountError> {
/// use std::time::Duration;
/// use tiebreak_client::Role;
///
/// let invitation = account.invite(id, Role::Editor, Duration::from_secs(3600), 1).await?;
/// println!("https://app.example/join#{}", invitation.secret());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Invitation {
    id: String,
    secret: Secret,
}

impl Invitation {
    /// What to hand over: the server shows it this once.
    ///
    /// ```no_run
    /// # fn show(invitation: tiebreak_client::Invitation) {
    /// println!("send this to whom you invite: {}", invitation.secret());
    /// # }
    /// ```
    pub fn secret(&self) -> &str {
        self.secret.expose()
    }

    /// Its name, with which an owner takes it back.
    ///
    /// ```no_run
    /// # fn show(invitation: tiebreak_client::Invitation) {
    /// println!("{}", invitation.id());
    /// # }
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Account {
    /// Gives somebody a role on a document, in place of the one it has. The document must have reached the server.
    ///
    /// # Errors
    /// [`NoSuchAccount`](AccountError::NoSuchAccount), [`NotAllowed`](AccountError::NotAllowed) for who is no owner,
    /// [`NotFound`](AccountError::NotFound) for a document that has not been uploaded yet.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
    /// # -> Result<(), tiebreak_client::AccountError> {
    /// account.share(id, "bob", tiebreak_client::Role::Viewer).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn share(
        &self,
        document: DocumentId,
        whom: impl Into<Whom<'_>>,
        role: Role,
    ) -> Result<(), AccountError> {
        let path = grant_of(document, whom.into());
        self.ask(Question::put(path, json!({ "role": role.as_str() }))).await.map(drop)
    }

    /// Takes somebody's role on a document. Its devices lose the document within seconds; what they have of it stays
    /// with them.
    ///
    /// # Errors
    /// [`LastOwner`](AccountError::LastOwner), [`NoSuchAccount`](AccountError::NoSuchAccount),
    /// [`NotFound`](AccountError::NotFound) for who had no role.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
    /// # -> Result<(), tiebreak_client::AccountError> {
    /// account.unshare(id, "bob").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unshare(&self, document: DocumentId, whom: impl Into<Whom<'_>>) -> Result<(), AccountError> {
        self.ask(Question::delete(grant_of(document, whom.into()))).await.map(drop)
    }

    /// Gives one's own role on a document back.
    ///
    /// # Errors
    /// [`LastOwner`](AccountError::LastOwner): make somebody else an owner first.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
    /// # -> Result<(), tiebreak_client::AccountError> {
    /// account.leave(id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn leave(&self, document: DocumentId) -> Result<(), AccountError> {
        self.ask(Question::delete(format!("/v1/documents/{document}/grants/own"))).await.map(drop)
    }

    /// Everybody who has a role on a document.
    ///
    /// # Errors
    /// [`NotFound`](AccountError::NotFound) for who has none.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
    /// # -> Result<(), tiebreak_client::AccountError> {
    /// let people = account.grants(id).await?.len();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn grants(&self, document: DocumentId) -> Result<Vec<Grant>, AccountError> {
        let answer = self.ask(Question::get(format!("/v1/documents/{document}/grants"))).await?;
        let items = answer.get("items").and_then(Value::as_array).ok_or_else(AccountError::stranger)?;
        let grant = |item: &Value| {
            let account = item.get("account")?.as_str()?.parse().ok()?;
            Some(Grant { account, role: item.get("role")?.as_str()?.parse().ok()? })
        };
        items.iter().map(grant).collect::<Option<_>>().ok_or_else(AccountError::stranger)
    }

    /// Invites whoever gets the secret: for so long, and so many accounts. Owners only.
    ///
    /// # Errors
    /// [`InvalidArgument`](AccountError::InvalidArgument) for less than a second, more than 30 days, or more than 1000
    /// accounts.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account, id: tiebreak_client::DocumentId)
    /// # -> Result<(), tiebreak_client::AccountError> {
    /// use std::time::Duration;
    /// use tiebreak_client::Role;
    ///
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// let for_the_team = account.invite(id, Role::Editor, week, 12).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn invite(
        &self,
        document: DocumentId,
        role: Role,
        lives: Duration,
        uses: u32,
    ) -> Result<Invitation, AccountError> {
        let body = json!({ "role": role.as_str(), "expires_in": lives.as_secs(), "uses": uses });
        let path = format!("/v1/documents/{document}/invitations");
        let answer = self.ask(Question::post(path, body)).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let (id, secret) = text("id").zip(text("secret")).ok_or_else(AccountError::stranger)?;
        Ok(Invitation { id, secret: Secret::new(secret) })
    }

    /// Takes an invitation up. Answers the document and the role that this account has on it now.
    ///
    /// # Errors
    /// [`InvitationOver`](AccountError::InvitationOver).
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account, tiebreak: tiebreak_client::Tiebreak)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let (document, role) = account.accept("tbi_…").await?;
    /// let group = tiebreak.find(document).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self, secret: &str) -> Result<(DocumentId, Role), AccountError> {
        let answer = self.ask(Question::post("/v1/invitations/redeem", json!({ "secret": secret }))).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let document = text("document").parse().map_err(|_| AccountError::stranger())?;
        Ok((document, text("role").parse().map_err(|_| AccountError::stranger())?))
    }
}

fn grant_of(document: DocumentId, whom: Whom<'_>) -> String {
    let mut path = format!("/v1/documents/{document}/grants/");
    let username = match whom {
        Whom::Id(id) => return path + &id.to_string(),
        Whom::Name(username) => username,
    };
    path.push('@');
    // Names may be of any alphabet; addresses are ASCII (RFC 3986, "percent-encoding").
    for byte in username.trim().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

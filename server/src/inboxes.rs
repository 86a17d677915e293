//! Inboxes: a document for each account, in which it finds the conflicts that concern it. Any automerge-repo client can
//! open it, so whoever was away learns of them without asking for anything but documents.
//!
//! The database is the record; an inbox follows it a moment later, and goes on where it stopped after a crash.

use crate::conflicts::ConflictRecords;
use crate::http::{Documents, Fault, from_milliseconds};
use futures_util::StreamExt;
use serde_json::{Map, Value as Json, json};
use std::time::Duration;
use tiebreak_document::{Author, Document, EditError};
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, ConflictState, DocumentId, Refusal};
use tiebreak_storage::accounts::{Inbox, PAGE_ROWS_MAX};
use tiebreak_storage::conflicts::{Concerned, ConflictRow, NewsFilter};
use tiebreak_storage::{AccountStore, StorageError};
use tiebreak_sync::room::{NewActors, Submitter};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

/// How often the server looks for what inboxes lack. What comes meanwhile is one change of an inbox.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long it rests when an inbox could not be written.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Conflicts that are written into an inbox by one change.
const TOLD_AT_ONCE_MAX: usize = 200;

/// Open conflicts in an inbox. `more` in it says that there are others.
const OPEN_MAX: usize = 1_000;

/// Closed conflicts that stay in an inbox, so that people learn what became of them: the last ones.
const CLOSED_MAX: usize = 100;

/// Inboxes that are written at the same time.
const WRITTEN_AT_ONCE: usize = 8;

/// Stands in an inbox where not everything fits into it.
const MORE: &str = "more";

/// Keeps inboxes in step; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inboxes {
    records: ConflictRecords,
    documents: Documents,
}

/// Why an inbox is not written.
#[derive(Debug, thiserror::Error)]
enum InboxError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{0}")]
    Document(Fault),
    #[error("the inbox could not be edited: {0}")]
    Edit(String),
    /// What is there is gone, or full: another document takes its place.
    #[error("the inbox takes no more: {0}")]
    Over(Fault),
}

impl Inboxes {
    pub(crate) const fn new(records: ConflictRecords, documents: Documents) -> Self {
        Self { records, documents }
    }

    /// Writes what inboxes lack, until the server closes.
    pub(crate) async fn keep(self, closing: CancellationToken) {
        let (mut seen, mut rest) = (None, Duration::ZERO);
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
            (seen, rest) = match self.look(seen).await {
                Ok(now) => (Some(now), LOOK_EVERY),
                Err(error) => {
                    warn!(%error, "not all inboxes could be written; trying again");
                    (None, TRY_AGAIN_AFTER)
                }
            };
        }
    }

    /// `seen` is up to where all inboxes were written. `None`: it is not known.
    async fn look(&self, seen: Option<i64>) -> Result<i64, InboxError> {
        let last = self.records.store().last().await?;
        let concerned = match seen {
            Some(seen) if seen == last => return Ok(last),
            Some(seen) => self.records.store().concerned(seen).await?,
            None => Concerned::Anybody,
        };
        match concerned {
            Concerned::Accounts(accounts) => self.write_all(accounts).await?,
            Concerned::Anybody => {
                let mut after = None;
                loop {
                    let behind = self.accounts().inboxes_behind(after, PAGE_ROWS_MAX).await?;
                    let Some(page_end) = behind.last().copied() else { break };
                    self.write_all(behind).await?;
                    after = Some(page_end);
                }
            }
        }
        Ok(last)
    }

    /// The inbox of one account is not to keep others from theirs.
    async fn write_all(&self, accounts: impl IntoIterator<Item = AccountId>) -> Result<(), InboxError> {
        let writing = futures_util::stream::iter(accounts).map(|account| self.bring_up(account));
        let written: Vec<_> = writing.buffer_unordered(WRITTEN_AT_ONCE).collect().await;
        written.into_iter().collect()
    }

    async fn bring_up(&self, account: AccountId) -> Result<(), InboxError> {
        loop {
            let inbox = self.accounts().inbox(account, fresh()).await?;
            let filter = NewsFilter {
                after: inbox.sequence,
                state: None,
                account: Some(account),
                limit: TOLD_AT_ONCE_MAX,
            };
            let news = self.records.store().since(filter).await?;
            let Some((last, _)) = news.last() else { return Ok(()) };
            let written = Inbox { sequence: *last, ..inbox };
            let mut told = Vec::with_capacity(news.len());
            for (_, row) in news {
                let role = self.accounts().role(row.document, account).await?;
                told.push((row.id.to_string(), role.map(|_| entry(row))));
            }
            match self.write(account, inbox.document, told).await {
                Ok(()) => self.accounts().inbox_written(account, written).await?,
                Err(InboxError::Over(fault)) => {
                    debug!(%account, %fault, "an inbox begins anew");
                    self.documents.erase(inbox.document).await.map_err(InboxError::Document)?;
                    self.accounts().move_inbox(account, inbox.document, fresh()).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn write(
        &self,
        account: AccountId,
        document: DocumentId,
        told: Vec<(String, Option<Json>)>,
    ) -> Result<(), InboxError> {
        let mut inbox = match self.documents.file(document).await {
            Ok((heads, bytes)) => Document::from_stored(Some(bytes), Vec::new(), heads),
            Err(Fault::DocumentNotFound) => Document::default(),
            Err(fault @ Fault::Refused(Refusal::DocumentDeleted)) => return Err(InboxError::Over(fault)),
            Err(fault) => return Err(InboxError::Document(fault)),
        };
        let unreadable = |error: tiebreak_document::OpenError| InboxError::Edit(error.to_string());
        let before = inbox.to_json().map_err(unreadable)?;
        let after = after(&before, told);
        let actor = Uuid::new_v4();
        let author = Author { actor: actor.as_bytes(), time_s: unix_ms() / 1000 };
        let root: [tiebreak_document::PathStep; 0] = [];
        let edited = inbox.transact(&author, self.documents.limits(), |transaction| {
            transaction.update(root, &before, &after)?;
            Ok::<_, EditError>(())
        });
        let ((), change) = edited.map_err(|error| InboxError::Edit(error.to_string()))?;
        let Some(change) = change else { return Ok(()) };
        // Its person owns it, and is nobody whose hand wrote this.
        let by =
            Submitter { account: Some(account), new_actors: NewActors::Strangers, ..Submitter::default() };
        match self.documents.write(by, document, change).await {
            Ok(()) => Ok(()),
            Err(fault @ (Fault::NothingTaken(_) | Fault::Refused(Refusal::DocumentDeleted))) => {
                Err(InboxError::Over(fault))
            }
            Err(fault) => Err(InboxError::Document(fault)),
        }
    }

    const fn accounts(&self) -> &AccountStore {
        self.records.accounts()
    }
}

/// An id that nobody guesses: whoever made a document under it first would own it.
pub(crate) fn fresh() -> DocumentId {
    DocumentId::from_bytes(Uuid::new_v4().into_bytes())
}

/// A conflict, as an inbox tells it.
fn entry(row: ConflictRow) -> Json {
    json!({
        "document": row.document.to_string(),
        "kind": row.kind,
        "label": row.label,
        "path": serde_json::from_str::<Json>(&row.path).unwrap_or_default(),
        "type": row.conflict_type.as_str(),
        "state": row.state.as_str(),
        "version": row.version,
        "at": from_milliseconds(row.changed_ms),
    })
}

/// What an inbox holds once it tells these: conflicts by their ids, and `None` of what its account may not read. What
/// was closed before it was ever told is left out.
fn after(before: &Json, told: Vec<(String, Option<Json>)>) -> Json {
    let mut entries = before.as_object().cloned().unwrap_or_default();
    let mut has_more = entries.remove(MORE).is_some();
    let mut open = entries.values().filter(|entry| is_open(entry)).count();
    for (id, entry) in told {
        let known = entries.remove(&id);
        open -= usize::from(known.as_ref().is_some_and(is_open));
        match entry {
            Some(entry) if is_open(&entry) && open >= OPEN_MAX => has_more = true,
            Some(entry) if is_open(&entry) || known.is_some() => {
                open += usize::from(is_open(&entry));
                entries.insert(id, entry);
            }
            Some(_) | None => {}
        }
    }
    forget_old(&mut entries);
    if has_more && open > 0 {
        entries.insert(MORE.to_owned(), true.into());
    }
    Json::Object(entries)
}

/// Leaves of the closed ones the last.
fn forget_old(entries: &mut Map<String, Json>) {
    let at = |entry: &Json| entry.get("at").and_then(Json::as_str).unwrap_or_default().to_owned();
    let closed = entries.iter().filter(|(_, entry)| !is_open(entry));
    let mut closed: Vec<_> = closed.map(|(id, entry)| (at(entry), id.clone())).collect();
    closed.sort_unstable();
    let surplus = closed.len().saturating_sub(CLOSED_MAX);
    for (_, id) in closed.into_iter().take(surplus) {
        entries.remove(&id);
    }
}

fn is_open(entry: &Json) -> bool {
    entry.get("state").and_then(Json::as_str) == Some(ConflictState::Open.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str, state: &str, at: usize) -> (String, Option<Json>) {
        (id.to_owned(), Some(json!({ "state": state, "at": format!("{at:04}") })))
    }

    fn ids(inbox: &Json) -> Vec<&str> {
        inbox.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn each_conflict_stands_once_as_it_is_now() {
        let inbox = after(&json!({}), vec![told("a", "open", 1), told("b", "open", 2), told("a", "open", 3)]);
        let inbox = after(&inbox, vec![told("b", "settled", 4), told("c", "settled", 5)]);
        assert_eq!(
            inbox,
            json!({ "a": { "state": "open", "at": "0003" }, "b": { "state": "settled", "at": "0004" } }),
            "what was closed before anybody heard of it is no news"
        );
        assert_eq!(after(&inbox, vec![("a".to_owned(), None)]), json!({ "b": inbox["b"] }));
    }

    #[test]
    fn of_closed_ones_the_last_stay_and_of_open_ones_the_first() {
        let all = 0..OPEN_MAX + 2;
        let inbox = after(&json!({}), all.clone().map(|at| told(&format!("{at:04}"), "open", at)).collect());
        assert_eq!((ids(&inbox).len(), &inbox[MORE]), (OPEN_MAX + 1, &json!(true)));
        let inbox = after(&inbox, all.map(|at| told(&format!("{at:04}"), "settled", at)).collect());
        let kept = ids(&inbox);
        assert_eq!((kept.len(), kept[0], inbox.get(MORE)), (CLOSED_MAX, "0900", None));
    }
}

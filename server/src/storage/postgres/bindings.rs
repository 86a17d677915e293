//! What an append ties to accounts: the actors that write, and a new document.

use super::failure::Failure;
use super::session::Session;
use super::writes::execute;
use std::sync::LazyLock;
use tiebreak_storage::{Append, sql};

static INSERT_ACTORS: LazyLock<String> = LazyLock::new(|| {
    let (into, conflict) = (sql::grants::INSERT_ACTOR_INTO, sql::grants::ON_ACTOR_CONFLICT);
    format!("{into} SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) {conflict}")
});

static INSERT_OWNERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO grants (document, account, role, granted_ms) \
         SELECT entry.document, accounts.id, 'owner', entry.granted_ms \
         FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS entry (document, account, granted_ms) \
         JOIN accounts ON accounts.id = entry.account AND accounts.deleted_ms IS NULL {}",
        sql::grants::ON_CONFLICT
    )
});

/// The first binding of an actor stays.
pub(super) async fn insert_actors<'a>(
    session: &Session,
    appends: impl Iterator<Item = &'a Append>,
) -> Result<(), Failure> {
    let (mut ids, mut actors, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    for append in appends {
        for (actor, account) in &append.actors {
            ids.push(append.document.as_bytes().as_slice());
            actors.push(actor.as_bytes());
            accounts.push(account.as_bytes().as_slice());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    execute(session, &INSERT_ACTORS, &[&ids, &actors, &accounts]).await
}

/// Accounts that are gone own nothing.
pub(super) async fn insert_owners<'a>(
    session: &Session,
    created: impl Iterator<Item = &'a Append>,
) -> Result<(), Failure> {
    let (mut ids, mut owners, mut granted) = (Vec::new(), Vec::new(), Vec::new());
    for append in created {
        if let Some(owner) = &append.owner {
            ids.push(append.document.as_bytes().as_slice());
            owners.push(owner.as_bytes().as_slice());
            granted.push(append.received_ms);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    execute(session, &INSERT_OWNERS, &[&ids, &owners, &granted]).await
}

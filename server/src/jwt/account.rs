//! The account behind a subject of an identity provider: made the first time it comes, the same ever after.

use sha2::{Digest, Sha256};
use tiebreak_protocol::AccountId;
use tiebreak_storage::StorageError;
use tiebreak_storage::accounts::{AccountKind, AccountStore, Maker, NewAccount, Registration};

/// Keeps ids of ours apart from every other hash of the same words.
const DOMAIN: &[u8] = b"tiebreak account of an identity provider, version 1";

/// Follows from issuer and subject alone, so that it needs no table and every server comes to the same.
pub(super) fn id(issuer: &str, subject: &str) -> AccountId {
    let mut hash = Sha256::new();
    for part in [DOMAIN, issuer.as_bytes(), subject.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    AccountId::from_bytes(id)
}

/// Whether an account may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Welcome,
    /// It was deleted here, whatever the provider says.
    Deleted,
}

/// Makes the account if it is new.
pub(super) async fn welcome(
    store: &AccountStore,
    id: AccountId,
    display_name: &str,
    now_ms: i64,
) -> Result<Standing, StorageError> {
    if let Some(account) = store.account(id).await? {
        return Ok(if account.is_live() { Standing::Welcome } else { Standing::Deleted });
    }
    let account = NewAccount {
        id,
        kind: AccountKind::Person,
        username: None,
        name_key: None,
        display_name: display_name.to_owned(),
        password_hash: None,
        idempotency: None,
        made_by: Maker::Oneself,
    };
    match store.create_account(account, now_ms).await? {
        // Or by another request meanwhile: its account is a moment old.
        Registration::Created | Registration::IdTaken => Ok(Standing::Welcome),
        // It has no name, and no key of a request.
        Registration::NameTaken | Registration::Replayed(_) | Registration::KeyReused => {
            Ok(Standing::Deleted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tiebreak_storage::{SqliteOptions, SqliteStore};

    #[test]
    fn an_account_follows_from_issuer_and_subject_and_from_where_one_ends() {
        let ann = id("https://id.example", "ann");
        assert_eq!(ann, id("https://id.example", "ann"));
        assert_ne!(ann, id("https://id.example", "bob"));
        assert_ne!(ann, id("https://other.example", "ann"));
        assert_ne!(id("ab", "c"), id("a", "bc"));
        // Accounts are kept under it for ever.
        assert_eq!(ann.to_string(), "acc_4G229LDDJCjKgU9GjiuTnm");
    }

    #[tokio::test]
    async fn an_account_is_made_once_and_a_deleted_one_stays_out() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap());
        let store = AccountStore::new(store);
        let ann = id("https://id.example", "ann");
        let both = tokio::join!(welcome(&store, ann, "Ann", 1), welcome(&store, ann, "Ann", 2));
        assert_eq!(both, (Ok(Standing::Welcome), Ok(Standing::Welcome)));
        let made = store.account(ann).await.unwrap().unwrap();
        assert_eq!((made.display_name.as_str(), made.password_hash), ("Ann", None));
        store.delete_account(ann, None, 3).await.unwrap();
        assert_eq!(welcome(&store, ann, "Ann", 4).await, Ok(Standing::Deleted));
    }
}

//! The audit chain: each row's hash covers the row and the hash before it, so that no row can be changed, moved or
//! taken out of the middle unnoticed. Who keeps the head elsewhere also notices when rows are cut off at the end.

use crate::StorageError;
use crate::relational::{Columns, Row, Value};
use sha2::{Digest, Sha256};

/// A link of the chain.
pub type AuditHash = [u8; 32];

/// What the first row follows.
pub const BEFORE_THE_FIRST: AuditHash = [0; 32];

/// Makes these hashes no others.
const DOMAIN: &[u8] = b"tiebreak audit 1";

/// A link's hash, for people.
pub fn to_hex(hash: &AuditHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`to_hex`] wrote; `None` when it is none.
pub fn from_hex(text: &str) -> Option<AuditHash> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    rest.is_empty().then_some(bytes)?.try_into().ok()
}

/// Somebody did something to something. Names accounts, devices and documents by their ids, never people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who: an id, or `operator`.
    pub actor: String,
    /// What, as in `grant.given`.
    pub action: &'static str,
    /// To what: an id.
    pub subject: String,
    pub detail: String,
}

/// A link as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Counted from 1, without gaps.
    pub seq: i64,
    pub at_ms: i64,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
    pub previous: AuditHash,
    pub hash: AuditHash,
}

impl AuditRow {
    /// The link after `last`, which is a row of [`crate::sql::audit::LAST`], if there is one.
    ///
    /// # Errors
    /// When the last row cannot be read.
    pub fn following(last: Option<Row>, entry: &AuditEntry, at_ms: i64) -> Result<Self, StorageError> {
        let (seq, previous) = match last.map(Columns::of) {
            Some(mut last) => (last.read::<i64>()?, last.read()?),
            None => (0, BEFORE_THE_FIRST),
        };
        let mut row = Self {
            seq: seq + 1,
            at_ms,
            actor: entry.actor.clone(),
            action: entry.action.to_owned(),
            subject: entry.subject.clone(),
            detail: entry.detail.clone(),
            previous,
            hash: BEFORE_THE_FIRST,
        };
        row.hash = row.sum();
        Ok(row)
    }

    /// What its hash must be.
    pub fn sum(&self) -> AuditHash {
        let mut sha = Sha256::new();
        sha.update(DOMAIN);
        sha.update(self.previous);
        sha.update(self.seq.to_le_bytes());
        sha.update(self.at_ms.to_le_bytes());
        for field in [&self.actor, &self.action, &self.subject, &self.detail] {
            // With its length no two different rows feed the same bytes.
            sha.update((field.len() as u64).to_le_bytes());
            sha.update(field);
        }
        sha.finalize().into()
    }

    /// The columns of [`crate::sql::audit::INSERT`].
    pub fn into_values(self) -> Vec<Value> {
        vec![
            self.seq.into(),
            self.at_ms.into(),
            self.actor.into(),
            self.action.into(),
            self.subject.into(),
            self.detail.into(),
            self.previous.into(),
            self.hash.into(),
        ]
    }

    pub(crate) fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            seq: columns.read()?,
            at_ms: columns.read()?,
            actor: columns.read()?,
            action: columns.read()?,
            subject: columns.read()?,
            detail: columns.read()?,
            previous: columns.read()?,
            hash: columns.read()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> AuditRow {
        let entry = AuditEntry {
            actor: "ann".to_owned(),
            action: "grant.given",
            subject: "document".to_owned(),
            detail: "editor".to_owned(),
        };
        AuditRow::following(None, &entry, 7).unwrap()
    }

    #[test]
    fn a_hash_covers_every_field_and_where_each_ends() {
        let row = first();
        let others = [
            AuditRow { seq: 2, ..row.clone() },
            AuditRow { at_ms: 8, ..row.clone() },
            AuditRow { actor: "bob".to_owned(), ..row.clone() },
            AuditRow { action: "grant.revoked".to_owned(), ..row.clone() },
            AuditRow { subject: "other".to_owned(), ..row.clone() },
            AuditRow { detail: "owner".to_owned(), ..row.clone() },
            AuditRow { previous: [1; 32], ..row.clone() },
            AuditRow { subject: "documente".to_owned(), detail: "ditor".to_owned(), ..row.clone() },
        ];
        for other in others {
            assert_ne!(other.sum(), row.hash, "{other:?}");
        }
    }

    #[test]
    fn the_hash_of_a_row_is_frozen() {
        assert_eq!(
            to_hex(&first().hash),
            FROZEN,
            "stored chains carry this hash: changing it needs a migration"
        );
    }

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        assert_eq!(from_hex(FROZEN), Some(first().hash));
        assert_eq!(from_hex(&FROZEN.to_uppercase()), Some(first().hash));
        for text in ["", "99", &FROZEN[1..], &FROZEN.replace('9', "g"), &format!("{FROZEN}0")] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    const FROZEN: &str = "9954a910edacafa70ae3d43254bd99eb0b63390e904994887d44f0115717dade";
}

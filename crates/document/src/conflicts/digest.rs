//! Whether a conflict is still what somebody saw.

use super::{Candidate, Conflict};
use crate::path::pointer;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use tiebreak_protocol::{ChangeHash, InvalidChangeHash};

/// All that a conflict shows, in 32 bytes: another one once a candidate came or went, or shows something else. Written
/// as changes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConflictDigest(ChangeHash);

impl Conflict {
    pub fn digest(&self) -> ConflictDigest {
        let side = |side: &Candidate| -> Json {
            let changes: Json = side.changes.iter().map(ToString::to_string).collect();
            json!([side.id, side.value, side.value.is_none(), changes])
        };
        let sides: Json = self.candidates.iter().map(side).collect();
        let shown = json!([self.conflict_type.as_str(), pointer(&self.path), self.base, sides]);
        ConflictDigest(ChangeHash(Sha256::digest(shown.to_string()).into()))
    }
}

impl Default for ConflictDigest {
    /// Of no conflict.
    fn default() -> Self {
        Self(ChangeHash([0; 32]))
    }
}

impl fmt::Display for ConflictDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ConflictDigest {
    type Err = InvalidChangeHash;

    fn from_str(text: &str) -> Result<Self, InvalidChangeHash> {
        text.parse().map(Self)
    }
}

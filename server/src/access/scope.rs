//! How much of an account's rights a credential carries.

use super::Standing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tiebreak_protocol::{DocumentId, Role};

/// What may be done with a credential: never more than its account may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    reach: Reach,
    /// On any document, at most this.
    role_max: Role,
    /// Whether it may stand in an address, where logs and histories keep it.
    in_address: bool,
}

/// Which documents a credential reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of its account, and the account itself: what a signed-in device has.
    Account,
    /// Those of its account.
    Granted,
    /// Of those, these.
    Only(BTreeSet<DocumentId>),
    /// All that there are, granted or not. For services that operators trust.
    All,
}

/// Most documents that one key may name.
pub(crate) const DOCUMENTS_MAX: usize = 1000;

impl Scope {
    /// All that the account may do.
    pub(crate) const EVERYTHING: Self =
        Self { reach: Reach::Account, role_max: Role::Owner, in_address: false };

    /// The scope of a key.
    pub(crate) const fn of_key(reach: Reach, role_max: Role) -> Self {
        Self { reach, role_max, in_address: false }
    }

    /// The same, to be put into addresses.
    pub(crate) fn for_addresses(self) -> Self {
        Self { in_address: true, ..self }
    }

    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(crate) fn role_max(&self) -> Role {
        self.role_max
    }

    pub(crate) fn may_stand_in_address(&self) -> bool {
        self.in_address
    }

    /// Whether the account itself acts, and not a program for it.
    pub(crate) fn is_persons(&self) -> bool {
        self.reach == Reach::Account
    }

    /// Whether it reaches documents that its account has no grant on.
    pub(crate) fn reaches_everything(&self) -> bool {
        self.reach == Reach::All
    }

    pub(super) fn creates(&self) -> bool {
        let reaches_new_ones = match self.reach {
            Reach::Account | Reach::Granted | Reach::All => true,
            Reach::Only(_) => false,
        };
        reaches_new_ones && self.role_max == Role::Owner
    }

    /// The role that is left of an account's on a document.
    pub(super) fn role(&self, standing: &Standing) -> Option<Role> {
        let role = match &self.reach {
            Reach::Account | Reach::Granted => standing.role,
            Reach::Only(documents) => standing.role.filter(|_| documents.contains(&standing.document)),
            Reach::All => standing.exists.then_some(Role::Owner),
        };
        role.map(|role| role.min(self.role_max))
    }

    /// As it is stored with a key.
    pub(crate) fn to_json(&self) -> String {
        let (documents, all) = match &self.reach {
            Reach::Account | Reach::Granted => (None, false),
            Reach::Only(documents) => (Some(documents.iter().map(ToString::to_string).collect()), false),
            Reach::All => (None, true),
        };
        let stored = Stored { role: self.role_max.to_string(), documents, all, in_address: self.in_address };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// A key's scope as it was stored. What cannot be read allows nothing.
    pub(crate) fn of_stored(text: &str) -> Option<Self> {
        let Stored { role, documents, all, in_address } = serde_json::from_str(text).ok()?;
        let reach = match (documents, all) {
            (Some(ids), false) => {
                Reach::Only(ids.iter().map(|id| id.parse()).collect::<Result<_, _>>().ok()?)
            }
            (None, true) => Reach::All,
            (None, false) => Reach::Granted,
            (Some(_), true) => return None,
        };
        Some(Self { reach, role_max: role.parse().ok()?, in_address })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<String>>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    in_address: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_was_stored() {
        let document = DocumentId::from_bytes([7; 16]);
        for scope in [
            Scope::of_key(Reach::Granted, Role::Editor),
            Scope::of_key(Reach::All, Role::Viewer),
            Scope::of_key(Reach::Only([document].into()), Role::Owner).for_addresses(),
        ] {
            assert_eq!(Scope::of_stored(&scope.to_json()), Some(scope));
        }
    }

    #[test]
    fn what_cannot_be_read_allows_nothing() {
        for text in ["", "{}", r#"{"role":"god"}"#, r#"{"role":"owner","documents":["x"]}"#, "null"] {
            assert_eq!(Scope::of_stored(text), None, "{text}");
        }
        let both = r#"{"role":"owner","documents":[],"all":true}"#;
        assert_eq!(Scope::of_stored(both), None);
    }
}

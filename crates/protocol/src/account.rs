//! Who acts: names of accounts, devices and keys, the role of an account on a document, and the actors it writes as.

use crate::prefixed_id::prefixed_ids;
use bytes::Bytes;
use std::fmt;
use std::str::FromStr;

prefixed_ids! {
    /// An account: a person, or a service. Random, never used again, and no secret. Written `acc_…`.
    AccountId = "acc", InvalidAccountId;
    /// One installation of one account. Written `dev_…`.
    DeviceId = "dev", InvalidDeviceId;
    /// An API key or an invitation, by its name, which is no secret. Written `key_…`.
    KeyId = "key", InvalidKeyId;
}

/// What an account may do with a document; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes.
    Editor,
    /// Shares and deletes.
    Owner,
}

impl Role {
    /// From the least to the most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of viewer, editor, owner")]
pub struct InvalidRole;

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(InvalidRole)
    }
}

/// The name under which a device writes into documents: whatever bytes its CRDT library made up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(Bytes);

impl ActorId {
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ActorId {
    /// Hexadecimal, as the CRDT library writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_are_read_as_they_are_written(bytes: [u8; 16]) {
            let account = AccountId::from_bytes(bytes);
            prop_assert_eq!(account.to_string().parse(), Ok(account));
            prop_assert_eq!(account.to_string().parse::<DeviceId>(), Err(InvalidDeviceId));
        }

        #[test]
        fn no_text_is_two_ids(text in "acc_[1-9A-HJ-NP-Za-km-z]{20,24}") {
            if let Ok(account) = text.parse::<AccountId>() {
                prop_assert_eq!(account.to_string(), text);
            }
        }
    }

    #[test]
    fn a_text_without_its_prefix_or_of_another_length_is_no_id() {
        for text in ["", "acc_", "acc_1", "4NMNnkMhL8jXrdJ9jamS58PAVdXu", &format!("acc_{}", "1".repeat(23))]
        {
            assert_eq!(text.parse::<AccountId>(), Err(InvalidAccountId), "{text}");
        }
        let zeros = format!("acc_{}", "1".repeat(16));
        assert_eq!(zeros.parse(), Ok(AccountId::from_bytes([0; 16])));
    }

    #[test]
    fn roles_grow() {
        assert!(Role::Viewer < Role::Editor && Role::Editor < Role::Owner);
        assert!(Role::ALL.iter().all(|role| role.as_str().parse() == Ok(*role)));
        assert_eq!("admin".parse::<Role>(), Err(InvalidRole));
    }
}

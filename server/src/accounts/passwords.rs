//! Passwords as people type them, and how they are kept: argon2id, on threads that give way to sync.

mod hasher;
mod slot;

use super::names::{Username, key_of};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

pub(crate) use hasher::{Busy, Hasher, QUEUE_MAX};

/// How many characters a password has, after normalisation.
pub(crate) const PASSWORD_CHARS_MIN: usize = 8;
pub(crate) const PASSWORD_CHARS_MAX: usize = 256;
/// What is longer is not even normalised: one character is several before normalisation, in some scripts.
const TYPED_BYTES_MAX: usize = 4096;

/// The most common passwords of the length that is asked for, in lower case: what a guesser tries first.
const COMMON: &str = include_str!("passwords/common.txt");

/// A password in the form that is hashed: NFKC, so that every keyboard types the same one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(String);

/// Why a text cannot be a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPassword {
    #[error("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")]
    Length,
    #[error("a password has no control characters")]
    Control,
    #[error("a password is not the username")]
    Username,
    #[error("this password is one of the most common ones")]
    Common,
}

/// What a presented password is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, but stored with other parameters than those of today: hash it again.
    RightRehash,
}

impl Password {
    /// A new password.
    pub(crate) fn parse(typed: String, username: &Username) -> Result<Self, InvalidPassword> {
        let password = Self::presented(typed).ok_or(InvalidPassword::Length)?;
        if password.0.chars().count() < PASSWORD_CHARS_MIN {
            return Err(InvalidPassword::Length);
        }
        if password.0.contains(char::is_control) {
            return Err(InvalidPassword::Control);
        }
        if key_of(&password.0) == username.key() {
            return Err(InvalidPassword::Username);
        }
        let lower = password.0.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Err(InvalidPassword::Common);
        }
        Ok(password)
    }

    /// A password to compare with the one that is stored. Only its length is looked at: the rules for new
    /// ones may have been others once. `None` cannot be anybody's.
    pub(crate) fn presented(typed: String) -> Option<Self> {
        if typed.len() > TYPED_BYTES_MAX {
            return None;
        }
        let text = if typed.is_ascii() { typed } else { typed.nfkc().collect() };
        (text.chars().count() <= PASSWORD_CHARS_MAX).then_some(Self(text))
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests;

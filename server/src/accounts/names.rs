//! Usernames: what one may look like, and when two of them are the same.
//!
//! A name is shown in lower case, as in RFC 8265 (UsernameCaseMapped): with capitals kept, `AIice` could
//! stand next to `Alice`. Capitals belong into the display name.

use std::collections::HashSet;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{GeneralSecurityProfile, MixedScript, skeleton};

/// How many characters a name has, after normalisation.
pub(crate) const NAME_CHARS_MIN: usize = 2;
pub(crate) const NAME_CHARS_MAX: usize = 32;
/// What is longer is not even normalised.
const TYPED_BYTES_MAX: usize = 1024;
/// Marks stacked on one letter: living languages need two, a third only climbs into the line above.
const MARKS_IN_A_ROW_MAX: usize = 2;

/// Names that would let their owner speak for the server, or for everybody.
const RESERVED: [&str; 30] = [
    "account",
    "accounts",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "api",
    "everyone",
    "guest",
    "help",
    "here",
    "info",
    "me",
    "mod",
    "moderator",
    "nobody",
    "null",
    "official",
    "operator",
    "owner",
    "postmaster",
    "root",
    "security",
    "self",
    "server",
    "staff",
    "support",
    "system",
    "tiebreak",
    "undefined",
];

static RESERVED_KEYS: LazyLock<HashSet<String>> =
    LazyLock::new(|| RESERVED.iter().map(|name| key_of(name)).collect());

/// A username in the two forms that are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Username {
    shown: String,
    key: String,
}

/// Why a text cannot be a username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUsername {
    #[error("a username has {NAME_CHARS_MIN} to {NAME_CHARS_MAX} characters")]
    Length,
    #[error("a username starts with a letter or a digit")]
    Start,
    #[error("a username has letters, digits, '.', '_' and '-', but not {0:?}")]
    Character(char),
    #[error("a username has at most {MARKS_IN_A_ROW_MAX} accents on one letter")]
    Marks,
    #[error("a username is written in one script")]
    MixedScripts,
    #[error("this username is reserved")]
    Reserved,
}

impl Username {
    pub(crate) fn parse(typed: &str) -> Result<Self, InvalidUsername> {
        if typed.len() > TYPED_BYTES_MAX {
            return Err(InvalidUsername::Length);
        }
        let shown: String = typed.nfkc().collect::<String>().to_lowercase().nfkc().collect();
        if !(NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&shown.chars().count()) {
            return Err(InvalidUsername::Length);
        }
        if let Some(refused) = shown.chars().find(|&character| !is_allowed(character)) {
            return Err(InvalidUsername::Character(refused));
        }
        if !shown.starts_with(char::is_alphanumeric) {
            return Err(InvalidUsername::Start);
        }
        if has_stacked_marks(&shown) {
            return Err(InvalidUsername::Marks);
        }
        if !shown.as_str().is_single_script() {
            return Err(InvalidUsername::MixedScripts);
        }
        let key = key_of(&shown);
        if RESERVED_KEYS.contains(&key) {
            return Err(InvalidUsername::Reserved);
        }
        Ok(Self { shown, key })
    }

    /// The name as people see it; parses to itself.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Two names are the same when their keys are. Never shown: it may look like anything.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Case-folded, then the confusable skeleton of UTS 39, which maps what looks alike to one text: a single
/// script alone does not keep a wholly Cyrillic `аррӏе` from `apple`. Up and down again folds what lower
/// case leaves apart: `ß` and `ss`, `σ` and `ς`. The skeleton of `0` is `O`: lower case once more makes
/// `supp0rt` what it wants to pass for.
pub(super) fn key_of(text: &str) -> String {
    let lower = text.nfkc().flat_map(char::to_lowercase);
    let folded: String = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    skeleton(&folded).flat_map(char::to_lowercase).collect()
}

/// UTS 39 lists which characters identifiers of living languages need. Its marks are in (Hindi cannot do
/// without), its punctuation and its invisible joiners are not.
fn is_allowed(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    }
    character.identifier_allowed() && (character.is_alphanumeric() || is_combining_mark(character))
}

fn has_stacked_marks(name: &str) -> bool {
    let mut marks = 0;
    name.chars().any(|character| {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        marks > MARKS_IN_A_ROW_MAX
    })
}

#[cfg(test)]
mod tests;

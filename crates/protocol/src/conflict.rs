//! What names a conflict, and the words for what it is and how it stands.

use crate::prefixed_id::prefixed_ids;
use std::fmt;
use std::str::FromStr;

prefixed_ids! {
    /// A conflict, by what it is about: every replica with the same history computes the same one. Written `cnf_…`.
    ConflictId = "cnf", InvalidConflictId;
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $invalid:ident, $error:literal; $($(#[$word_doc:meta])* $word:ident = $text:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word on the wire and in every list.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        #[doc = concat!("A text that is no [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($error)]
        pub struct $invalid;

        impl FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or($invalid)
            }
        }
    };
}

words! {
    /// In what way two sides disagree.
    ConflictType, InvalidConflictType,
    "a type of conflict is one of write_write, delete_edit, replace_edit, lost_increment, mark, rule";
    /// Both wrote a value.
    WriteWrite = "write_write",
    /// One removed what the other wrote or edited.
    DeleteEdit = "delete_edit",
    /// One replaced an object inside which the other edited.
    ReplaceEdit = "replace_edit",
    /// One wrote over a counter, or removed it, that the other changed.
    LostIncrement = "lost_increment",
    /// Both formatted the same text, differently.
    Mark = "mark",
    /// The sides keep a rule of the kind each by itself and break it together.
    Rule = "rule",
}

words! {
    /// How a conflict stands.
    ConflictState, InvalidConflictState,
    "a state of a conflict is one of open, settled, overtaken";
    Open = "open",
    /// Somebody, or a rule, chose.
    Settled = "settled",
    /// Somebody who knew all candidates wrote there without being asked, or a wider conflict took it in.
    Overtaken = "overtaken",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_as_what_they_were_written_from() {
        for word in ConflictType::ALL {
            assert_eq!(word.to_string().parse(), Ok(*word));
        }
        for word in ConflictState::ALL {
            assert_eq!(word.to_string().parse(), Ok(*word));
        }
        assert_eq!("Open".parse::<ConflictState>(), Err(InvalidConflictState));
    }

    #[test]
    fn a_conflict_id_says_what_it_is() {
        let id = ConflictId::from_bytes([7; 16]);
        assert!(id.to_string().starts_with("cnf_"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().replace("cnf", "acc").parse::<ConflictId>(), Err(InvalidConflictId));
    }
}

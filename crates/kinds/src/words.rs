//! The words of a kind file.

/// What stands in a kind file as one of a few words.
pub(crate) trait Word: Sized {
    /// All of them, as an error lists them.
    const LIST: &'static str;

    fn from_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident; $($(#[$word_doc:meta])* $word:ident = $text:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word in a kind file.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }

        }

        impl Word for $name {
            const LIST: &'static str = concat!("one of:", $(" ", $text),+);

            fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What becomes of concurrent writes to one path (`x-tiebreak-merge`).
    Merge;
    /// They are a conflict that a person, or a resolver, decides.
    Flag = "flag",
    /// The library's winner stands and nobody is asked.
    Lww = "lww",
    /// Increments add up.
    Counter = "counter",
    /// A set: what anybody added is in.
    Union = "union",
    /// Edits of one text interleave.
    Text = "text",
    /// An object whose keys merge each by itself.
    Map = "map",
    /// An array whose elements merge each by itself.
    List = "list",
    /// The greatest value stands.
    Max = "max",
    /// The least value stands.
    Min = "min",
    /// A projection that only the server writes.
    Server = "server",
}

words! {
    /// What a removal does to a concurrent edit inside of what it removes (`x-tiebreak-remove`).
    Remove;
    /// The removal stands.
    Wins = "wins",
    /// The edit stands.
    Loses = "loses",
    /// They are a conflict.
    Flag = "flag",
}

words! {
    /// Who may write a path (`x-tiebreak-write`).
    Write;
    Editor = "editor",
    Owner = "owner",
}

words! {
    /// Who decides a conflict without asking a person (`x-tiebreak-resolve`).
    Resolver;
    /// The value that was written last by the server's reckoning.
    Newest = "newest",
    Largest = "largest",
    Smallest = "smallest",
}

words! {
    /// A type of JSON Schema.
    Type;
    Null = "null",
    Boolean = "boolean",
    Integer = "integer",
    Number = "number",
    String = "string",
    Array = "array",
    Object = "object",
}

impl Type {
    /// The keyword of JSON Schema that names types.
    pub const KEYWORD: &str = "type";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_what_it_was_written_from() {
        for word in Merge::ALL {
            assert_eq!(Merge::from_word(word.as_str()), Some(*word));
        }
        for word in Resolver::ALL {
            assert_eq!(Resolver::from_word(word.as_str()), Some(*word));
        }
        assert_eq!(Merge::from_word("Flag"), None);
        assert_eq!(Remove::LIST, "one of: wins loses flag");
    }
}

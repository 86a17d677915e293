//! Why an edit was not written.

use crate::path::{PathStep, Shown};

/// What keeps an edit from being written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Parents are not made along the way: two devices that each made one would hide one another's content.
    #[error("there is no object at {}: put one there first", Shown(.path))]
    NoSuchObject { path: Vec<PathStep> },
    /// Something of another kind stands there than the edit needs.
    #[error("what is at {} is {found}, not {expected}", Shown(.path))]
    WrongType { path: Vec<PathStep>, expected: &'static str, found: &'static str },
    /// A path without steps names the root, which is always a map.
    #[error("the root is a map and stays one: write its keys")]
    Root,
    /// The list or text is shorter than the edit takes it for.
    #[error("position {position} is out of range at {}, which has a length of {length}", Shown(.path))]
    OutOfRange {
        /// The list or text.
        path: Vec<PathStep>,
        position: usize,
        /// In elements or characters.
        length: usize,
    },
    /// What is inserted goes to a position of a list.
    #[error("{} does not end in a position of a list", Shown(.path))]
    NotAPosition { path: Vec<PathStep> },
    /// Only counters are added to; a plain number is put anew.
    #[error("there is no counter at {}: put one there first", Shown(.path))]
    NotACounter { path: Vec<PathStep> },
    /// Only texts are edited by characters; a plain string is put anew.
    #[error("there is no text at {}: put a string there first", Shown(.path))]
    NotAText { path: Vec<PathStep> },
    /// A server would refuse what nests deeper than `Limits::depth_max`.
    #[error("what is to stand at {} would nest deeper than {depth_max} levels", Shown(.path))]
    TooDeep { path: Vec<PathStep>, depth_max: usize },
    /// A server would refuse more in one change than `Limits::change_operations_max`.
    #[error("one change holds no more than {operations_max} operations: split the edit")]
    TooManyOperations { operations_max: u64 },
    /// After this the transaction writes nothing more, and is not committed.
    #[error("the library failed: {0}")]
    Library(String),
}

//! What the client can be told to do, and what it answers.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One character or a few: position, characters deleted there, text inserted there. Positions count characters.
pub(crate) type Edit = (usize, isize, String);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Make a document with empty texts of these names.
    Create { files: Vec<String> },
    /// Fetch a document; wait until a peer has it.
    Open { document: String },
    /// Replay edits on one text, each as a change of its own.
    Edit { document: String, file: String, edits: Vec<Edit> },
    /// Say where the document stands.
    Report { document: String },
    /// The same, once its heads are exactly these.
    Await { document: String, heads: Vec<String> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Created { document: String },
    Opened,
    Edited,
    State { heads: Vec<String>, files: BTreeMap<String, FileState> },
    Error(String),
}

#[derive(Serialize)]
pub(crate) struct FileState {
    pub(crate) characters: usize,
    pub(crate) sha256: String,
}

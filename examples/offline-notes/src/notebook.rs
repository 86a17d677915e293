//! The notebook: a map of notes, so that devices which write different notes never meet.

use crate::screen::harmless;
use anyhow::Context;
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};
use tiebreak_client::{Doc, DocSnapshot, DocumentId, Tiebreak};

pub(crate) struct Notebook {
    document: Doc,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Notes {
    notes: BTreeMap<String, Note>,
}

#[derive(Debug, Deserialize)]
struct Note {
    text: String,
    done: bool,
}

/// What becomes of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Done,
    Open,
}

impl Notebook {
    pub(crate) async fn open(tiebreak: &Tiebreak, notebook: Option<DocumentId>) -> anyhow::Result<Self> {
        let known = match notebook {
            Some(notebook) => Some(notebook),
            None => tiebreak.list().await?.first().copied(),
        };
        let document = match known {
            Some(notebook) => tiebreak.find(notebook).await?,
            None => tiebreak.create(&json!({ "notes": {} })).await?,
        };
        Ok(Self { document })
    }

    pub(crate) fn id(&self) -> DocumentId {
        self.document.id()
    }

    pub(crate) fn watch(&self) -> impl Stream<Item = Notes> + use<> {
        let readable = |snapshot: DocSnapshot| async move { snapshot.value().ok() };
        self.document.watch().filter_map(readable)
    }

    pub(crate) async fn add(&self, text: &str) -> anyhow::Result<()> {
        // The time sorts them, the document's state tells apart what two devices write at one time.
        let time_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let state = self.document.heads().iter().map(ToString::to_string).collect::<String>();
        let key = format!("{time_ms:013}-{}", state.get(..8).unwrap_or_default());
        self.document
            .change(|edit| edit.put(["notes", &key], json!({ "text": text, "done": false })))
            .await?;
        Ok(())
    }

    pub(crate) async fn mark(&self, number: &str, mark: Mark) -> anyhow::Result<()> {
        let key = self.key(number).await?;
        self.document.change(|edit| edit.put(["notes", &key, "done"], mark == Mark::Done)).await?;
        Ok(())
    }

    /// Texts merge: what two devices write into one note, both keep.
    pub(crate) async fn edit(&self, number_and_text: &str) -> anyhow::Result<()> {
        let (number, text) = number_and_text.split_once(' ').context("edit N TEXT")?;
        let key = self.key(number).await?;
        self.document.change(|edit| edit.set_text(["notes", &key, "text"], text)).await?;
        Ok(())
    }

    pub(crate) async fn remove(&self, number: &str) -> anyhow::Result<()> {
        let key = self.key(number).await?;
        self.document.change(|edit| edit.delete(["notes", &key])).await?;
        Ok(())
    }

    async fn key(&self, number: &str) -> anyhow::Result<String> {
        let number: usize = number.trim().parse().context("which note? give its number")?;
        let Notes { notes } = self.document.value().await?;
        notes.into_keys().nth(number.wrapping_sub(1)).with_context(|| format!("there is no note {number}"))
    }
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.notes.is_empty() {
            return f.write_str("  (no notes yet)");
        }
        for (number, note) in self.notes.values().enumerate() {
            let mark = if note.done { 'x' } else { ' ' };
            let end = if number + 1 < self.notes.len() { "\n" } else { "" };
            write!(f, "  {}. [{mark}] {}{end}", number + 1, harmless(&note.text))?;
        }
        Ok(())
    }
}

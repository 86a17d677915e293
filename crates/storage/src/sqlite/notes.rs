//! Small things that whoever owns a store wants to find again with its data.

use super::SqliteStore;
use super::job::Size;
use super::writes;
use crate::StorageError;
use rusqlite::Connection;

impl SqliteStore {
    /// Keeps a short text under a name, durably; it takes the place of an earlier one.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep_note(&self, name: &str, text: String) -> Result<(), StorageError> {
        let (key, size) = (key(name), Size::of(text.len()));
        self.write(size, move |connection: &Connection| {
            writes::set_setting(connection, &key, &text)?;
            Ok(())
        })
        .await
    }

    /// The text that was last kept under a name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn note(&self, name: &str) -> Result<Option<String>, StorageError> {
        let key = key(name);
        self.read(move |connection| writes::setting(connection, &key)).await
    }
}

/// Apart from the store's own settings.
fn key(name: &str) -> String {
    format!("note:{name}")
}

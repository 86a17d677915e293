//! The full check: SQLite's own integrity check, then every checksum, one document after the other.

use super::{SqliteStore, open, reads};
use crate::DamagedChunk;
use crate::rows;
use rusqlite::{Connection, params};
use tiebreak_protocol::DocumentId;

/// Damaged chunks and findings named in a report; the counts go on.
const LISTED_MAX: usize = 1000;

/// Document ids fetched at once.
const IDS_PER_PAGE: i64 = 1000;

/// Every document that has a row or only content, in order.
const IDS: &str = "SELECT id FROM documents WHERE id > $1 UNION SELECT document FROM changes WHERE document > $1 \
    UNION SELECT document FROM snapshots WHERE document > $1 ORDER BY 1 LIMIT $2";

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckProgress {
    /// SQLite looks through the file.
    Pages,
    /// Checksums are verified.
    Documents { checked: u64, of: u64 },
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// What SQLite says of the file; empty when all is well.
    pub integrity: Vec<String>,
    pub documents: u64,
    pub changes: u64,
    pub quarantined: u64,
    /// The first damaged chunks, with the total in `damaged_count`.
    pub damaged: Vec<(DocumentId, DamagedChunk)>,
    pub damaged_count: u64,
    /// Documents whose pages cannot be read at all.
    pub unreadable: Vec<(DocumentId, String)>,
    pub unreadable_count: u64,
}

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not read the database")]
pub struct CheckError(#[source] rusqlite::Error);

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.integrity.is_empty() && self.damaged_count == 0 && self.unreadable_count == 0
    }
}

impl SqliteStore {
    /// Reads everything once, holding one document in memory at a time, while the store goes on serving. Blocks.
    pub fn check(&self, progress: impl FnMut(CheckProgress)) -> Result<CheckReport, CheckError> {
        let mut connection = open::reader(&self.directory).map_err(CheckError)?;
        check(&mut connection, progress).map_err(CheckError)
    }
}

fn check(
    connection: &mut Connection,
    mut progress: impl FnMut(CheckProgress),
) -> rusqlite::Result<CheckReport> {
    progress(CheckProgress::Pages);
    let mut report = CheckReport {
        // Badly damaged files make the check itself fail.
        integrity: open::integrity(connection, "integrity_check")
            .unwrap_or_else(|error| vec![error.to_string()]),
        quarantined: count(connection, "SELECT COUNT(*) FROM quarantine")?,
        ..CheckReport::default()
    };
    report.integrity.truncate(LISTED_MAX);
    let of = count(connection, "SELECT COUNT(*) FROM documents")?;
    let mut after = Vec::new();
    loop {
        let ids = ids(connection, &after)?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        for id in ids {
            let Ok(id) = <[u8; 16]>::try_from(id) else { continue };
            report.add(connection, DocumentId::from_bytes(id));
            progress(CheckProgress::Documents { checked: report.documents, of: of.max(report.documents) });
        }
    }
    Ok(report)
}

impl CheckReport {
    fn add(&mut self, connection: &mut Connection, document: DocumentId) {
        self.documents += 1;
        match reads::load(connection, document).map(rows::Unverified::verify) {
            Ok(None) => {}
            Ok(Some(verified)) => {
                self.changes += verified.stored.changes.len() as u64;
                self.damaged_count += verified.stored.damaged.len() as u64;
                let room = LISTED_MAX.saturating_sub(self.damaged.len());
                let listed = verified.stored.damaged.into_iter().take(room);
                self.damaged.extend(listed.map(|chunk| (document, chunk)));
            }
            Err(error) => {
                self.unreadable_count += 1;
                if self.unreadable.len() < LISTED_MAX {
                    self.unreadable.push((document, error.to_string()));
                }
            }
        }
    }
}

fn ids(connection: &Connection, after: &[u8]) -> rusqlite::Result<Vec<Vec<u8>>> {
    connection.prepare_cached(IDS)?.query_map(params![after, IDS_PER_PAGE], |row| row.get(0))?.collect()
}

fn count(connection: &Connection, query: &str) -> rusqlite::Result<u64> {
    let count: i64 = connection.query_row(query, (), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

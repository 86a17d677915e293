//! The full check: SQLite's own integrity check, then every checksum, one document after the other.

use super::{SqliteStore, open, reads, relational};
use crate::accounts::{AuditVerdict, Chain};
use crate::{DamagedChunk, StoredDocument, rows};
use rusqlite::{Connection, params};
use std::path::Path;
use tiebreak_protocol::DocumentId;

/// Damaged chunks and findings named in a report; the counts go on.
const LISTED_MAX: usize = 1000;

/// Document ids fetched at once.
const IDS_PER_PAGE: i64 = 1000;

const DOCUMENTS: &str = "SELECT id FROM documents WHERE id > $1 ORDER BY id LIMIT $2";

/// Content whose document row was lost.
const ORPHANS: &str = "SELECT document FROM (SELECT document FROM changes UNION SELECT document FROM snapshots) \
    WHERE document > $1 AND document NOT IN (SELECT id FROM documents) ORDER BY document LIMIT $2";

const HAS_AUDIT_LOG: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'audit_log'";

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
    /// Whether the audit log is whole; `None` where the data is older than audit logs, or it cannot be read: that
    /// is in `integrity`.
    pub audit: Option<AuditVerdict>,
}

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not read the database")]
pub struct CheckError(#[source] rusqlite::Error);

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        let is_log_whole = matches!(self.audit, None | Some(AuditVerdict::Verified(_)));
        self.integrity.is_empty() && self.damaged_count == 0 && self.unreadable_count == 0 && is_log_whole
    }
}

impl SqliteStore {
    /// Reads everything once, holding one document in memory at a time, while the store goes on serving. Blocks.
    pub fn check(&self, progress: impl FnMut(CheckProgress)) -> Result<CheckReport, CheckError> {
        Self::check_directory(&self.directory, progress, |_document, _stored| {})
    }

    /// The same for any data directory, whether or not another process has it open: nothing is written.
    /// `inspect` is shown every document that could be read.
    pub fn check_directory(
        directory: &Path,
        progress: impl FnMut(CheckProgress),
        mut inspect: impl FnMut(DocumentId, &StoredDocument),
    ) -> Result<CheckReport, CheckError> {
        let mut connection = open::reader(directory).map_err(CheckError)?;
        Ok(check(&mut connection, progress, &mut inspect))
    }
}

type Inspect<'a> = &'a mut dyn FnMut(DocumentId, &StoredDocument);

/// Badly damaged files make the statements themselves fail: that is a finding, not the end of the check.
fn check(
    connection: &mut Connection,
    mut progress: impl FnMut(CheckProgress),
    inspect: Inspect<'_>,
) -> CheckReport {
    progress(CheckProgress::Pages);
    let mut report = CheckReport {
        integrity: open::integrity(connection, "integrity_check")
            .unwrap_or_else(|error| vec![error.to_string()]),
        quarantined: count(connection, "SELECT COUNT(*) FROM quarantine").unwrap_or_default(),
        ..CheckReport::default()
    };
    report.integrity.truncate(LISTED_MAX);
    let of = count(connection, "SELECT COUNT(*) FROM documents").unwrap_or_default();
    for query in [DOCUMENTS, ORPHANS] {
        let mut after = Vec::new();
        loop {
            let ids = match ids(connection, query, &after) {
                Ok(ids) => ids,
                Err(error) => {
                    report.integrity.push(format!("listing documents: {error}"));
                    break;
                }
            };
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            for id in ids {
                let Ok(id) = <[u8; 16]>::try_from(id) else { continue };
                report.add(connection, DocumentId::from_bytes(id), inspect);
                let checked = report.documents;
                progress(CheckProgress::Documents { checked, of: of.max(checked) });
            }
        }
    }
    match audit(connection) {
        Ok(verdict) => report.audit = verdict,
        Err(error) => report.integrity.push(format!("reading the audit log: {error}")),
    }
    report
}

fn audit(connection: &Connection) -> Result<Option<AuditVerdict>, String> {
    if count(connection, HAS_AUDIT_LOG).map_err(|error| error.to_string())? == 0 {
        return Ok(None);
    }
    let mut chain = Chain::default();
    while let Some(page) = chain.next_page() {
        chain.extend(relational::rows(connection, &page).map_err(|error| error.to_string())?);
    }
    Ok(Some(chain.verdict()))
}

impl CheckReport {
    fn add(&mut self, connection: &mut Connection, document: DocumentId, inspect: Inspect<'_>) {
        self.documents += 1;
        match reads::load(connection, document).map(rows::Unverified::verify) {
            Ok(None) => {}
            Ok(Some(verified)) => {
                inspect(document, &verified.stored);
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

fn ids(connection: &Connection, query: &str, after: &[u8]) -> rusqlite::Result<Vec<Vec<u8>>> {
    connection.prepare_cached(query)?.query_map(params![after, IDS_PER_PAGE], |row| row.get(0))?.collect()
}

fn count(connection: &Connection, query: &str) -> rusqlite::Result<u64> {
    let count: i64 = connection.query_row(query, (), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

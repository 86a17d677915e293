//! `tiebreak check`.

mod rebuild;

use super::progress::Progress;
use super::{data, output};
use crate::config::Config;
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;
use tiebreak_document::{Document, SavedChange};
use tiebreak_protocol::DocumentId;
use tiebreak_storage::accounts::AuditVerdict;
use tiebreak_storage::{CheckProgress, CheckReport, DamagedChunk, SqliteStore, StoredDocument};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Make the records of open conflicts anew from the documents, in place of checking what is stored; needs that no
    /// server has the data open
    #[arg(long)]
    rebuild_conflicts: bool,
    #[command(flatten)]
    config: Config,
}

/// Something that is wrong with one document, or with the file when it names none.
struct Finding {
    document: Option<DocumentId>,
    text: String,
}

pub(super) fn run(check: &Check) -> anyhow::Result<ExitCode> {
    let directory = data::existing(&check.config, "check")?;
    if check.rebuild_conflicts {
        return rebuild::run(check);
    }
    let mut progress = Progress::new("checking", "documents");
    let mut findings = Vec::new();
    let report = SqliteStore::check_directory(
        directory,
        |step| match step {
            CheckProgress::Pages => {}
            CheckProgress::Documents { checked, of } => progress.at(checked, of),
        },
        |document, stored| findings.extend(unopenable(document, stored)),
    )?;
    drop(progress);
    findings.extend(in_store(&report));
    if check.json {
        output::json(&to_json(&report, &findings))?;
    } else {
        print(&report, &findings)?;
    }
    let unlisted = !report.is_clean() && findings.is_empty();
    Ok(if findings.is_empty() && !unlisted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checksums tell that the bytes are those that were written; only opening tells that they make a document.
fn unopenable(document: DocumentId, stored: &StoredDocument) -> Option<Finding> {
    if stored.deleted || !stored.damaged.is_empty() {
        return None;
    }
    let saved = stored.changes.iter().map(|row| SavedChange { hash: row.hash, bytes: row.bytes.clone() });
    let mut read = Document::from_stored(stored.snapshot.clone(), saved.collect(), stored.heads.clone());
    let error = read.open().err()?;
    Some(Finding { document: Some(document), text: error.to_string() })
}

fn in_store(report: &CheckReport) -> Vec<Finding> {
    let file = report.integrity.iter().map(|text| Finding { document: None, text: text.clone() });
    let damaged = report.damaged.iter().map(|(document, chunk)| {
        let text = match chunk {
            DamagedChunk::Snapshot => "the snapshot does not match its checksum".to_owned(),
            DamagedChunk::Change { sequence } => {
                format!("stored change {sequence} is missing or does not match its checksum")
            }
            DamagedChunk::Row => "the document's row does not match its checksum".to_owned(),
        };
        Finding { document: Some(*document), text }
    });
    let unreadable = report.unreadable.iter().map(|(document, error)| Finding {
        document: Some(*document),
        text: format!("could not be read: {error}"),
    });
    file.chain(damaged).chain(unreadable).chain(in_audit_log(report)).collect()
}

fn in_audit_log(report: &CheckReport) -> Option<Finding> {
    match &report.audit {
        None | Some(AuditVerdict::Verified(_) | AuditVerdict::CutOff(_)) => None,
        Some(AuditVerdict::Broken { seq, why }) => {
            Some(Finding { document: None, text: format!("the audit log is broken at row {seq}: {why}") })
        }
    }
}

fn audit_rows(report: &CheckReport) -> u64 {
    match &report.audit {
        Some(AuditVerdict::Verified(end) | AuditVerdict::CutOff(end)) => end.rows,
        None | Some(AuditVerdict::Broken { .. }) => 0,
    }
}

fn to_json(report: &CheckReport, findings: &[Finding]) -> Value {
    let finding = |finding: &Finding| json!({ "document": finding.document.map(|id| id.to_string()), "detail": finding.text });
    json!({
        "ok": findings.is_empty() && report.is_clean(),
        "documents": report.documents,
        "changes": report.changes,
        "quarantined": report.quarantined,
        "audit_rows": audit_rows(report),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn print(report: &CheckReport, findings: &[Finding]) -> anyhow::Result<()> {
    for Finding { document, text } in findings {
        match document {
            Some(document) => output::line(&format!("{document}: {text}"))?,
            None => output::line(&format!("the database file: {text}"))?,
        }
    }
    let CheckReport { documents, changes, quarantined, .. } = report;
    output::line(&format!(
        "{documents} documents, {changes} changes since their snapshots, {quarantined} set aside; {} rows in the \
         audit log",
        audit_rows(report)
    ))?;
    output::line(if findings.is_empty() && report.is_clean() {
        "no damage found"
    } else {
        "damage found: what is named above is not as it was written; restore a backup beside and take it from there"
    })
}

//! `tiebreak check --rebuild-conflicts`.

use super::Check;
use crate::cli::output;
use crate::conflicts::{ConflictRecords, Rebuilt};
use crate::events::EventStreams;
use crate::kinds;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use tiebreak_driver::unix_ms;
use tiebreak_storage::accounts::PAGE_ROWS_MAX;
use tiebreak_storage::{DocumentStore, SqliteOptions, SqliteStore};
use tiebreak_sync::room::Flagging;

/// What was found in all documents.
#[derive(Debug, Default)]
struct Sum {
    documents: usize,
    rebuilt: Rebuilt,
    unreadable: usize,
}

/// Documents are read one after the other; whatever was right stays as it is.
pub(super) fn run(check: &Check) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sum = runtime.block_on(rebuild(check))?;
    let Sum { documents, rebuilt, unreadable } = sum;
    if check.json {
        output::json(&json!({
            "documents": documents,
            "opened": rebuilt.opened,
            "changed": rebuilt.changed,
            "closed": rebuilt.closed,
            "unreadable": unreadable,
        }))?;
    } else {
        let Rebuilt { opened, changed, closed } = rebuilt;
        output::line(&format!(
            "{documents} documents: {opened} conflicts were missing, {changed} were recorded otherwise than they are, \
             {closed} are over; {unreadable} documents could not be read"
        ))?;
    }
    Ok(if unreadable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn rebuild(check: &Check) -> anyhow::Result<Sum> {
    let config = &check.config;
    let kinds = kinds::load(config.kinds.as_deref())?;
    let store = Arc::new(SqliteStore::open(&config.data, &SqliteOptions::default())?);
    let records =
        ConflictRecords::new(Arc::<SqliteStore>::clone(&store), kinds.clone(), EventStreams::default());
    let flagging = Flagging { kinds, plain: config.plain_documents.into() };
    let most = config.limits.limits().conflicts_open_max;
    let (mut sum, mut after) = (Sum::default(), None);
    loop {
        let page = store.list(after, PAGE_ROWS_MAX).await?;
        for summary in &page.documents {
            let document = summary.document;
            let Some(stored) = store.load(document).await? else { continue };
            sum.documents += 1;
            match records.rebuild(document, stored, (&flagging, most), unix_ms()).await {
                Ok(rebuilt) if rebuilt == Rebuilt::default() => {}
                Ok(rebuilt) => {
                    sum.rebuilt.add(rebuilt);
                    check.say(&format!("{document}: {}", words(rebuilt)))?;
                }
                Err(error) => {
                    sum.unreadable += 1;
                    check.say(&format!("{document}: left as it is: {error}"))?;
                }
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    store.close().await?;
    Ok(sum)
}

impl Check {
    /// With JSON there is one answer, at the end.
    fn say(&self, line: &str) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { output::line(line) }
    }
}

fn words(Rebuilt { opened, changed, closed }: Rebuilt) -> String {
    format!("{opened} opened, {changed} changed, {closed} closed")
}

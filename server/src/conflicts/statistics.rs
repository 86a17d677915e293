//! Which fields people disagree about, how that ends, and how long it takes: so that owners see which field deserves
//! another rule.

use super::{Body, ConflictRecords, How};
use crate::metrics;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tiebreak_kinds::{Kinds, Node};
use tiebreak_protocol::ConflictState;
use tiebreak_storage::StorageError;
use tiebreak_storage::accounts::PAGE_ROWS_MAX;
use tiebreak_storage::conflicts::{ConflictFilter, ConflictRow};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Conflicts that are looked at for statistics: the last opened.
const LOOKED_AT_MAX: usize = 20_000;

/// Stands for keys that the kind does not name, and for positions.
const ANY: &str = "*";

/// Conflicts by field.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) fields: BTreeMap<Field, Counts>,
    pub(crate) conflicts: usize,
    /// Whether there were no older ones.
    pub(crate) are_all: bool,
}

/// A path of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// Empty: plain documents.
    pub(crate) kind: String,
    /// As in `lines/*/note`; empty: the whole document.
    pub(crate) path: String,
}

/// What became of a field's conflicts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) open: usize,
    /// Somebody chose.
    pub(crate) chosen: usize,
    /// A rule of the kind chose.
    pub(crate) by_rule: usize,
    /// Somebody wrote the place, or the sides came to mean the same.
    pub(crate) overtaken: usize,
    /// How long the chosen ones were open.
    open_ms: Vec<i64>,
}

impl Counts {
    pub(crate) const fn total(&self) -> usize {
        self.open + self.chosen + self.by_rule + self.overtaken
    }

    /// In how many milliseconds so many percent of the chosen ones were settled.
    pub(crate) fn settled_within_ms(&self, percent: usize) -> Option<i64> {
        let last = self.open_ms.len().checked_sub(1)?;
        let mut sorted = self.open_ms.clone();
        sorted.sort_unstable();
        sorted.get(last * percent / 100).copied()
    }

    fn add(&mut self, row: &ConflictRow) {
        match (row.state, Body::read(&row.body).settled.map(|settled| settled.how)) {
            (ConflictState::Open, _) => self.open += 1,
            (ConflictState::Settled, Some(How::Rule)) => self.by_rule += 1,
            (ConflictState::Settled, _) => {
                self.chosen += 1;
                self.open_ms.extend(row.closed_ms.map(|closed| closed.saturating_sub(row.opened_ms)));
            }
            (ConflictState::Overtaken, _) => self.overtaken += 1,
        }
    }
}

impl ConflictRecords {
    pub(crate) async fn statistics(&self) -> Result<Statistics, StorageError> {
        let mut statistics = Statistics { are_all: true, ..Statistics::default() };
        let mut filter = ConflictFilter { limit: PAGE_ROWS_MAX, ..ConflictFilter::default() };
        loop {
            let page = self.list(filter).await?;
            for row in &page.conflicts {
                statistics.fields.entry(field(row, &self.kinds)).or_default().add(row);
            }
            statistics.conflicts += page.conflicts.len();
            if page.next.is_none() {
                return Ok(statistics);
            }
            if statistics.conflicts >= LOOKED_AT_MAX {
                statistics.are_all = false;
                return Ok(statistics);
            }
            filter.after = page.next;
        }
    }
}

/// How often the metric of open conflicts is set.
const COUNTED_EVERY: Duration = Duration::from_secs(30);

impl ConflictRecords {
    /// Tells the metrics how many conflicts are open, until the server closes. The store knows, whoever wrote them.
    pub(crate) async fn keep_counted(self, closing: CancellationToken) {
        let mut counted = BTreeSet::new();
        let mut tick = tokio::time::interval(COUNTED_EVERY);
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                _ = tick.tick() => {}
            }
            match self.store.open_by_kind().await {
                Ok(open) => {
                    counted.extend(open.keys().cloned());
                    for kind in &counted {
                        metrics::conflicts_open(kind, open.get(kind).copied().unwrap_or_default());
                    }
                }
                Err(error) => debug!(%error, "open conflicts were not counted"),
            }
        }
    }
}

fn field(row: &ConflictRow, kinds: &Kinds) -> Field {
    let path: Vec<Json> = serde_json::from_str(&row.path).unwrap_or_default();
    Field { kind: row.kind.clone(), path: pattern(&path, kinds.get(&row.kind).map(|kind| kind.root())) }
}

fn pattern(path: &[Json], mut node: Option<&Node>) -> String {
    let step = |step: &Json| {
        let Some(key) = step.as_str() else {
            node = node.map(Node::element);
            return ANY.to_owned();
        };
        let is_named = node.is_none_or(|node| node.declares(key));
        node = node.map(|node| node.child(key));
        if is_named { key.to_owned() } else { ANY.to_owned() }
    };
    path.iter().map(step).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_the_kind_does_not_name_and_positions_are_any() {
        let kinds = Kinds::built_in();
        let cart = kinds.get("cart").map(|kind| kind.root());
        let of = |path: Json, node| pattern(path.as_array().unwrap(), node);
        assert_eq!(of(json!(["lines", "tent", "note"]), cart), "lines/*/note");
        assert_eq!(of(json!(["coupons", 3]), cart), "coupons/*");
        assert_eq!(of(json!(["address"]), cart), "address");
        assert_eq!(of(json!(["list", 1, "done"]), None), "list/*/done");
        assert_eq!(of(json!([]), cart), "");
    }

    #[test]
    fn half_of_the_choices_were_made_within_the_median() {
        let counts = Counts { open_ms: vec![50, 10, 20, 1_000, 30], ..Counts::default() };
        assert_eq!((counts.settled_within_ms(50), counts.settled_within_ms(90)), (Some(30), Some(50)));
        assert_eq!(Counts::default().settled_within_ms(50), None);
    }
}

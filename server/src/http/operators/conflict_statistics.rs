//! `GET /v1/conflicts/stats`.

use crate::conflicts::{ConflictRecords, Counts, Field, Statistics};
use crate::http::problem::{Fault, KindsProblems};
use crate::storage::refusal;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// Conflicts by field, the field with the most first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictStatistics {
    items: Vec<FieldStatistics>,
    /// How many conflicts this is about.
    conflicts: usize,
    /// Whether these are all; else the last opened.
    complete: bool,
}

/// What became of one field's conflicts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldStatistics {
    /// Null for documents without a kind.
    kind: Option<String>,
    /// As in `lines/*/note`: `*` stands for keys that the kind does not name, and for positions.
    path: String,
    open: usize,
    /// Somebody chose.
    settled: usize,
    /// A rule of the kind chose.
    settled_by_rule: usize,
    /// Somebody wrote the place, or the sides came to mean the same.
    overtaken: usize,
    /// From opening to choice; null where nobody has chosen yet.
    seconds_to_settle: Option<SettlingTime>,
}

/// In how many seconds conflicts are settled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettlingTime {
    /// Half of them.
    p50: f64,
    /// Nine of ten.
    p90: f64,
}

/// See which fields people disagree about
#[utoipa::path(
    get,
    path = "/v1/conflicts/stats",
    tag = "conflicts",
    responses((status = OK, description = "Conflicts by field", body = ConflictStatistics), KindsProblems)
)]
pub(super) async fn conflict_statistics(
    State(records): State<ConflictRecords>,
) -> Result<Json<ConflictStatistics>, Fault> {
    let statistics = records.statistics().await.map_err(|error| Fault::Refused(refusal(&error)))?;
    Ok(Json(statistics.into()))
}

impl From<Statistics> for ConflictStatistics {
    fn from(statistics: Statistics) -> Self {
        let Statistics { fields, conflicts, are_all } = statistics;
        let mut fields: Vec<_> = fields.into_iter().collect();
        // What is equal stays in the order of kinds and paths.
        fields.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.total()));
        let items = fields.into_iter().map(|(field, counts)| FieldStatistics::of(field, &counts)).collect();
        Self { items, conflicts, complete: are_all }
    }
}

impl FieldStatistics {
    fn of(Field { kind, path }: Field, counts: &Counts) -> Self {
        let within = |percent| counts.settled_within_ms(percent).map(seconds);
        Self {
            kind: (!kind.is_empty()).then_some(kind),
            path,
            open: counts.open,
            settled: counts.chosen,
            settled_by_rule: counts.by_rule,
            overtaken: counts.overtaken,
            seconds_to_settle: within(50).zip(within(90)).map(|(p50, p90)| SettlingTime { p50, p90 }),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody minds a millisecond after 285,000 years")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

//! Conflicts as callers see them.

use super::super::problem::Fault;
use super::super::time;
use crate::conflicts::{Body, ConflictRecords, How, Shown, Side};
use crate::storage::refusal;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tiebreak_protocol::AccountId;
use tiebreak_storage::conflicts::{ConflictCursor, ConflictRow};
use utoipa::ToSchema;

/// One page of conflicts, the last opened first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictList {
    pub(super) items: Vec<ConflictItem>,
    /// What to ask for as `after` to get the next page; null on the last one.
    pub(super) next: Option<String>,
    /// For `for=me`: the document in which the caller finds its conflicts, as any automerge-repo client can open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inbox: Option<String>,
}

/// Two or more sides that disagree about one place of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictItem {
    id: String,
    document: String,
    /// The document's kind; null for a plain one.
    kind: Option<String>,
    /// Keys and positions. A position is that of the last time anything changed here; null is an element that is gone.
    path: Vec<Json>,
    /// What people call the place.
    label: String,
    /// `write_write`, `delete_edit`, `replace_edit`, `lost_increment`, `mark` or `rule`.
    r#type: &'static str,
    /// `open`, `settled` or `overtaken`.
    state: &'static str,
    /// Higher with every change of it; the number in its entity tag.
    version: u64,
    /// What all sides started from; null when there was nothing, or when it is secret as the candidates are.
    base: Json,
    /// Only its beginning is shown, as a string.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    base_truncated: bool,
    candidates: Vec<CandidateItem>,
    /// Further candidates, which stand in the document's history only.
    #[serde(skip_serializing_if = "is_zero")]
    more_candidates: usize,
    opened_at: Option<String>,
    changed_at: Option<String>,
    closed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<SettledItem>,
    /// The conflict in the same place that took this one in.
    #[serde(skip_serializing_if = "Option::is_none")]
    wider: Option<String>,
}

/// One side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CandidateItem {
    /// What to choose it by.
    id: String,
    /// Null when it removes what was there.
    #[serde(flatten)]
    value: ShownValue,
    /// It removes what was there.
    removed: bool,
    /// The latest change that keeps it.
    change: String,
    /// The last changes that keep it: a choice made on a device follows from these, of all candidates.
    changes: Vec<String>,
    /// Under which actor that was made.
    actor: String,
    /// Whose it is; null where nobody is asked who they are.
    principal: Option<PrincipalItem>,
    /// On which device; null where that is not known.
    device: Option<String>,
    /// When, as the device said: order nothing by it.
    device_time: Option<String>,
    /// When it reached the server; null when it was here before anybody asked.
    server_time: Option<String>,
}

/// A value as far as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownValue {
    value: Json,
    /// Only its beginning is shown, as a string; the whole stands in the document's history.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// The document's kind keeps it secret; null stands for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
}

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PrincipalItem {
    account: String,
    /// What people call it; null when it is gone.
    name: Option<String>,
}

/// What became of a conflict.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettledItem {
    /// Who wrote what stands now; null where nobody is asked who they are.
    by: Option<PrincipalItem>,
    /// `choice`: somebody settled it; `rule`: the document's kind has one for it; `write`: somebody who knew all sides wrote the place; `agreement`: the sides mean
    /// the same; `wider`: another conflict took it in.
    how: &'static str,
    /// Which rule of the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    change: Option<String>,
    /// When that reached the server.
    at: Option<String>,
    /// Whether that left nothing in its place: `value` is null then too.
    removed: bool,
    /// What stood then; null when nothing did, or several sides that mean the same.
    #[serde(flatten)]
    value: ShownValue,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What the accounts in some conflicts are called today.
#[derive(Debug, Default)]
pub(super) struct People {
    name_by_account: BTreeMap<AccountId, Option<String>>,
}

impl People {
    pub(super) async fn of(records: &ConflictRecords, rows: &[ConflictRow]) -> Result<Self, Fault> {
        let mut people = Self::default();
        for row in rows {
            let body = Body::read(&row.body);
            let sides = body.candidates.iter().filter_map(|side| side.account);
            for account in sides.chain(body.settled.and_then(|settled| settled.account)) {
                if people.name_by_account.contains_key(&account) {
                    continue;
                }
                let found = records.accounts().account(account).await;
                let found = found.map_err(|error| Fault::Refused(refusal(&error)))?;
                people.name_by_account.insert(account, found.map(|account| account.display_name));
            }
        }
        Ok(people)
    }

    fn principal(&self, account: Option<AccountId>) -> Option<PrincipalItem> {
        let account = account?;
        let name = self.name_by_account.get(&account).cloned().flatten();
        Some(PrincipalItem { account: account.to_string(), name })
    }
}

impl ConflictItem {
    pub(super) fn of(row: ConflictRow, people: &People) -> Self {
        let body = Body::read(&row.body);
        let base = ShownValue::of(body.base.as_ref());
        let at = row.closed_ms.and_then(time::from_milliseconds);
        let settled = body.settled.as_ref().map(|settled| SettledItem {
            by: people.principal(settled.account),
            how: How::as_str(settled.how),
            rule: settled.rule.clone(),
            change: settled.change.map(|change| change.to_string()),
            at: at.clone(),
            removed: settled.value.is_none() && settled.how.leaves_one_side(),
            value: ShownValue::of(settled.value.as_ref()),
        });
        Self {
            id: row.id.to_string(),
            document: row.document.to_string(),
            kind: (!row.kind.is_empty()).then_some(row.kind),
            path: serde_json::from_str(&row.path).unwrap_or_default(),
            label: row.label,
            r#type: row.conflict_type.as_str(),
            state: row.state.as_str(),
            version: row.version,
            base: base.value,
            base_truncated: base.truncated,
            candidates: body.candidates.into_iter().map(|side| CandidateItem::of(side, people)).collect(),
            more_candidates: body.more,
            opened_at: time::from_milliseconds(row.opened_ms),
            changed_at: time::from_milliseconds(row.changed_ms),
            closed_at: at,
            settled,
            wider: row.wider.map(|wider| wider.to_string()),
        }
    }
}

impl CandidateItem {
    fn of(side: Side, people: &People) -> Self {
        Self {
            removed: side.value.is_none(),
            value: ShownValue::of(side.value.as_ref()),
            id: side.id,
            change: side.change.to_string(),
            changes: side.changes.iter().map(ToString::to_string).collect(),
            actor: side.actor,
            principal: people.principal(side.account),
            device: None,
            device_time: Some(side.device_time_s).filter(|time| *time != 0).and_then(time::from_seconds),
            server_time: side.server_ms.and_then(time::from_milliseconds),
        }
    }
}

impl ShownValue {
    fn of(shown: Option<&Shown>) -> Self {
        let value = match shown {
            Some(Shown::Whole(value)) => value.clone(),
            Some(Shown::Beginning(text)) => Json::from(text.as_str()),
            Some(Shown::Secret) | None => Json::Null,
        };
        Self {
            value,
            truncated: matches!(shown, Some(Shown::Beginning(_))),
            secret: matches!(shown, Some(Shown::Secret)),
        }
    }
}

/// Where a page goes on, as text.
pub(super) fn cursor_text(cursor: &ConflictCursor) -> String {
    format!("{}_{}", cursor.opened_ms, cursor.id)
}

pub(super) fn cursor(text: &str) -> Result<ConflictCursor, Fault> {
    let read = || {
        let (opened_ms, id) = text.split_once('_')?;
        Some(ConflictCursor { opened_ms: opened_ms.parse().ok()?, id: id.parse().ok()? })
    };
    read().ok_or_else(|| Fault::InvalidParameter("after must be the `next` of a page before".to_owned()))
}

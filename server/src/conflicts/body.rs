//! What of a conflict is kept as one JSON value: its sides, what they started from, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tiebreak_document::{Candidate, Conflict, ConflictDigest};
use tiebreak_protocol::{AccountId, ChangeHash, ConflictState};
use tiebreak_sync::room::{Closed, Disagreement};

/// Candidates of one conflict that are recorded: the first by their ids. The others are in the history, and counted.
const CANDIDATES_RECORDED_MAX: usize = 32;

/// A value that takes more, as JSON, is recorded by its beginning; the whole is in the document's history.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// The body of a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    /// Of the conflict as it was recorded.
    #[serde(with = "text")]
    pub(crate) digest: ConflictDigest,
    /// `None`: there was nothing.
    pub(crate) base: Option<Shown>,
    pub(crate) candidates: Vec<Side>,
    /// Candidates that are not among them.
    pub(crate) more: usize,
    pub(crate) settled: Option<Settled>,
}

/// A value, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    Whole(Json),
    /// The beginning of a text, or of a value written as JSON.
    Beginning(String),
    /// The kind keeps it out of records.
    Secret,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) id: String,
    /// `None`: it removes what was there.
    pub(crate) value: Option<Shown>,
    #[serde(with = "text")]
    pub(crate) change: ChangeHash,
    #[serde(with = "texts")]
    pub(crate) changes: Vec<ChangeHash>,
    pub(crate) actor: String,
    #[serde(with = "maybe_text")]
    pub(crate) account: Option<AccountId>,
    /// What the device said.
    pub(crate) device_time_s: i64,
    /// When its last change came; `None`: it was folded into a snapshot before anybody asked.
    pub(crate) server_ms: Option<i64>,
}

/// What stands in the place now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) how: How,
    /// Which rule of the kind.
    #[serde(default)]
    pub(crate) rule: Option<String>,
    #[serde(with = "maybe_text")]
    pub(crate) account: Option<AccountId>,
    pub(crate) actor: Option<String>,
    #[serde(with = "maybe_text")]
    pub(crate) change: Option<ChangeHash>,
    pub(crate) device_time_s: i64,
    pub(crate) value: Option<Shown>,
}

/// How a conflict came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// Somebody chose.
    Choice,
    /// The document's kind has a rule for it.
    Rule,
    /// Somebody who knew all sides wrote the place, or took away what it is in.
    Write,
    /// The sides mean the same by now.
    Agreement,
    /// Another conflict in the same place took it in.
    Wider,
}

impl How {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Choice => "choice",
            Self::Rule => "rule",
            Self::Write => "write",
            Self::Agreement => "agreement",
            Self::Wider => "wider",
        }
    }

    /// Whether one side stands now, and the record tells what it shows.
    pub(crate) const fn leaves_one_side(self) -> bool {
        match self {
            Self::Choice | Self::Rule | Self::Write => true,
            Self::Agreement | Self::Wider => false,
        }
    }
}

impl Body {
    pub(super) fn of(disagreement: &Disagreement) -> Self {
        let Disagreement { conflict, is_secret, accounts, .. } = disagreement;
        let shown = |value: &Json| if *is_secret { Shown::Secret } else { Shown::of(value) };
        let side = |side: &Candidate| Side {
            id: side.id.clone(),
            value: side.value.as_ref().map(shown),
            change: side.change,
            changes: side.changes.clone(),
            actor: side.actor.to_string(),
            account: accounts.get(&side.actor).copied(),
            device_time_s: side.time_s,
            server_ms: None,
        };
        let Conflict { base, candidates, .. } = conflict;
        Self {
            digest: conflict.digest(),
            base: base.as_ref().map(shown),
            candidates: candidates.iter().take(CANDIDATES_RECORDED_MAX).map(side).collect(),
            more: candidates.len().saturating_sub(CANDIDATES_RECORDED_MAX),
            settled: None,
        }
    }

    /// Of a body that another version wrote, as much as can be read.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn side(&self, id: &str) -> Option<&Side> {
        self.candidates.iter().find(|side| side.id == id)
    }

    fn is_secret(&self) -> bool {
        let mut values = self.candidates.iter().filter_map(|side| side.value.as_ref()).chain(&self.base);
        values.any(|value| *value == Shown::Secret)
    }
}

impl Settled {
    pub(super) fn of(closed: &Closed, body: &Body) -> Option<Self> {
        let by = closed.by.as_ref();
        let how = match (closed.state, closed.wider, by) {
            (ConflictState::Settled, _, _) if closed.rule.is_some() => How::Rule,
            (ConflictState::Settled, _, _) => How::Choice,
            (_, Some(_), _) => How::Wider,
            (_, None, Some(_)) => How::Write,
            (_, None, None) => How::Agreement,
        };
        let value = by.and_then(|by| by.value.as_ref());
        let shown = |value| if body.is_secret() { Shown::Secret } else { Shown::of(value) };
        Some(Self {
            how,
            rule: closed.rule.clone(),
            account: closed.account,
            actor: by.map(|by| by.actor.to_string()),
            change: by.map(|by| by.change),
            device_time_s: by.map_or(0, |by| by.time_s),
            value: value.map(shown),
        })
    }
}

impl Shown {
    fn of(value: &Json) -> Self {
        let text = match value {
            Json::String(text) if text.len() > VALUE_BYTES_MAX => text.clone(),
            Json::Array(_) | Json::Object(_) => value.to_string(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                return Self::Whole(value.clone());
            }
        };
        if text.len() <= VALUE_BYTES_MAX {
            return Self::Whole(value.clone());
        }
        Self::Beginning(text[..text.floor_char_boundary(VALUE_BYTES_MAX)].to_owned())
    }
}

/// Names as their text.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(name: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(name)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

mod maybe_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(
        name: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        name.as_ref().map(ToString::to_string).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

mod texts {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(
        names: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(names.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

//! What an event stream tells: what its account may hear, in order, from where it stopped.

use super::super::gate::Asker;
use super::super::problem::Fault;
use crate::access::Action;
use crate::conflicts::ConflictRecords;
use crate::events::Place;
use crate::storage::refusal;
use axum::response::sse::Event;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::time::Duration;
use tiebreak_protocol::{ConflictState, DocumentId, Refusal};
use tiebreak_storage::conflicts::{ConflictRow, NewsFilter};
use tokio::time::{Instant, sleep_until};
use tracing::debug;
use utoipa::ToSchema;

/// The name of every event that there is.
const CONFLICT: &str = "conflict";

/// After something was told, what comes gathers for this long: a place that is written over and over is told of once,
/// and whoever makes very many conflicts at once floods nobody.
const GATHERS_FOR: Duration = Duration::from_millis(500);

/// Conflicts that are in memory for one stream: whoever takes them slowly is not to hold much.
const READ_AT_ONCE_MAX: usize = 16;

/// What a conflict has come to; `GET /v1/conflicts/{id}` tells the rest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictEvent {
    conflict: String,
    document: String,
    /// `open`, `settled` or `overtaken`.
    state: &'static str,
    /// `write_write`, `delete_edit`, `replace_edit`, `lost_increment`, `mark` or `rule`.
    r#type: &'static str,
    /// What people call the place.
    label: String,
    /// Keys and positions; null is an element that is gone.
    #[schema(value_type = Vec<Json>)]
    path: Json,
    /// Higher with every change of the conflict. One that was told before may be told again with the same.
    version: u64,
}

/// Reads on where it stopped, and waits where there is no more.
pub(super) struct Reader {
    records: ConflictRecords,
    asker: Asker,
    place: Place,
    document: Option<DocumentId>,
    filter: NewsFilter,
    /// Up to here only what is open is read.
    open_through: Option<i64>,
    /// Up to here it reads as fast as it can: what was there when it began.
    begins_behind: i64,
    /// Read, and not told yet.
    read: VecDeque<(i64, DocumentId, ConflictEvent)>,
    read_again_at: Instant,
}

impl Reader {
    pub(super) async fn open(
        records: ConflictRecords,
        asker: Asker,
        place: Place,
        (heard, document): (Option<i64>, Option<DocumentId>),
    ) -> Result<Self, Fault> {
        let last = records.store().last().await.map_err(|error| refusal(&error))?;
        let mut filter = NewsFilter {
            after: 0,
            state: Some(ConflictState::Open),
            account: place.interest().account(),
            limit: READ_AT_ONCE_MAX,
        };
        let mut open_through = Some(last);
        // A number that was not given yet comes from before the data was restored from a backup, if from here.
        if let Some(heard) = heard.filter(|heard| *heard <= last) {
            (filter.after, filter.state, open_through) = (heard, None, None);
        }
        let read_again_at = Instant::now();
        Ok(Self {
            records,
            asker,
            place,
            document,
            filter,
            open_through,
            begins_behind: last,
            read: VecDeque::new(),
            read_again_at,
        })
    }

    /// The next event. `None`: it cannot be known, and whoever listens should come back.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            let told = match self.read.pop_front() {
                Some(read) => self.told(read).await,
                None => self.read_on().await,
            };
            match told {
                Ok(None) => {}
                Ok(Some(event)) => return Some(event),
                Err(fault) => {
                    debug!(%fault, "an event stream ends");
                    return None;
                }
            }
        }
    }

    /// Behind what is open stands an id alone: whoever comes back from there is not told what was closed long before.
    async fn read_on(&mut self) -> Result<Option<Event>, Fault> {
        sleep_until(self.read_again_at).await;
        let news = self.records.store().since(self.filter).await;
        let mut news = news.map_err(|error| Fault::Refused(refusal(&error)))?;
        if let Some(through) = self.open_through {
            news.retain(|(number, _)| *number <= through);
        }
        match (news.last(), self.open_through) {
            (Some((last, _)), Some(_through)) => self.filter.after = *last,
            (Some((last, _)), None) => {
                self.filter.after = *last;
                if self.filter.after >= self.begins_behind {
                    self.read_again_at = Instant::now() + GATHERS_FOR;
                }
            }
            (None, Some(through)) => {
                (self.filter.after, self.filter.state, self.open_through) = (through, None, None);
                return Ok(Some(Event::default().id(through.to_string())));
            }
            (None, None) => self.place.woken().await,
        }
        let wanted = |row: &ConflictRow| self.document.is_none_or(|document| document == row.document);
        let wanted = news.into_iter().filter(|(_, row)| wanted(row));
        self.read.extend(wanted.map(|(number, row)| (number, row.document, ConflictEvent::of(row))));
        Ok(None)
    }

    /// Whoever may not read the document any more, may not hear of it.
    async fn told(
        &self,
        (number, document, told): (i64, DocumentId, ConflictEvent),
    ) -> Result<Option<Event>, Fault> {
        match self.asker.still_may(Action::ReadDocument, document).await {
            Ok(()) => {}
            Err(Fault::DocumentNotFound | Fault::Refused(Refusal::AccessDenied)) => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let event = Event::default().id(number.to_string()).event(CONFLICT);
        event.json_data(told).map(Some).map_err(|_unwritable| Fault::Internal)
    }
}

impl ConflictEvent {
    fn of(row: ConflictRow) -> Self {
        Self {
            conflict: row.id.to_string(),
            document: row.document.to_string(),
            state: row.state.as_str(),
            r#type: row.conflict_type.as_str(),
            label: row.label,
            path: serde_json::from_str(&row.path).unwrap_or_default(),
            version: row.version,
        }
    }
}

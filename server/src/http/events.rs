//! `/v1/events`: a stream that tells people of the conflicts that concern them, as Server-Sent Events.

use super::gate::Asker;
use super::guard::Lasting;
use super::problem::{EventsProblems, Fault};
use super::request::{Parameters, document_id};
use crate::access::{Action, Registration, Word};
use crate::conflicts::ConflictRecords;
use crate::doors::automerge::Door;
use crate::events::{Interest, NoPlace, Place};
use crate::storage::refusal;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tiebreak_protocol::{ConflictState, DocumentId, Refusal};
use tiebreak_storage::accounts::PAGE_ROWS_MAX;
use tiebreak_storage::conflicts::{ConflictRow, NewsFilter};
use tiebreak_sync::SessionId;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use utoipa::{IntoParams, ToSchema};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The name of every event that there is.
const CONFLICT: &str = "conflict";

/// After something was told, what comes gathers for this long: a place that is written over and over is told of once.
const GATHERS_FOR: Duration = Duration::from_millis(500);

/// How often something is written that nobody reads, so that both sides, and what stands between them, know that the
/// other is there.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// Proxies that keep answers back until they have much of them are asked not to.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only conflicts of this document.
    document: Option<String>,
}

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

/// Be told of conflicts
///
/// Of those that the caller is in or is told of; of all where nobody is asked who they are. It begins with those that
/// are open, or behind the event that `Last-Event-ID` names, and goes on with what happens. Each conflict is told as it
/// is by then: once, however often it changed meanwhile.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "conflicts",
    params(
        Wanted,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was heard"),
    ),
    responses(
        (
            status = OK,
            description = "Events named `conflict`, as long as both sides stay",
            body = ConflictEvent,
            content_type = "text/event-stream",
        ),
        EventsProblems,
    )
)]
pub(super) async fn events(
    State(door): State<Door>,
    State(records): State<ConflictRecords>,
    asker: Asker,
    Parameters(wanted): Parameters<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if door.closing.is_cancelled() {
        return Err(Refusal::ShuttingDown.into());
    }
    let heard = last_event_id(&headers)?;
    let document = wanted.document.as_deref().map(document_id).transpose()?;
    if let Some(document) = document {
        asker.still_may(Action::ReadDocument, document).await?;
    }
    let caller = asker.principal.caller();
    let interest = match caller {
        Some(caller) if !caller.scope.reaches_everything() => Interest::Of(caller.account),
        Some(_) | None => Interest::All,
    };
    let place = records.streams().enter(caller.map(|caller| caller.account), interest);
    let place = place.map_err(|full| match full {
        NoPlace::OfAccount => Fault::TooManyEventStreams,
        NoPlace::InAll => Refusal::Busy.into(),
    })?;
    let session = SessionId(door.next_session.fetch_add(1, Ordering::Relaxed));
    let registration = asker.register(session).await?;
    let until = caller.and_then(|caller| caller.identity(door.clock.now()).until);
    let rights = Rights {
        closing: door.closing.clone(),
        registration,
        until: until.map(|elapsed| door.clock.instant(elapsed)),
    };
    let reader = Reader::open(records, asker, place, (heard, document)).await?;
    let stream = unfold(Box::new((rights, reader)), async |mut stream| {
        let (rights, reader) = &mut *stream;
        let event = tokio::select! {
            biased;
            () = rights.end() => None,
            event = reader.next() => event,
        };
        event.map(|event| (Ok::<_, Infallible>(event), stream))
    });
    let signs = KeepAlive::new().interval(SIGN_OF_LIFE_EVERY);
    let headers = [(CACHE_CONTROL, "private, no-cache"), UNBUFFERED];
    let mut response = (headers, Sse::new(stream).keep_alive(signs)).into_response();
    response.extensions_mut().insert(Lasting);
    Ok(response)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Fault> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    match (number, values.next()) {
        (Some(number), None) if number >= 0 => Ok(Some(number)),
        _other => {
            let what = "Last-Event-ID is the id of an event that was heard here; without it, all that is open is told";
            Err(Fault::InvalidParameter(what.to_owned()))
        }
    }
}

/// What ends a stream, whatever there is to tell.
struct Rights {
    closing: CancellationToken,
    registration: Option<Registration>,
    /// When the token is over with which it came.
    until: Option<Instant>,
}

impl Rights {
    async fn end(&mut self) {
        let Self { closing, registration, until } = self;
        tokio::select! {
            () = closing.cancelled() => {}
            () = signed_out(registration) => {}
            () = over(*until) => {}
        }
    }
}

/// Rights on documents are asked for with each event, so words about them say nothing new.
async fn signed_out(registration: &mut Option<Registration>) {
    let Some(registration) = registration else { return std::future::pending().await };
    while registration.heard().await != Word::SignedOut {}
}

async fn over(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Reads on where it stopped, and waits where there is no more.
struct Reader {
    records: ConflictRecords,
    asker: Asker,
    place: Place,
    document: Option<DocumentId>,
    filter: NewsFilter,
    /// Up to here only what is open is read.
    open_through: Option<i64>,
    /// Read, and not told yet.
    read: VecDeque<(i64, ConflictRow)>,
    read_again_at: Instant,
}

impl Reader {
    async fn open(
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
            limit: PAGE_ROWS_MAX,
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
            read: VecDeque::new(),
            read_again_at,
        })
    }

    /// The next event. `None`: it cannot be known, and whoever listens should come back.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let told = match self.read.pop_front() {
                Some((number, row)) => self.told(number, row).await,
                None => self.read_on().await.map(|()| None),
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

    async fn read_on(&mut self) -> Result<(), Fault> {
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
                self.read_again_at = Instant::now() + GATHERS_FOR;
            }
            (None, Some(through)) => {
                (self.filter.after, self.filter.state, self.open_through) = (through, None, None);
            }
            (None, None) => self.place.woken().await,
        }
        self.read.extend(news);
        Ok(())
    }

    /// Whoever may not read the document any more, may not hear of it.
    async fn told(&self, number: i64, row: ConflictRow) -> Result<Option<Event>, Fault> {
        if self.document.is_some_and(|document| document != row.document) {
            return Ok(None);
        }
        match self.asker.still_may(Action::ReadDocument, row.document).await {
            Ok(()) => {}
            Err(Fault::DocumentNotFound | Fault::Refused(Refusal::AccessDenied)) => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let event = Event::default().id(number.to_string()).event(CONFLICT);
        event.json_data(ConflictEvent::of(row)).map(Some).map_err(|_unwritable| Fault::Internal)
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

//! `/v1/events`: a stream that tells people of the conflicts that concern them, as Server-Sent Events.

mod reader;

use super::gate::Asker;
use super::guard::Lasting;
use super::problem::{EventsProblems, Fault};
use super::request::{Parameters, document_id};
use crate::access::{Action, Registration, Word};
use crate::conflicts::ConflictRecords;
use crate::doors::automerge::Door;
use crate::events::{Interest, NoPlace};
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use reader::{ConflictEvent, Reader};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tiebreak_protocol::Refusal;
use tiebreak_sync::SessionId;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

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

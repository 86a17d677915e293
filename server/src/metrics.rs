//! What operators watch. Names are stable; no ids in labels, so that their number stays bounded.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use tiebreak_protocol::Refusal;
use tiebreak_storage::StorageError;

const CONNECTIONS: &str = "tiebreak_connections";
const EVENT_STREAMS: &str = "tiebreak_event_streams";
const REQUESTS: &str = "tiebreak_http_requests";
const ROOMS: &str = "tiebreak_rooms";
const CHANGES: &str = "tiebreak_changes_appended_total";
const REFUSALS: &str = "tiebreak_refusals_total";
const QUARANTINED: &str = "tiebreak_changes_quarantined_total";
const UNREVIEWED: &str = "tiebreak_conflict_reviews_failed_total";
const CONFLICTS_OPEN: &str = "tiebreak_conflicts_open";
const CONFLICTS_OPENED: &str = "tiebreak_conflicts_opened_total";
const CONFLICTS_CLOSED: &str = "tiebreak_conflicts_closed_total";
const CONFLICT_TIME: &str = "tiebreak_conflict_open_seconds";
const STORAGE_ERRORS: &str = "tiebreak_storage_errors_total";
const MESSAGES_RECEIVED: &str = "tiebreak_messages_received_total";
const RESIDENT: &str = "tiebreak_resident_memory_bytes";
const SILENT: &str = "tiebreak_silent_connections_total";
const PAUSED: &str = "tiebreak_reading_paused_total";
const MESSAGES_SENT: &str = "tiebreak_messages_sent_total";

/// Seconds to a month: people answer at once, after a meeting, or after a holiday.
const CONFLICT_TIME_BUCKETS: &[f64] =
    &[1.0, 10.0, 60.0, 600.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0, 2_592_000.0];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts recording, once per process.
pub(crate) fn install() {
    RECORDER.get_or_init(|| {
        let time = Matcher::Full(CONFLICT_TIME.to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(time, CONFLICT_TIME_BUCKETS);
        let handle = builder.ok().and_then(|builder| builder.install_recorder().ok());
        describe_gauge!(CONNECTIONS, "WebSocket connections that are open");
        describe_gauge!(EVENT_STREAMS, "Event streams that are open");
        describe_gauge!(REQUESTS, "HTTP requests that are worked on");
        describe_gauge!(ROOMS, "Documents that are open");
        describe_gauge!(RESIDENT, "Resident memory of the process");
        describe_counter!(CHANGES, "Changes handed to the store");
        describe_counter!(REFUSALS, "Changes, messages, requests and connections refused, by code");
        describe_counter!(QUARANTINED, "Changes set aside because they broke the CRDT library");
        describe_counter!(UNREVIEWED, "Merges after which disagreements could not be looked for");
        describe_gauge!(CONFLICTS_OPEN, "Conflicts that are open, by kind of document");
        describe_counter!(CONFLICTS_OPENED, "Conflicts that were opened, by kind of document and type");
        describe_counter!(CONFLICTS_CLOSED, "Conflicts that are over, by kind of document and how");
        describe_histogram!(
            CONFLICT_TIME,
            Unit::Seconds,
            "How long conflicts were open, by kind of document and how they ended"
        );
        describe_counter!(STORAGE_ERRORS, "Failed calls to the store, by kind");
        describe_counter!(MESSAGES_RECEIVED, "WebSocket messages from peers");
        describe_counter!(MESSAGES_SENT, "WebSocket messages to peers");
        describe_counter!(SILENT, "Connections given up because their peer said nothing any more");
        describe_counter!(PAUSED, "Times a peer was read more slowly because it sent too many changes");
        gauge!(EVENT_STREAMS).set(0.0);
        for name in [CHANGES, QUARANTINED, UNREVIEWED, MESSAGES_RECEIVED, MESSAGES_SENT, SILENT, PAUSED] {
            counter!(name).absolute(0);
        }
        for refusal in Refusal::ALL {
            counter!(REFUSALS, "code" => refusal.code()).absolute(0);
        }
        handle
    });
}

/// Everything in the Prometheus text format.
pub(crate) fn render() -> String {
    RECORDER.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

/// Kinds are those of the server's files; plain documents have none.
fn kind_label(kind: &str) -> String {
    if kind.is_empty() { "none".to_owned() } else { kind.to_owned() }
}

#[expect(clippy::cast_precision_loss, reason = "there are never 2^53 conflicts")]
pub(crate) fn conflicts_open(kind: &str, open: u64) {
    gauge!(CONFLICTS_OPEN, "kind" => kind_label(kind)).set(open as f64);
}

pub(crate) fn conflict_opened(kind: &str, conflict_type: &'static str) {
    counter!(CONFLICTS_OPENED, "kind" => kind_label(kind), "type" => conflict_type).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "nobody minds a millisecond after 285,000 years")]
pub(crate) fn conflict_closed(kind: &str, how: &'static str, open_ms: i64) {
    counter!(CONFLICTS_CLOSED, "kind" => kind_label(kind), "how" => how).increment(1);
    histogram!(CONFLICT_TIME, "kind" => kind_label(kind), "how" => how).record(open_ms as f64 / 1000.0);
}

pub(crate) fn connected() {
    gauge!(CONNECTIONS).increment(1);
}

pub(crate) fn disconnected() {
    gauge!(CONNECTIONS).decrement(1);
}

pub(crate) fn event_streams(open: usize) {
    gauge!(EVENT_STREAMS).set(open as f64);
}

pub(crate) fn request_begun() {
    gauge!(REQUESTS).increment(1);
}

pub(crate) fn request_ended() {
    gauge!(REQUESTS).decrement(1);
}

pub(crate) fn rooms_changed(open: usize) {
    gauge!(ROOMS).set(open as f64);
}

pub(crate) fn resident_memory(bytes: u64) {
    gauge!(RESIDENT).set(bytes as f64);
}

pub(crate) fn changes_appended(changes: usize) {
    counter!(CHANGES).increment(changes as u64);
}

pub(crate) fn refused(refusal: Refusal) {
    counter!(REFUSALS, "code" => refusal.code()).increment(1);
}

pub(crate) fn silent() {
    counter!(SILENT).increment(1);
}

pub(crate) fn paused() {
    counter!(PAUSED).increment(1);
}

/// A request that was answered with a problem.
pub(crate) fn refused_request(code: &'static str) {
    counter!(REFUSALS, "code" => code).increment(1);
}

pub(crate) fn unreviewed() {
    counter!(UNREVIEWED).increment(1);
}

pub(crate) fn quarantined() {
    counter!(QUARANTINED).increment(1);
}

pub(crate) fn messages(received: u64, sent: u64) {
    counter!(MESSAGES_RECEIVED).increment(received);
    counter!(MESSAGES_SENT).increment(sent);
}

pub(crate) fn storage_failed(error: &StorageError) {
    let kind = match error {
        StorageError::Full => "full",
        StorageError::Deleted => "deleted",
        StorageError::Damaged(_) => "damaged",
        StorageError::Unavailable(_) => "unavailable",
        StorageError::Fatal(_) => "fatal",
    };
    counter!(STORAGE_ERRORS, "kind" => kind).increment(1);
}

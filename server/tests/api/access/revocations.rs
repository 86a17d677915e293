//! What is taken away, from connections that are open.

use super::connections::{NEW, opens};
use super::{Person, post, refused_connection, start, start_with};
use serde_json::json;
use std::time::Duration;
use tiebreak_protocol::Frame;
use tiebreak_tests::peer::Ended;
use tiebreak_tests::wait::until;

/// How long a write may block that nothing else ends.
const SLOW_WRITE_ENDS: Duration = Duration::from_secs(30);

/// How long a right that was taken away may still be used.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn a_right_that_is_taken_away_is_gone_from_open_connections_at_once() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "editor");
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    opens(&mut his, document);
    ann.takes(&api, document, &bob);
    let begun = std::time::Instant::now();
    his.until("the end", |peer| peer.is_refused(document, "access_denied")).unwrap();
    assert!(begun.elapsed() < REVOKED_WITHIN);
    opens(&mut hers, document);
    let secret = hers.write(document, "secret", 1).unwrap();
    hers.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
    his.write(document, "his", 1).unwrap();
    // He hears that his own is refused, and by then would have heard of hers.
    while his.receive(Duration::from_millis(300)).unwrap().is_some() {}
    assert!(!his.has(document, secret));
    let seen = ann.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200).json();
    assert_eq!(seen, json!({ "made": true, "secret": 1 }));
}

#[test]
fn a_device_that_is_signed_out_loses_its_connections_and_its_tokens() {
    let api = start();
    let phone = Person::new(&api, "ann");
    let laptop = Person::on_another_device(&api, "ann");
    let (mut on_phone, mut on_laptop) = (phone.connects(&api), laptop.connects(&api));
    laptop.asks(&api, "DELETE", &format!("/v1/devices/{}", phone.device)).expect(204);
    assert_eq!(on_phone.until_end(), Ended::Closed(Some(4401)));
    assert_eq!(refused_connection(&api, &phone.access_token), Ended::Closed(Some(4401)));
    assert_eq!(phone.asks(&api, "GET", "/v1/account").expect(401).code(), "signed_out");
    let refresh = post(&api, "/v1/sessions/refresh", &json!({ "refresh_token": phone.refresh_token }));
    assert_eq!(refresh.expect(401).code(), "session_over");
    let key = post(&api, "/v1/sessions", &json!({ "device_key": phone.device_key }));
    assert_eq!(key.expect(401).code(), "invalid_credentials");
    on_laptop.write(NEW, "key", 1).unwrap();
    on_laptop.until("the answer", |peer| peer.is_acknowledged(NEW)).unwrap();
}

#[test]
fn a_signed_out_device_stays_out_when_the_server_starts_again() {
    let mut api = start();
    let phone = Person::new(&api, "ann");
    phone.asks(&api, "DELETE", "/v1/sessions/current").expect(204);
    api.server.terminate();
    api.server.wait();
    api.server =
        tiebreak_tests::server_process::ServerProcess::start(api.data.path(), &["--auth", "accounts"]);
    assert_eq!(phone.asks(&api, "GET", "/v1/account").expect(401).code(), "signed_out");
}

#[test]
fn a_right_that_is_taken_away_in_the_middle_of_a_stream_ends_it() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "viewer");
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    opens(&mut his, document);
    opens(&mut hers, document);
    let writes = std::thread::spawn(move || {
        // Until somebody says stop: she never does, so the stream flows when the right goes.
        let mut written = Vec::new();
        for count in 0..400 {
            written.push(hers.write(document, "count", count).unwrap());
            hers.receive(Duration::from_millis(5)).unwrap();
        }
        hers.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
        written
    });
    his.until("the stream", |peer| peer.value(document, "count").is_some_and(|count| count > 20)).unwrap();
    ann.takes(&api, document, &bob);
    let begun = std::time::Instant::now();
    his.until("the end", |peer| peer.is_refused(document, "access_denied")).unwrap();
    assert!(begun.elapsed() < REVOKED_WITHIN);
    let last = his.value(document, "count");
    let written = writes.join().unwrap();
    // Behind the refusal nothing comes: what was queued before it went with it.
    while let Some(frame) = his.receive(Duration::from_millis(300)).unwrap() {
        assert!(!matches!(frame, Frame::Sync(_)), "a change behind the refusal");
    }
    assert_eq!(his.value(document, "count"), last);
    assert!(!his.has(document, *written.last().unwrap()), "the stream went on for others");
}

#[test]
fn who_takes_what_it_is_told_slowly_keeps_no_right_by_it() {
    // Not given up for what waits for it.
    let api = start_with(&["--outbox-bytes-max", "1000000000"]);
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "viewer");
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    opens(&mut his, document);
    opens(&mut hers, document);
    // He reads nothing from here on, and she fills everything between the server and him.
    for count in 0..40 {
        hers.write_text(document, "long", &format!("{count}{}", "x".repeat(400_000))).unwrap();
        hers.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
    }
    assert!(open_connections(&api) > 1.0, "both are there");
    ann.takes(&api, document, &bob);
    let begun = std::time::Instant::now();
    let secret = hers.write(document, "secret", 1).unwrap();
    hers.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
    until("his connection to end", || (open_connections(&api) < 2.0).then_some(()));
    assert!(begun.elapsed() < SLOW_WRITE_ENDS, "it was a write that ended it, not the word");
    while let Ok(Some(_)) = his.receive(Duration::from_millis(300)) {}
    assert!(!his.has(document, secret));
}

fn open_connections(api: &crate::support::Api) -> f64 {
    let metrics = api.request("GET", "/metrics", &[&super::operator(api)], b"").expect(200);
    let metrics = String::from_utf8(metrics.body).unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix("tiebreak_connections "));
    value.unwrap().parse().unwrap()
}

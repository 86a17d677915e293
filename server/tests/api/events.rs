//! Being told of conflicts: once each, by whoever may know, and from where one stopped.

mod listener;

use crate::access::{Person, operate, start, start_with};
use crate::conflicts::{Apart, conflicts, fork, profile, rename, settle, text, the_conflict};
use crate::support::{Api, FILE, device, output};
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ROOT};
use listener::{Listener, Told};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpStream;
use tiebreak_tests::wait::until;

/// A profile of one person, which others may edit.
struct Shared {
    location: String,
    base: AutoCommit,
}

impl Shared {
    fn by(api: &Api, owner: &Person, editors: &[&Person]) -> Self {
        let mut base = profile();
        let made = api.request("POST", "/v1/documents", &[&owner.bearer(), FILE], &base.save()).expect(201);
        let shared = Self { location: made.header("location").to_owned(), base };
        editors.iter().for_each(|editor| owner.gives(api, shared.id(), editor, "editor"));
        shared
    }

    fn id(&self) -> tiebreak_protocol::DocumentId {
        self.location.strip_prefix("/v1/documents/").unwrap().parse().unwrap()
    }

    /// Somebody writes a name, knowing nothing of what others wrote, on a device with this actor.
    fn renamed(&mut self, api: &Api, who: &Person, (actor, name): (u8, &str)) {
        let mut device = fork(&mut self.base, actor);
        rename(&mut device, name);
        let path = format!("{}/import", self.location);
        api.request("POST", &path, &[&who.bearer(), FILE], &device.save()).expect(200);
    }

    /// Two people disagree about it.
    fn disputed(api: &Api, one: &Person, other: &Person) -> Self {
        let mut shared = Self::by(api, one, &[other]);
        shared.renamed(api, one, (2, "Anna"));
        shared.renamed(api, other, (3, "Anne"));
        shared
    }
}

fn of(person: &Person, api: &Api) -> Listener {
    Listener::open(api, "", &[&person.bearer()])
}

fn behind(told: &Told) -> String {
    format!("last-event-id: {}", told.id)
}

fn streams(api: &Api) -> f64 {
    api.server.metric("tiebreak_event_streams")
}

#[test]
fn a_conflict_is_told_when_it_opens_and_when_it_is_settled() {
    let api = Api::start(&[]);
    let mut listener = Listener::open(&api, "", &[]);
    let apart = Apart::renamed(&api);
    let conflict = the_conflict(&api);
    let opened = listener.next();
    let expected = json!({
        "conflict": conflict["id"], "document": apart.id(), "state": "open", "type": "write_write",
        "label": "Name", "path": ["display_name"], "version": 1,
    });
    assert_eq!((opened.name.as_str(), &opened.data), ("conflict", &expected));
    settle(&api, &conflict, &[], &json!({ "value": "Ann" })).expect(200);
    let settled = listener.next();
    assert_eq!((text(&settled.data, "state"), &settled.data["version"]), ("settled", &json!(2)));
    assert_eq!(settled.data["conflict"], conflict["id"]);
    assert!(settled.id > opened.id);
}

#[test]
fn a_conflict_that_somebody_overtook_is_told_too() {
    let api = Api::start(&[]);
    let mut apart = Apart::renamed(&api);
    let mut listener = Listener::open(&api, "", &[]);
    assert_eq!(text(&listener.next().data, "state"), "open");
    apart.one.load_incremental(&apart.two.save()).unwrap();
    rename(&mut apart.one, "Annabel");
    api.import(&apart.location, &apart.one.save()).expect(200);
    assert_eq!(text(&listener.next().data, "state"), "overtaken");
}

#[test]
fn who_comes_anew_hears_of_what_is_open_and_who_comes_back_of_what_came_since() {
    let api = Api::start(&[]);
    let (first, second) = (Apart::renamed(&api), Apart::renamed(&api));
    let of_first = conflicts(&api, &format!("?document={}", first.id()));
    settle(&api, &of_first[0], &[], &json!({ "value": "Ann" })).expect(200);
    let mut listener = Listener::open(&api, "", &[]);
    let heard = listener.next();
    assert_eq!((text(&heard.data, "document"), text(&heard.data, "state")), (second.id(), "open"));
    let position = listener.position();
    assert!(position > heard.id, "what was settled before it came is behind it");
    drop(listener);
    let third = Apart::renamed(&api);
    let api = api.restart();
    let told = Listener::open(&api, "", &[&format!("last-event-id: {position}")]).next();
    assert_eq!((text(&told.data, "document"), text(&told.data, "state")), (third.id(), "open"));
    let mut back = Listener::open(&api, "", &[&behind(&heard)]);
    for (document, state) in [(first.id(), "settled"), (third.id(), "open")] {
        let told = back.next();
        assert_eq!((text(&told.data, "document"), text(&told.data, "state")), (document, state));
        assert!(told.id > heard.id);
    }
    let unknown = Listener::open(&api, "", &["last-event-id: 999999"]).next();
    assert_eq!(text(&unknown.data, "document"), second.id(), "from before a backup: all that is open");
}

#[test]
fn a_place_that_is_written_over_and_over_while_one_is_away_is_told_of_once() {
    let api = Api::start(&[]);
    let mut base = profile();
    let mut third = fork(&mut base, 4);
    let names = ["Anna", "Anne"].map(|name| move |device: &mut AutoCommit| rename(device, name));
    let apart = Apart::of(&api, base, names);
    let mut listener = Listener::open(&api, "", &[]);
    let opened = listener.next();
    drop(listener);
    for number in 0..10 {
        rename(&mut third, &format!("Ann {number}"));
        api.import(&apart.location, &third.save()).expect(200);
    }
    let last = the_conflict(&api);
    let other = Apart::renamed(&api);
    let mut back = Listener::open(&api, "", &[&behind(&opened)]);
    let told = back.next();
    assert_eq!((&told.data["conflict"], &told.data["version"]), (&last["id"], &last["version"]));
    assert!(last["version"].as_u64() > Some(5), "it did change: {last}");
    assert_eq!(text(&back.next().data, "document"), other.id(), "and then the next one");
}

#[test]
fn both_sides_are_told_and_nobody_else_and_nobody_who_may_not_read_any_more() {
    let api = start();
    let [ann, ben, eve] = ["ann", "ben", "eve"].map(|name| Person::new(&api, name));
    let [mut hers, mut his, mut stranger] = [&ann, &ben, &eve].map(|person| of(person, &api));
    let shared = Shared::disputed(&api, &ann, &ben);
    let told = [hers.next(), his.next()];
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].data["document"], shared.id().to_string());
    // What concerns her comes first: there was nothing before it.
    let with_eve = Shared::disputed(&api, &ann, &eve);
    assert_eq!(stranger.next().data["document"], with_eve.id().to_string());
    assert_eq!(hers.next().data["document"], with_eve.id().to_string());
    ann.takes(&api, shared.id(), &ben);
    let open = ann.asks(&api, "GET", &format!("/v1/conflicts?document={}", shared.id())).expect(200).json();
    let resolution = format!("/v1/conflicts/{}/resolution", text(&open["items"][0], "id"));
    ann.sends(&api, "POST", &resolution, &json!({ "value": "Ann" })).expect(200);
    assert_eq!(text(&hers.next().data, "state"), "settled");
    let again = Shared::disputed(&api, &ann, &ben);
    assert_eq!(his.next().data["document"], again.id().to_string(), "not that it was settled");
    assert_eq!(of(&ben, &api).next().data["document"], again.id().to_string(), "nor when he comes anew");
}

#[test]
fn a_stream_can_be_about_one_document() {
    let api = start();
    let (ann, eve) = (Person::new(&api, "ann"), Person::new(&api, "eve"));
    let (one, other) = (Shared::disputed(&api, &ann, &eve), Shared::disputed(&api, &ann, &eve));
    let query = format!("?document={}", other.id());
    let mut listener = Listener::open(&api, &query, &[&ann.bearer()]);
    assert_eq!(listener.next().data["document"], other.id().to_string());
    let query = format!("?document={}", one.id());
    ann.takes(&api, one.id(), &eve);
    let refused = eve.asks(&api, "GET", &format!("/v1/events{query}")).expect(404);
    assert_eq!(refused.code(), "document_not_found");
    let refused = ann.asks(&api, "GET", "/v1/events?document=none").expect(400);
    assert_eq!(refused.code(), "invalid_document_id");
}

#[test]
fn a_last_event_id_that_is_none_is_refused_with_what_to_do() {
    let api = Api::start(&[]);
    for value in ["last-event-id: x", "last-event-id: -1", "last-event-id: 1\r\nlast-event-id: 2"] {
        let refused = api.request("GET", "/v1/events", &[value], b"").expect(400);
        assert_eq!(refused.code(), "invalid_parameter");
        assert!(text(&refused.json(), "detail").contains("without it, all that is open is told"));
    }
}

#[test]
fn a_service_that_reaches_everything_hears_of_everything_until_its_key_is_revoked() {
    let api = start();
    let (ann, ben) = (Person::new(&api, "ann"), Person::new(&api, "ben"));
    let made = output(&mut operate(&api, &["accounts", "create-service", "backend"]));
    let service = made.trim_end();
    let key = ["keys", "create", service, "--name", "all", "--role", "viewer", "--all-documents", "--json"];
    let key: Value = serde_json::from_str(&output(&mut operate(&api, &key))).unwrap();
    let bearer = format!("authorization: Bearer {}", text(&key, "secret"));
    let mut listener = Listener::open(&api, "", &[&bearer]);
    let shared = Shared::disputed(&api, &ann, &ben);
    assert_eq!(listener.next().data["document"], shared.id().to_string());
    output(&mut operate(&api, &["keys", "revoke", service, text(&key, "id")]));
    listener.ends();
}

#[test]
fn a_stream_ends_with_the_device_it_was_opened_on() {
    let api = start();
    let phone = Person::new(&api, "ann");
    let laptop = Person::on_another_device(&api, "ann");
    let (on_phone, mut on_laptop) = (of(&phone, &api), of(&laptop, &api));
    laptop.asks(&api, "DELETE", &format!("/v1/devices/{}", phone.device)).expect(204);
    on_phone.ends();
    let ben = Person::new(&api, "ben");
    let shared = Shared::disputed(&api, &laptop, &ben);
    assert_eq!(on_laptop.next().data["document"], shared.id().to_string());
}

#[test]
fn a_stream_ends_with_the_time_of_its_key() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let key = json!({ "name": "short", "role": "viewer", "expires_in": 2 });
    let key = ann.sends(&api, "POST", "/v1/keys", &key).expect(201).json();
    Listener::open(&api, "", &[&format!("authorization: Bearer {}", text(&key, "secret"))]).ends();
}

#[test]
fn a_stream_outlives_what_bounds_other_requests_and_takes_none_of_their_places() {
    let seconds = ["--http-request-seconds=1", "--http-write-seconds=1", "--http-head-seconds=1"];
    let api = Api::start(&[&seconds[..], &["--http-requests-max=1"]].concat());
    let mut listener = Listener::open(&api, "", &[]);
    for _ in 0..3 {
        // Whoever says nothing is given up after the time of a head: by then more than a second has gone.
        let mut silent = TcpStream::connect(api.server.address()).unwrap();
        assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
    }
    let apart = Apart::renamed(&api);
    assert_eq!(text(&listener.next().data, "document"), apart.id());
}

#[test]
fn of_many_conflicts_at_once_each_is_told() {
    const MANY: usize = 150;
    let api = Api::start(&["--plain-documents=flagged"]);
    let mut listener = Listener::open(&api, "", &[]);
    let mut base = device(1);
    rename(&mut base, "Ann");
    let edits = [1, 2].map(|value| {
        move |device: &mut AutoCommit| {
            for number in 0..MANY {
                device.put(ROOT, format!("key {number}"), value).unwrap();
            }
        }
    });
    Apart::of(&api, base, edits);
    let told: Vec<_> = (0..MANY).map(|_| listener.next()).collect();
    let distinct: BTreeSet<_> = told.iter().map(|told| text(&told.data, "conflict")).collect();
    assert_eq!(distinct.len(), MANY);
    assert!(told.is_sorted_by(|one, other| one.id < other.id));
}

#[test]
fn who_takes_nothing_of_what_it_is_told_is_given_up() {
    let api =
        Api::start(&["--plain-documents=flagged", "--http-write-seconds=1", "--change-bytes-max=100000000"]);
    let listener = Listener::open(&api, "", &[]);
    // More than the system holds between the two.
    let keys = |device: &mut AutoCommit, value: i64| {
        for number in 0..300 {
            device.put(ROOT, format!("{number}{}", "x".repeat(50_000)), value).unwrap();
        }
    };
    let mut base = device(1);
    rename(&mut base, "Ann");
    let edits = [1, 2].map(|value| move |device: &mut AutoCommit| keys(device, value));
    Apart::of(&api, base, edits);
    until("the stream to be given up", || (streams(&api) < 0.5).then_some(()));
    drop(listener);
}

#[test]
fn a_server_that_stops_ends_its_streams_and_waits_for_none() {
    let mut api = Api::start(&[]);
    let listeners = [(); 3].map(|()| Listener::open(&api, "", &[]));
    api.server.terminate();
    listeners.into_iter().for_each(Listener::ends);
    assert!(api.server.wait().success());
    let log = api.server.log();
    assert!(!log.contains("cut off") && !log.contains("grace ran out"), "{log}");
}

#[test]
fn an_account_has_so_many_streams_and_the_server_so_many() {
    let api = start_with(&["--event-streams-per-account-max=2", "--event-streams-max=3"]);
    let (ann, ben, eve) = (Person::new(&api, "ann"), Person::new(&api, "ben"), Person::new(&api, "eve"));
    let (first, _second) = (of(&ann, &api), of(&ann, &api));
    let refused = ann.asks(&api, "GET", "/v1/events").expect(429);
    assert_eq!(refused.code(), "too_many_event_streams");
    let _his = of(&ben, &api);
    let full = eve.asks(&api, "GET", "/v1/events").expect(503);
    assert_eq!((full.code(), full.header("retry-after")), ("busy".to_owned(), "5"));
    drop(first);
    // That somebody has gone is seen when its connection is.
    until("the place of who has gone", || Listener::asks(&api, "", &[&eve.bearer()]).ok());
}

#[test]
fn the_streams_that_are_open_are_counted() {
    let api = Api::start(&[]);
    assert!(streams(&api) < 0.5);
    let listener = Listener::open(&api, "", &[]);
    assert!((0.5..1.5).contains(&streams(&api)));
    drop(listener);
    until("the stream to be forgotten", || (streams(&api) < 0.5).then_some(()));
}

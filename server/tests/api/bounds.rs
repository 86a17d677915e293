//! Bounds of HTTP, at the limit and one past it: requests at once, time, memory, sizes.

use crate::support::{Api, FILE, JSON, device, request, write};
use automerge::{ROOT, transaction::Transactable};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tiebreak_tests::wait::until;

const BUSY: (u16, &str) = (503, "busy");

/// What the server reads of a body before its request takes a place, and more.
const BEGINNING: usize = 100 * 1024;

/// A request that has its place, and whose body lacks its last byte: `}`.
fn half_a_request(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        BEGINNING + 2
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let spaces = " ".repeat(BEGINNING);
    stream.write_all(format!("{{{spaces}").as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    // The server may close while we still send; what it said came first.
    stream.read_to_string(&mut answer).ok();
    answer
}

/// Bytes that no compression makes fewer.
fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

fn refusals(api: &Api, code: &str) -> f64 {
    api.server.metric(&format!("tiebreak_refusals_total{{code=\"{code}\"}}"))
}

#[test]
fn requests_at_the_limit_are_worked_on_and_one_more_is_told_to_come_back() {
    let api = Api::start(&["--http-requests-max", "2"]);
    let mut held: Vec<_> = (0..2).map(|_| half_a_request(api.server.address())).collect();
    // To ask before both have their places would take one away from them.
    until("the places to be taken", || (api.server.metric("tiebreak_http_requests") == 2.0).then_some(()));
    let one_more = api.get("/v1/documents");
    assert_eq!((one_more.status, one_more.code().as_str()), BUSY);
    assert_eq!(one_more.header("retry-after"), "5");
    assert!(refusals(&api, "busy") >= 1.0);
    // Operators and devices have bounds of their own.
    for path in ["/healthz", "/readyz", "/metrics", "/"] {
        api.get(path).expect(200);
    }
    let mut one = held.pop().unwrap();
    one.write_all(b"}").unwrap();
    until("a free place", || (api.get("/v1/documents").status == 200).then_some(()));
}

#[test]
fn near_the_memory_cap_documents_wait_and_operators_do_not() {
    // No process is smaller than this cap.
    let api = Api::start(&["--memory-max-mib", "1"]);
    let refused =
        until("the pressure", || Some(api.get("/v1/documents")).filter(|reply| reply.status != 200));
    assert_eq!((refused.status, refused.code().as_str()), BUSY);
    assert_eq!(refused.header("retry-after"), "5");
    api.get("/metrics").expect(200);
    api.get("/readyz").expect(200);
}

#[test]
fn a_request_whose_head_does_not_come_is_given_up() {
    let api = Api::start(&["--http-head-seconds", "1"]);
    for begun in ["", "GET /v1/documents HTTP/1.1\r\nhost: localh"] {
        let mut stream = TcpStream::connect(api.server.address()).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        assert!(!answer(stream).contains(" 200 "), "{begun}");
    }
}

#[test]
fn a_request_whose_body_does_not_come_is_told_so() {
    let api = Api::start(&["--http-request-seconds", "1"]);
    let answer = answer(half_a_request(api.server.address()));
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request_timed_out\""), "{answer}");
    assert_eq!(refusals(&api, "request_timed_out"), 1.0);
}

#[test]
fn a_caller_that_stops_reading_is_given_up_and_frees_its_place() {
    let api = Api::start(&["--http-write-seconds", "1", "--http-requests-max", "1"]);
    let mut document = device(1);
    for piece in 0..20_u8 {
        let noise = noise(900_000, piece);
        document.put(ROOT, format!("piece {piece}"), noise).unwrap();
        document.commit();
    }
    let file = document.save();
    assert!(file.len() > 17_000_000, "{}", file.len());
    let location = api.create_from(&file);
    let mut lazy = TcpStream::connect(api.server.address()).unwrap();
    // More than the buffers between the two hold.
    let ask =
        format!("GET {location} HTTP/1.1\r\nhost: localhost\r\naccept: application/octet-stream\r\n\r\n");
    lazy.write_all(ask.as_bytes()).unwrap();
    let mut begun = [0; 15];
    lazy.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    api.get("/v1/documents").expect(503);
    until("the place to be free", || (api.get("/v1/documents").status == 200).then_some(()));
    drop(lazy);
}

#[test]
fn what_was_exported_can_be_imported_though_no_message_may_be_as_large() {
    let flags = ["--message-bytes-max", "20000", "--document-bytes-max", "200000"];
    let api = Api::start(&flags);
    let mut document = device(1);
    write(&mut document, "a", 1);
    let location = api.create_from(&document.save());
    for piece in 0..10_u8 {
        let noise = noise(12_000, piece);
        document.put(ROOT, format!("piece {piece}"), noise).unwrap();
        document.commit();
        let last = document.get_last_local_change().unwrap().raw_bytes().to_vec();
        assert!(last.len() < 20_000);
        api.import(&location, &last).expect(200);
    }
    let file = api.file(&location);
    assert!(file.len() > 20_000, "{}", file.len());
    let other = Api::start(&flags);
    let copy = other.create_from(&file);
    assert_eq!(other.file(&copy), file);
    other.import(&copy, &file).expect(200);
    assert_eq!(other.get(&copy).header("etag"), api.get(&location).header("etag"));
    let one_past = vec![0; 200_001];
    assert_eq!(other.import(&copy, &one_past).expect(413).code(), "body_too_large");
    assert_eq!(other.import(&copy, &one_past[..200_000]).expect(422).code(), "malformed_file");
    assert_eq!(refusals(&other, "body_too_large"), 1.0);
}

#[test]
fn every_refusal_is_counted_once() {
    let api = Api::start(&["--change-bytes-max", "1000"]);
    let mut document = device(1);
    document.put(ROOT, "large", vec![7_u8; 2_000]).unwrap();
    let refused = api.request("POST", "/v1/documents", &[FILE], &document.save()).expect(413);
    assert_eq!(refused.code(), "change_too_large");
    assert_eq!(refusals(&api, "change_too_large"), 1.0);
    api.request("POST", "/v1/documents", &[JSON], b"{").expect(400);
    assert_eq!(refusals(&api, "malformed_json"), 1.0);
    api.request("GET", "/v1/documents", &["origin: https://evil.example"], b"").expect(403);
    assert_eq!(refusals(&api, "origin_not_allowed"), 1.0);
}

#[test]
fn operators_have_a_listener_of_their_own_without_documents() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let api = Api::start(&["--admin-listen", &free.to_string()]);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(request(free, "GET", path, &[], b"").expect(200).body, b"ok\n");
    }
    let metrics = String::from_utf8(request(free, "GET", "/metrics", &[], b"").expect(200).body).unwrap();
    assert!(metrics.contains("tiebreak_refusals_total"));
    for path in ["/v1/documents", "/automerge", "/"] {
        assert_eq!(request(free, "GET", path, &[], b"").expect(404).code(), "not_found");
    }
    api.get("/readyz").expect(200);
}

//! Web pages that may not speak to an open server, and everybody who may.

use crate::support::{Api, JSON, request};
use serde_json::json;

const UPGRADE: [&str; 4] = [
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[test]
fn a_page_from_elsewhere_neither_connects_nor_reads_nor_writes() {
    let api = Api::start(&[]);
    for origin in ["origin: https://evil.example", "origin: null", "origin: http://127.0.0.1.evil.example"] {
        for path in ["/automerge", "/"] {
            let upgrade = [&UPGRADE[..], &[origin]].concat();
            assert_eq!(api.request("GET", path, &upgrade, b"").expect(403).code(), "origin_not_allowed");
        }
        let write = api.request("POST", "/v1/documents", &[JSON, origin], b"{}").expect(403);
        assert_eq!(write.code(), "origin_not_allowed");
        assert_eq!(
            api.request("GET", "/v1/documents", &[origin], b"").expect(403).code(),
            "origin_not_allowed"
        );
    }
    assert_eq!(api.get("/v1/documents").json()["items"], json!([]));
}

#[test]
fn a_name_that_was_made_to_point_here_is_not_answered() {
    let api = Api::start(&[]);
    let rebound = ["host: evil.example:7070", "origin: http://evil.example:7070"];
    for (path, more) in [("/automerge", &UPGRADE[..]), ("/v1/documents", &[]), ("/metrics", &[])] {
        let headers = [more, &rebound].concat();
        assert_eq!(api.request("GET", path, &headers, b"").expect(403).code(), "host_not_allowed", "{path}");
        let headers = [more, &rebound[..1]].concat();
        assert_eq!(api.request("GET", path, &headers, b"").expect(403).code(), "host_not_allowed", "{path}");
    }
}

#[test]
fn programs_and_pages_of_this_machine_connect() {
    let api = Api::start(&[]);
    for origin in [
        None,
        Some("origin: http://localhost:3000"),
        Some("origin: https://127.0.0.1"),
        Some("origin: http://[::1]:5173"),
    ] {
        let headers: Vec<_> = UPGRADE.into_iter().chain(origin).collect();
        api.request("GET", "/automerge", &headers, b"").expect(101);
        api.request("GET", "/v1/documents", &origin.into_iter().collect::<Vec<_>>(), b"").expect(200);
    }
    api.request("GET", "/v1/documents", &["host: localhost:1234"], b"").expect(200);
}

#[test]
fn listed_origins_and_hosts_connect() {
    let flags = [
        "--allow-origin",
        "https://app.example",
        "--allow-origin",
        "tauri://localhost",
        "--allow-host",
        "sync.example",
    ];
    let api = Api::start(&flags);
    for headers in [
        &["origin: https://app.example"][..],
        &["origin: tauri://localhost"],
        &["host: sync.example"],
        &["host: sync.example", "origin: https://sync.example"],
    ] {
        let upgrade = [&UPGRADE[..], headers].concat();
        api.request("GET", "/automerge", &upgrade, b"").expect(101);
    }
    let upgrade = [&UPGRADE[..], &["origin: https://other.example"]].concat();
    api.request("GET", "/automerge", &upgrade, b"").expect(403);
}

#[test]
fn every_operation_announces_the_refusals_of_pages() {
    let api = Api::start(&[]);
    let description = request(api.server.address(), "GET", "/v1/openapi.json", &[], b"").expect(200).json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let words = operation["responses"]["403"]["description"].as_str().unwrap_or_default();
            assert!(words.contains("`origin_not_allowed`") && words.contains("`host_not_allowed`"), "{path}");
        }
    }
}

#[test]
fn a_listed_page_may_read_answers_and_others_may_not() {
    let api = Api::start(&["--auth", "accounts", "--allow-origin", "https://app.example"]);
    let listed = "origin: https://app.example";
    let refused = api.request("POST", "/v1/sessions", &[JSON, listed], b"{}").expect(400);
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.example");
    assert!(refused.header("vary").contains("origin"));
    let asks_first = |origin| {
        let wants = [
            origin,
            "access-control-request-method: PUT",
            "access-control-request-headers: authorization,content-type,idempotency-key",
        ];
        api.request("OPTIONS", "/v1/documents/x/grants/@bob", &wants, b"")
    };
    let may = asks_first(listed).expect(200);
    assert_eq!(may.header("access-control-allow-origin"), "https://app.example");
    assert!(may.header("access-control-allow-methods").contains("PUT"));
    for header in ["authorization", "content-type", "idempotency-key"] {
        assert!(may.header("access-control-allow-headers").contains(header), "{header}");
    }
    // No cookie lets anybody in, so none is asked for.
    assert!(!may.headers.contains_key("access-control-allow-credentials"));
    for origin in ["origin: https://evil.example", "origin: http://localhost:3000", "origin: null"] {
        assert!(!asks_first(origin).headers.contains_key("access-control-allow-origin"), "{origin}");
        let read = api.request("GET", "/healthz", &[origin], b"").expect(403);
        assert!(!read.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
}

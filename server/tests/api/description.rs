//! The OpenAPI document against the server that serves it.

use crate::support::Api;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every address there is. A new one is added here by the person who adds it, with a look at its description.
const ADDRESSES: &[&str] = &[
    "/",
    "/.well-known/jwks.json",
    "/automerge",
    "/healthz",
    "/metrics",
    "/readyz",
    "/v1/account",
    "/v1/account/export",
    "/v1/account/password",
    "/v1/accounts",
    "/v1/accounts/{account}",
    "/v1/accounts/{account}/devices",
    "/v1/accounts/{account}/devices/{device}",
    "/v1/accounts/{account}/keys",
    "/v1/accounts/{account}/keys/{id}",
    "/v1/accounts/{account}/password",
    "/v1/accounts/{account}/sign-out",
    "/v1/audit",
    "/v1/audit/verify",
    "/v1/conflicts",
    "/v1/conflicts/stats",
    "/v1/conflicts/{id}",
    "/v1/conflicts/{id}/resolution",
    "/v1/devices",
    "/v1/devices/{id}",
    "/v1/documents",
    "/v1/documents/{id}",
    "/v1/documents/{id}/grants",
    "/v1/documents/{id}/grants/own",
    "/v1/documents/{id}/grants/{account}",
    "/v1/documents/{id}/history",
    "/v1/documents/{id}/import",
    "/v1/documents/{id}/invitations",
    "/v1/documents/{id}/invitations/{invitation}",
    "/v1/events",
    "/v1/invitations/redeem",
    "/v1/keys",
    "/v1/keys/{id}",
    "/v1/kinds",
    "/v1/kinds/{name}",
    "/v1/openapi.json",
    "/v1/service-accounts",
    "/v1/sessions",
    "/v1/sessions/current",
    "/v1/sessions/refresh",
    "/v1/tickets",
];

#[test]
fn every_address_is_described_and_everything_described_is_there() {
    let api = Api::start(&[]);
    let description = api.get("/v1/openapi.json").expect(200).json();
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(
        paths.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from_iter(ADDRESSES.iter().copied())
    );
    for (path, operations) in paths {
        let address = path.replace("{id}", "4NMNnkMhL8jXrdJ9jamS58PAVdXu");
        // The router itself says what it takes when it is asked for what nothing takes.
        let refused = api.request("PURGE", &address, &[], b"").expect(405);
        let taken: BTreeSet<_> = refused.header("allow").split(',').map(str::to_lowercase).collect();
        let mut described: BTreeSet<_> = operations.as_object().unwrap().keys().cloned().collect();
        if described.contains("get") {
            described.insert("head".to_owned());
        }
        assert_eq!(taken, described, "{path}");
    }
}

#[test]
fn every_operation_has_a_name_a_summary_and_a_success() {
    let api = Api::start(&[]);
    let description = api.get("/v1/openapi.json").expect(200).json();
    let mut names = BTreeSet::new();
    for operations in description["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} stands twice");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{name} never succeeds");
        }
    }
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    let api = Api::start(&[]);
    let description = api.get("/v1/openapi.json").expect(200).json();
    let mut references = Vec::new();
    collect(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(entries) => {
            references.extend(entries.get("$ref").and_then(Value::as_str));
            entries.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_root_greets_people_and_lets_devices_in() {
    let api = Api::start(&[]);
    let page = api.request("GET", "/", &["accept: text/html,*/*;q=0.8"], b"").expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("href=\"/v1/openapi.json\"") && page.contains("href=\"/healthz\""));
    let plain = api.get("/").expect(200);
    assert!(plain.header("content-type").starts_with("text/plain"));
    for path in ["/", "/automerge"] {
        let upgrade = [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        let accepted = api.request("GET", path, &upgrade, b"").expect(101);
        assert_eq!(accepted.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}

#[test]
fn every_answer_forbids_sniffing_and_stale_copies() {
    let api = Api::start(&[]);
    for path in ["/", "/healthz", "/v1/documents", "/nothing"] {
        let reply = api.get(path);
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "private, no-cache");
    }
}

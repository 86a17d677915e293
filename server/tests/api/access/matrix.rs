//! Every role at every address: made from the server's own description, so that a new address without a row fails.

use super::{Person, start};
use crate::support::{Api, JSON, Reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who asks, in the order of the rows.
const WHO: [&str; 5] = ["nobody", "stranger", "viewer", "editor", "owner"];

/// What each of them is answered: `.` whatever the handler says, else the status of the refusal.
fn rows() -> BTreeMap<(&'static str, &'static str), [&'static str; 5]> {
    let public = [".", ".", ".", ".", "."];
    let signed_in = ["401", ".", ".", ".", "."];
    let readers = ["401", "404", ".", ".", "."];
    let writers = ["401", "404", "403", ".", "."];
    let owners = ["401", "404", "403", "403", "."];
    let operators = ["401", "403", "403", "403", "403"];
    BTreeMap::from([
        (("get", "/"), public),
        (("get", "/automerge"), public),
        (("get", "/healthz"), public),
        (("get", "/readyz"), public),
        (("get", "/metrics"), operators),
        (("get", "/v1/accounts"), operators),
        (("get", "/v1/accounts/{account}"), operators),
        (("delete", "/v1/accounts/{account}"), operators),
        (("get", "/v1/accounts/{account}/devices"), operators),
        (("delete", "/v1/accounts/{account}/devices/{device}"), operators),
        (("post", "/v1/accounts/{account}/sign-out"), operators),
        (("put", "/v1/accounts/{account}/password"), operators),
        (("get", "/v1/accounts/{account}/keys"), operators),
        (("post", "/v1/accounts/{account}/keys"), operators),
        (("delete", "/v1/accounts/{account}/keys/{id}"), operators),
        (("post", "/v1/service-accounts"), operators),
        (("get", "/v1/audit"), operators),
        (("get", "/v1/audit/verify"), operators),
        (("get", "/v1/conflicts/stats"), operators),
        (("get", "/v1/openapi.json"), public),
        (("get", "/.well-known/jwks.json"), public),
        (("post", "/v1/accounts"), public),
        (("post", "/v1/sessions"), public),
        (("post", "/v1/sessions/refresh"), public),
        (("delete", "/v1/sessions/current"), signed_in),
        (("get", "/v1/account"), signed_in),
        (("patch", "/v1/account"), signed_in),
        (("delete", "/v1/account"), signed_in),
        (("get", "/v1/account/export"), signed_in),
        (("put", "/v1/account/password"), signed_in),
        (("get", "/v1/devices"), signed_in),
        (("delete", "/v1/devices/{id}"), signed_in),
        (("post", "/v1/tickets"), signed_in),
        (("get", "/v1/keys"), signed_in),
        (("post", "/v1/keys"), signed_in),
        (("delete", "/v1/keys/{id}"), signed_in),
        (("get", "/v1/kinds"), signed_in),
        (("get", "/v1/kinds/{name}"), signed_in),
        (("get", "/v1/conflicts"), signed_in),
        (("get", "/v1/conflicts/{id}"), signed_in),
        (("post", "/v1/conflicts/{id}/resolution"), signed_in),
        (("get", "/v1/events"), signed_in),
        (("get", "/v1/documents"), signed_in),
        (("post", "/v1/documents"), signed_in),
        (("get", "/v1/documents/{id}"), readers),
        (("get", "/v1/documents/{id}/history"), readers),
        (("post", "/v1/documents/{id}/import"), writers),
        (("delete", "/v1/documents/{id}"), owners),
        (("get", "/v1/documents/{id}/grants"), readers),
        (("put", "/v1/documents/{id}/grants/{account}"), owners),
        (("delete", "/v1/documents/{id}/grants/{account}"), owners),
        (("delete", "/v1/documents/{id}/grants/own"), readers),
        (("get", "/v1/documents/{id}/invitations"), owners),
        (("post", "/v1/documents/{id}/invitations"), owners),
        (("delete", "/v1/documents/{id}/invitations/{invitation}"), owners),
        (("post", "/v1/invitations/redeem"), signed_in),
    ])
}

#[test]
fn every_address_lets_in_whom_it_should() {
    let api = start();
    let description = api.get("/v1/openapi.json").expect(200).json();
    let rows = rows();
    let mut addresses = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            assert!(rows.contains_key(&(method.as_str(), path.as_str())), "{method} {path} has no row");
            addresses.push((method.clone(), path.clone()));
        }
    }
    assert_eq!(addresses.len(), rows.len(), "a row without an address");
    // Their own names are reserved.
    let people = WHO[1..].iter().map(|name| Person::new(&api, &format!("a-{name}"))).collect::<Vec<_>>();
    let [_, viewer, editor, owner] = &people[..] else { panic!("four people") };
    for (method, path) in addresses {
        // Each address gets a document of its own: some of them delete it.
        let document = owner.creates(&api);
        owner.gives(&api, document, viewer, "viewer");
        owner.gives(&api, document, editor, "editor");
        let row = rows[&(method.as_str(), path.as_str())];
        let path = path
            .replacen("/documents/{id}", &format!("/documents/{document}"), 1)
            .replace("{id}", "dev_11111111111111111")
            .replace("{account}", "acc_1111111111111111")
            .replace("{invitation}", "key_1111111111111111");
        for (who, expected) in std::iter::once(None).chain(people.iter().map(Some)).zip(row) {
            // Whoever may do these is gone afterwards.
            if expected == "."
                && [("delete", "/v1/account"), ("delete", "/v1/sessions/current")]
                    .contains(&(method.as_str(), path.as_str()))
            {
                continue;
            }
            let reply = ask(&api, who, &method.to_uppercase(), &path);
            let name = who.map_or("nobody", |who| &who.name);
            match expected {
                "." => assert!(!is_refusal(&reply), "{name} {method} {path}: {} {reply:?}", reply.status),
                status => assert_eq!(reply.status.to_string(), status, "{name} {method} {path}: {reply:?}"),
            }
        }
    }
}

fn ask(api: &Api, who: Option<&Person>, method: &str, path: &str) -> Reply {
    let bearer = who.map(Person::bearer);
    let headers: Vec<&str> = bearer.as_deref().into_iter().chain([JSON]).collect();
    let body: &[u8] = if ["POST", "PUT", "PATCH"].contains(&method) { b"{}" } else { b"" };
    api.request(method, path, &headers, body)
}

/// Whether the gate said no, and not the handler.
fn is_refusal(reply: &Reply) -> bool {
    let code = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default()["code"].clone();
    ["unauthorized", "access_denied", "document_not_found"].into_iter().any(|refusal| code == json!(refusal))
}

#[test]
fn somebody_elses_document_and_none_look_the_same_at_every_address() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let (foreign, missing) = (ann.creates(&api), tiebreak_protocol::DocumentId::from_bytes([9; 16]));
    for ((method, path), _) in
        rows().into_iter().filter(|((_, path), _)| path.starts_with("/v1/documents/{id}"))
    {
        let answer = |document: tiebreak_protocol::DocumentId| {
            let path = path.replacen("{id}", &document.to_string(), 1);
            let reply = ask(&api, Some(&bob), &method.to_uppercase(), &path);
            (reply.status, String::from_utf8(reply.body).unwrap())
        };
        assert_eq!(answer(foreign), answer(missing), "{method} {path}");
    }
    assert_eq!(
        ann.asks(&api, "GET", &format!("/v1/documents/{foreign}")).expect(200).json(),
        json!({ "made": true })
    );
}

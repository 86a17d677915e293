//! Every error is a problem with a stable code, and the description announces it.

use crate::support::{Api, FILE, JSON, Reply};
use serde_json::Value;

const UNKNOWN: &str = "/v1/documents/4NMNnkMhL8jXrdJ9jamS58PAVdXu";

/// One request, and the problem that it must meet.
struct Case {
    request: (&'static str, &'static str),
    headers: &'static [&'static str],
    body: Vec<u8>,
    problem: (u16, &'static str),
    /// The address in the description; `None` for problems of the router itself.
    described_at: Option<&'static str>,
}

fn case(
    request: (&'static str, &'static str),
    problem: (u16, &'static str),
    described_at: Option<&'static str>,
) -> Case {
    Case { request, headers: &[], body: Vec::new(), problem, described_at }
}

fn upload(
    request: (&'static str, &'static str),
    headers: &'static [&'static str],
    body: impl Into<Vec<u8>>,
    problem: (u16, &'static str),
) -> Case {
    let described_at =
        if request.1.ends_with("import") { "/v1/documents/{id}/import" } else { "/v1/documents" };
    Case { request, headers, body: body.into(), problem, described_at: Some(described_at) }
}

fn reading() -> Vec<Case> {
    const LIST: Option<&str> = Some("/v1/documents");
    const ONE: Option<&str> = Some("/v1/documents/{id}");
    const HISTORY: Option<&str> = Some("/v1/documents/{id}/history");
    let malformed = (400, "malformed_condition");
    vec![
        case(("GET", "/nothing/here"), (404, "not_found"), None),
        case(("GET", "/v1/documents/"), (404, "not_found"), None),
        case(("PATCH", UNKNOWN), (405, "method_not_allowed"), None),
        case(("POST", "/healthz"), (405, "method_not_allowed"), None),
        case(("GET", "/automerge"), (426, "upgrade_required"), Some("/automerge")),
        case(("GET", "/v1/documents/0OIl"), (400, "invalid_document_id"), ONE),
        case(("GET", "/v1/documents/%FF"), (400, "invalid_document_id"), ONE),
        case(("GET", UNKNOWN), (404, "document_not_found"), ONE),
        case(("DELETE", UNKNOWN), (404, "document_not_found"), ONE),
        case(("GET", "/v1/kinds/none"), (404, "kind_not_found"), Some("/v1/kinds/{name}")),
        Case { headers: &["if-match: *"], ..case(("DELETE", UNKNOWN), (404, "document_not_found"), ONE) },
        Case { headers: &["if-match: x"], ..case(("DELETE", UNKNOWN), malformed, ONE) },
        Case { headers: &["if-none-match: x"], ..case(("GET", UNKNOWN), malformed, ONE) },
        Case { headers: &["accept: text/html"], ..case(("GET", UNKNOWN), (406, "not_acceptable"), ONE) },
        case(
            ("GET", "/v1/documents/4NMNnkMhL8jXrdJ9jamS58PAVdXu/history"),
            (404, "document_not_found"),
            HISTORY,
        ),
        case(
            ("GET", "/v1/documents/4NMNnkMhL8jXrdJ9jamS58PAVdXu/history?limit=0"),
            (400, "invalid_parameter"),
            HISTORY,
        ),
        case(
            ("GET", "/v1/documents/4NMNnkMhL8jXrdJ9jamS58PAVdXu/history?cursor=x"),
            (400, "invalid_parameter"),
            HISTORY,
        ),
        case(("GET", "/v1/documents?limit=0"), (400, "invalid_parameter"), LIST),
        case(("GET", "/v1/documents?limit=1001"), (400, "invalid_parameter"), LIST),
        case(("GET", "/v1/documents?limit=many"), (400, "invalid_parameter"), LIST),
        case(("GET", "/v1/documents?page=2"), (400, "invalid_parameter"), LIST),
        case(("GET", "/v1/documents?after=x"), (400, "invalid_document_id"), LIST),
    ]
}

fn writing() -> Vec<Case> {
    const CREATE: (&str, &str) = ("POST", "/v1/documents");
    const IMPORT: (&str, &str) = ("POST", "/v1/documents/4NMNnkMhL8jXrdJ9jamS58PAVdXu/import");
    let malformed = (400, "malformed_json");
    let deep = |depth: usize| format!("{}{}{}", "{\"a\":".repeat(depth), "1", "}".repeat(depth));
    let mut valid = automerge::AutoCommit::new();
    crate::support::write(&mut valid, "a", 1);
    let valid = valid.save();
    let mut flipped = valid.clone();
    *flipped.last_mut().unwrap() ^= 1;
    vec![
        upload(CREATE, &[], "{}", (415, "unsupported_media_type")),
        upload(CREATE, &["content-type: text/plain"], "{}", (415, "unsupported_media_type")),
        upload(IMPORT, &[JSON], "{}", (415, "unsupported_media_type")),
        upload(CREATE, &[JSON], "{", malformed),
        upload(CREATE, &[JSON], "[1]", malformed),
        upload(CREATE, &[JSON], "{\"a\":1,\"a\":2}", malformed),
        upload(CREATE, &[JSON], "{\"a\":NaN}", malformed),
        upload(CREATE, &[JSON], b"{\"a\":\"\xff\"}".as_slice(), malformed),
        upload(CREATE, &[JSON], deep(200), (422, "depth_exceeded")),
        upload(CREATE, &[JSON], format!("{{\"a\":\"{}\"}}", "x".repeat(10_000)), (413, "document_too_large")),
        upload(("POST", "/v1/documents?id=x"), &[JSON], "{}", (400, "invalid_document_id")),
        upload(("POST", "/v1/documents?name=x"), &[JSON], "{}", (400, "invalid_parameter")),
        upload(CREATE, &[FILE], "{}", (422, "malformed_file")),
        upload(CREATE, &[FILE], flipped.clone(), (422, "malformed_file")),
        upload(CREATE, &[FILE], valid[..valid.len() - 1].to_vec(), (422, "malformed_file")),
        upload(CREATE, &[FILE], Vec::new(), (422, "malformed_file")),
        upload(IMPORT, &[FILE], flipped, (422, "malformed_file")),
        upload(IMPORT, &[FILE], valid, (404, "document_not_found")),
        upload(CREATE, &[JSON], vec![b' '; 100_001], (413, "body_too_large")),
        upload(IMPORT, &[FILE], vec![0; 100_001], (413, "body_too_large")),
    ]
}

#[test]
fn every_error_is_a_problem_with_a_code_that_the_description_announces() {
    let api = Api::start(&["--message-bytes-max", "20000", "--document-bytes-max", "100000"]);
    let description = api.get("/v1/openapi.json").expect(200).json();
    for Case { request: (method, path), headers, body, problem: (status, code), described_at } in
        reading().into_iter().chain(writing())
    {
        let reply = api.request(method, path, headers, &body);
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {path}");
        if let Some(address) = described_at {
            let operation = &description["paths"][address][method.to_lowercase()];
            expect_described(operation, &reply, code);
        }
    }
}

fn expect_described(operation: &Value, reply: &Reply, code: &str) {
    let described = &operation["responses"][reply.status.to_string()];
    let words = described["description"].as_str().unwrap_or_default();
    assert!(words.contains(&format!("`{code}`")), "{} lacks {code}: {words}", operation["operationId"]);
    let schema = &described["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/Problem");
}

#[test]
fn json_is_taken_to_the_limit_of_its_depth() {
    let api = Api::start(&[]);
    let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    api.create(&deep(65));
    let deeper = api.request("POST", "/v1/documents", &[JSON], deep(66).as_bytes()).expect(422);
    assert_eq!(deeper.code(), "depth_exceeded");
}

//! Documents come in, are read, merged, listed, and tell their history.

use crate::support::{Api, FILE, JSON, device, write};
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ObjType, ROOT};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn a_document_made_from_json_reads_back_with_its_version() {
    let api = Api::start(&[]);
    let content = json!({ "title": "hello", "done": false, "tags": ["a", { "b": [1, 2.5, null] }] });
    let created = api.request("POST", "/v1/documents", &[JSON], content.to_string().as_bytes()).expect(201);
    let read = api.get(created.header("location")).expect(200);
    assert_eq!(read.json(), content);
    assert_eq!(read.header("etag"), created.header("etag"));
    assert_eq!(created.json()["refused"], json!([]));

    let seen = format!("if-none-match: {}", read.header("etag"));
    let again = api.request("GET", created.header("location"), &[&seen], b"").expect(304);
    assert!(again.body.is_empty());
    assert_eq!(again.header("etag"), read.header("etag"));
    let other = api.request("GET", created.header("location"), &["if-none-match: \"other\""], b"");
    assert_eq!(other.expect(200).json(), content);
}

#[test]
fn content_too_large_for_one_change_becomes_several() {
    let api = Api::start(&["--change-operations-max", "10000"]);
    let content = json!({ "text": "x".repeat(25_000) });
    let location = api.create(&content.to_string());
    assert_eq!(api.get(&location).expect(200).json(), content);
    assert_eq!(api.get(&format!("{location}/history")).json()["total"], 3);
}

#[test]
fn an_empty_object_is_a_document_too() {
    let api = Api::start(&[]);
    let location = api.create("{}");
    assert_eq!(api.get(&location).expect(200).json(), json!({}));
}

#[test]
fn a_document_may_be_given_its_id() {
    let api = Api::start(&[]);
    let id = "4NMNnkMhL8jXrdJ9jamS58PAVdXu";
    let created = api.request("POST", &format!("/v1/documents?id={id}"), &[JSON], b"{\"a\":1}").expect(201);
    assert_eq!(created.header("location"), format!("/v1/documents/{id}"));
    assert_eq!(created.json()["id"], id);
    let twice = api.request("POST", &format!("/v1/documents?id={id}"), &[JSON], b"{\"a\":2}").expect(409);
    assert_eq!(twice.code(), "document_exists");
    assert_eq!(api.get(&format!("/v1/documents/{id}")).json(), json!({ "a": 1 }));
}

#[test]
fn a_file_goes_in_and_comes_out_with_its_whole_history() {
    let api = Api::start(&[]);
    let mut document = device(1);
    for number in 0..20 {
        write(&mut document, "number", number);
    }
    let location = api.create_from(&document.save());
    let answer = api.request("GET", &location, &["accept: application/octet-stream"], b"").expect(200);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("etag"), api.get(&location).header("etag"));
    let mut loaded = AutoCommit::load(&answer.body).unwrap();
    assert_eq!(loaded.get_heads(), document.get_heads());
    assert_eq!(loaded.get_changes(&[]).len(), 20);
}

#[test]
fn a_file_from_another_device_merges_into_a_document() {
    let api = Api::start(&[]);
    let mut first = device(1);
    write(&mut first, "shared", 1);
    let location = api.create_from(&first.save());
    let mut second =
        AutoCommit::load(&api.file(&location)).unwrap().with_actor(device(2).get_actor().clone());
    write(&mut first, "first", 1);
    write(&mut second, "second", 2);
    api.import(&location, &first.save()).expect(200);
    let merged = api.import(&location, &second.save()).expect(200);
    assert_eq!(merged.json()["heads"].as_array().unwrap().len(), 2);
    assert_eq!(merged.header("etag"), api.get(&location).header("etag"));
    assert_eq!(api.get(&location).json(), json!({ "shared": 1, "first": 1, "second": 2 }));
    let again = api.import(&location, &second.save()).expect(200);
    assert_eq!(again.json()["heads"], merged.json()["heads"]);
}

#[test]
fn refused_changes_are_reported_and_the_others_taken() {
    let api = Api::start(&["--change-bytes-max", "2000"]);
    let mut document = device(1);
    write(&mut document, "shared", 1);
    let location = api.create_from(&document.save());
    let mut bad = document.fork().with_actor(device(2).get_actor().clone());
    write(&mut document, "good", 1);
    bad.put(ROOT, "large", "x".repeat(3_000)).unwrap();
    bad.commit();
    let large = bad.get_last_local_change().unwrap().hash().to_string();
    write(&mut bad, "after", 1);
    let orphan = bad.get_last_local_change().unwrap().hash().to_string();
    document.merge(&mut bad).unwrap();

    let imported = api.import(&location, &document.save()).expect(200).json();
    let refused = imported["refused"].as_array().unwrap();
    let codes: BTreeSet<_> = refused
        .iter()
        .map(|refused| (refused["hash"].as_str().unwrap(), refused["code"].as_str().unwrap()))
        .collect();
    let expected = [(large.as_str(), "change_too_large"), (orphan.as_str(), "missing_dependencies")];
    assert_eq!(codes, BTreeSet::from(expected));
    assert!(refused.iter().all(|refused| !refused["detail"].as_str().unwrap().is_empty()));
    assert_eq!(api.get(&location).json(), json!({ "shared": 1, "good": 1 }));
}

#[test]
fn thirty_documents_are_listed_page_by_page_without_gap_or_repeat() {
    let api = Api::start(&[]);
    let made: BTreeSet<_> = (0..30).map(|number| api.create(&format!("{{\"number\":{number}}}"))).collect();
    let (mut listed, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = api.get(&format!("/v1/documents?limit=7{after}")).expect(200).json();
        for item in page["items"].as_array().unwrap() {
            listed.push(format!("/v1/documents/{}", item["id"].as_str().unwrap()));
            let head = format!("\"{}\"", item["heads"][0].as_str().unwrap());
            assert_eq!(api.get(listed.last().unwrap()).header("etag"), head);
            assert_eq!(item["changes"], 1);
            assert!(item["bytes"].as_u64().unwrap() > 0);
            assert!(item["created_at"].as_str().unwrap().ends_with('Z'));
        }
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((pages, listed.len()), (5, 30));
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn history_tells_who_changed_what() {
    let api = Api::start(&[]);
    let mut document = device(0xab);
    let text = document.put_object(ROOT, "text", ObjType::Text).unwrap();
    document.commit();
    document.splice_text(&text, 0, 0, "hello world").unwrap();
    let options =
        automerge::transaction::CommitOptions::default().with_message("greet").with_time(1_700_000_000);
    document.commit_with(options);
    let history = api.get(&format!("{}/history", api.create_from(&document.save()))).expect(200).json();
    assert_eq!((&history["total"], &history["next"]), (&json!(2), &Value::Null));
    let newest = &history["items"][0];
    assert_eq!(newest["hash"], document.get_heads()[0].to_string());
    assert_eq!(newest["actor"], "ab".repeat(16));
    assert_eq!((&newest["seq"], &newest["message"]), (&json!(2), &json!("greet")));
    assert_eq!(newest["time"], "2023-11-14T22:13:20Z");
    assert_eq!(newest["deps"], json!([history["items"][1]["hash"]]));
    let typed = json!([{ "path": ["text"], "action": "insert", "text": "hello world", "operations": 11 }]);
    assert_eq!(newest["touched"], typed);
    let made = json!([{ "path": ["text"], "action": "make", "made": "text", "operations": 1 }]);
    assert_eq!(history["items"][1]["touched"], made);
}

#[test]
fn history_pages_go_on_in_place_while_the_document_grows() {
    let api = Api::start(&[]);
    let mut document = device(1);
    for number in 0..12 {
        write(&mut document, "number", number);
    }
    let location = api.create_from(&document.save());
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{location}/history?limit=5{cursor}")).expect(200).json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["touched"][0]["value"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
        write(&mut document, "number", 100);
        write(&mut document, "number", 101);
        api.import(&location, &document.save()).expect(200);
    }
    assert_eq!(seen, (0..12).rev().collect::<Vec<_>>());
}

#[test]
fn a_file_without_changes_makes_no_document() {
    let api = Api::start(&[]);
    let refused = api.request("POST", "/v1/documents", &[FILE], &AutoCommit::new().save()).expect(422);
    assert_eq!(refused.code(), "empty_file");
    assert_eq!(api.get("/v1/documents").json()["items"], json!([]));
}

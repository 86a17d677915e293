//! What operators do about conflicts: list, settle, count, and make lost records anew.

use super::{Apart, conflicts, profile, rename, settle, text, the_conflict};
use crate::support::{Api, device, json_output, output, tiebreak};
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ObjType, ROOT, ScalarValue};
use serde_json::{Value, json};
use tiebreak_storage::relational::{Expect, RelationalStore, Statement, Step};
use tiebreak_storage::{DocumentStore, SqliteOptions, SqliteStore};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::wait::until;

#[test]
fn an_operator_lists_shows_and_settles_with_and_without_a_server() {
    let api = Api::start(&[]);
    let apart = Apart::renamed(&api);
    let conflict = the_conflict(&api);
    let id = text(&conflict, "id").to_owned();
    let url = format!("http://{}", api.server.address());
    let list = output(&mut tiebreak(&["conflicts", "list", "--server", &url]));
    assert!(list.contains(&id) && list.contains("Name") && list.contains("\"Anna\""), "{list}");
    let shown = output(&mut tiebreak(&["conflicts", "show", &id, "--server", &url]));
    assert!(
        shown.contains("is open (write_write, version 1)") && shown.contains("before: \"Ann\""),
        "{shown}"
    );
    let unquoted = tiebreak(&["conflicts", "settle", &id, "--value", "Ann"]).output().unwrap();
    assert!(String::from_utf8_lossy(&unquoted.stderr).contains("double quotes"), "{unquoted:?}");
    let none =
        json_output(&mut tiebreak(&["conflicts", "list", "--json", "--state", "settled", "--server", &url]));
    assert_eq!(none["items"], json!([]));

    let Api { mut server, data } = api;
    server.terminate();
    assert!(server.wait().success());
    let data_directory = data.path().to_str().unwrap();
    let settle = ["conflicts", "settle", &id, "--value", "\"Ann B.\"", "--json", "--data", data_directory];
    let settled = json_output(&mut tiebreak(&settle));
    assert_eq!((text(&settled, "state"), text(&settled["settled"], "value")), ("settled", "Ann B."));
    let server = ServerProcess::start(data.path(), &[]);
    let api = Api { server, data };
    assert_eq!(api.get(&apart.location).expect(200).json()["display_name"], "Ann B.");
}

#[test]
fn records_that_are_lost_are_made_anew_from_the_documents_as_they_were() {
    let api = Api::start(&[]);
    Apart::renamed(&api);
    let both = |write: fn(&mut AutoCommit)| {
        Apart::of(&api, profile(), [write, |device| rename(device, "Anne")]);
    };
    both(|device| device.delete(ROOT, "display_name").unwrap());
    both(|device| device.put(ROOT, "height_cm", 1000).unwrap());
    let known = |api: &Api| {
        let mut known: Vec<_> = conflicts(api, "?state=open")
            .into_iter()
            .map(|conflict| {
                let sides = conflict["candidates"].as_array().unwrap().iter();
                let sides: Vec<_> = sides.map(|side| (side["id"].clone(), side["value"].clone())).collect();
                let name = |key: &str| conflict[key].clone();
                (
                    text(&conflict, "id").to_owned(),
                    name("type"),
                    name("label"),
                    name("path"),
                    name("base"),
                    sides,
                )
            })
            .collect();
        known.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        known
    };
    let before = known(&api);
    let types: std::collections::BTreeSet<_> = before.iter().map(|(_, kind, ..)| kind.to_string()).collect();
    assert_eq!((before.len(), types.len()), (3, 3), "{before:?}");
    let Api { mut server, data } = api;
    server.terminate();
    assert!(server.wait().success());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = SqliteStore::open(data.path(), &SqliteOptions::default()).unwrap();
        let statements =
            ["DELETE FROM conflict_people", "DELETE FROM conflicts"].map(|sql| Statement::new(sql, []));
        let steps = statements.into_iter().map(|statement| Step::Do(statement, Expect::Anything));
        store.transact(steps.collect()).await.unwrap();
        store.close().await.unwrap();
    });
    let rebuild = || {
        let directory = data.path().to_str().unwrap();
        json_output(&mut tiebreak(&["check", "--rebuild-conflicts", "--json", "--data", directory]))
    };
    let made = rebuild();
    assert_eq!((&made["opened"], &made["changed"], &made["closed"]), (&json!(3), &json!(0), &json!(0)));
    let again = rebuild();
    assert_eq!((&again["opened"], &again["changed"], &again["closed"]), (&json!(0), &json!(0), &json!(0)));
    let server = ServerProcess::start(data.path(), &[]);
    assert_eq!(known(&Api { server, data }), before);
}

#[test]
fn statistics_name_the_fields_that_people_disagree_about_and_what_became_of_it() {
    let api = Api::start(&[]);
    for _ in 0..2 {
        Apart::renamed(&api);
    }
    let [one, _] = <[Value; 2]>::try_from(conflicts(&api, "?state=open")).unwrap();
    settle(&api, &one, &[], &json!({ "value": "Ann" })).expect(200);
    let mut cart = device(1);
    cart.put(ROOT, "@kind", "cart").unwrap();
    let lines = cart.put_object(ROOT, "lines", ObjType::Map).unwrap();
    let tent = cart.put_object(&lines, "tent", ObjType::Map).unwrap();
    cart.put(&tent, "qty", ScalarValue::counter(1)).unwrap();
    cart.commit();
    let tent = &tent;
    let noted = |note: &'static str| move |device: &mut AutoCommit| device.put(tent, "note", note).unwrap();
    Apart::of(&api, cart, [noted("red"), noted("blue")]);

    let stats = api.get("/v1/conflicts/stats").expect(200).json();
    assert_eq!((&stats["conflicts"], &stats["complete"]), (&json!(3), &json!(true)));
    let counts = |item: &Value| ["kind", "path", "open", "settled", "overtaken"].map(|key| item[key].clone());
    let items: Vec<_> = stats["items"].as_array().unwrap().iter().map(counts).collect();
    let expected = [
        [json!("profile"), json!("display_name"), json!(1), json!(1), json!(0)],
        [json!("cart"), json!("lines/*/note"), json!(1), json!(0), json!(0)],
    ];
    assert_eq!(items, expected);
    assert!(stats["items"][0]["seconds_to_settle"]["p50"].as_f64().is_some());
    assert_eq!(stats["items"][1]["seconds_to_settle"], Value::Null);
    let url = format!("http://{}", api.server.address());
    let printed = output(&mut tiebreak(&["conflicts", "stats", "--server", &url]));
    assert!(printed.contains("lines/*/note"), "{printed}");

    let metrics = || String::from_utf8(api.get("/metrics").expect(200).body).unwrap();
    let has = |line: &str| metrics().lines().any(|metric| metric == line).then_some(());
    until("what was opened is counted", || {
        has(r#"tiebreak_conflicts_opened_total{kind="profile",type="write_write"} 2"#)
    });
    until("what was settled is counted", || {
        has(r#"tiebreak_conflicts_closed_total{kind="profile",how="choice"} 1"#)?;
        has(r#"tiebreak_conflict_open_seconds_count{kind="profile",how="choice"} 1"#)
    });
}

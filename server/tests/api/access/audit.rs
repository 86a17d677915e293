//! The audit log: read, verified, and honest about what was done to it.

use super::{Person, operate, start};
use crate::support::{Api, complaint, json_output, output, tiebreak};
use serde_json::{Value, json};
use std::process::Command;
use tiebreak_storage::relational::{Expect, Statement, Step};
use tiebreak_storage::{RelationalStore, SqliteOptions, SqliteStore};

/// Does to the stored log what nobody may.
fn tamper(api: &Api, sql: &'static str) {
    let store = SqliteStore::open(api.data.path(), &SqliteOptions::default()).unwrap();
    let step = Step::Do(Statement::new(sql, []), Expect::Rows);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.transact(vec![step])).unwrap();
}

/// A server that has stopped, after somebody signed up and made a document.
fn stopped() -> Api {
    let mut api = start();
    Person::new(&api, "ann").creates(&api);
    api.server.terminate();
    assert!(api.server.wait().success());
    api
}

#[test]
fn an_operator_reads_who_did_what_page_by_page() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let all = json_output(&mut operate(&api, &["audit", "list", "--json"]));
    let items = all["items"].as_array().unwrap();
    let created = items.iter().find(|item| item["action"] == "account.created").unwrap();
    assert_eq!((&created["actor"], &created["subject"]), (&json!(ann.account), &json!(ann.account)));
    assert!(items.iter().map(|item| item["seq"].as_i64().unwrap()).eq(1..=items.len() as i64));
    assert_eq!(items[1]["previous"], items[0]["hash"]);
    assert_eq!(all["next"], Value::Null);
    let first = json_output(&mut operate(&api, &["audit", "list", "--limit", "1", "--json"]));
    assert_eq!((&first["items"], &first["next"]), (&json!([items[0]]), &json!(1)));
    let rest = json_output(&mut operate(&api, &["audit", "list", "--after", "1", "--json"]));
    assert_eq!(rest["items"].as_array().unwrap().as_slice(), &items[1..]);
    assert!(output(&mut operate(&api, &["audit", "list"])).contains("account.created"));
    assert_eq!(ann.asks(&api, "GET", "/v1/audit").expect(403).code(), "access_denied");
}

#[test]
fn a_whole_log_is_verified_with_and_without_a_server() {
    let mut api = start();
    Person::new(&api, "ann");
    let verified = |api: &Api| json_output(&mut operate(api, &["audit", "verify", "--json"]));
    let served = verified(&api);
    assert_eq!(served["whole"], true);
    api.server.terminate();
    assert!(api.server.wait().success());
    assert_eq!(verified(&api), served);
    let head = served["head"].as_str().unwrap();
    assert!(output(&mut operate(&api, &["audit", "verify"])).contains(head));
    output(&mut operate(&api, &["audit", "verify", "--head", head]));
    let checked = json_output(&mut operate(&api, &["check", "--json"]));
    assert_eq!((&checked["ok"], &checked["audit_rows"]), (&json!(true), &served["rows"]));
}

#[test]
fn a_row_that_was_changed_is_named() {
    let api = stopped();
    tamper(&api, "UPDATE audit_log SET detail = 'nothing happened' WHERE seq = 2");
    let verify = operate(&api, &["audit", "verify"]).output().unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains("broken at row 2") && said.contains("not as it was written"), "{said}");
    let check = operate(&api, &["check"]).output().unwrap();
    assert_eq!(check.status.code(), Some(1));
    assert!(String::from_utf8(check.stdout).unwrap().contains("the audit log is broken at row 2"));
}

#[test]
fn who_noted_the_head_notices_rows_cut_off_at_the_end() {
    let api = stopped();
    let verify = |arguments: &[&str]| operate(&api, &[&["audit", "verify"], arguments].concat());
    let head = json_output(&mut verify(&["--json"]))["head"].as_str().unwrap().to_owned();
    tamper(&api, "DELETE FROM audit_log WHERE seq = (SELECT MAX(seq) FROM audit_log)");
    output(&mut verify(&[]));
    let noticed = verify(&["--head", &head]).output().unwrap();
    assert_eq!(noticed.status.code(), Some(1));
    let said = String::from_utf8(noticed.stdout).unwrap();
    assert!(said.contains("cut off"), "{said}");
    assert!(complaint(&mut verify(&["--head", "nonsense"])).contains("64 hexadecimal digits"));
}

#[test]
fn a_stranger_at_the_command_line_is_told_who_may() {
    let api = start();
    let at = format!("http://{}", api.server.address());
    let mut stranger: Command = tiebreak(&["audit", "list", "--server", &at]);
    let said = complaint(&mut stranger);
    assert!(said.contains("--data") && said.contains("operator"), "{said}");
}

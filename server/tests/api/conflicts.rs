//! What people disagree about: recorded with the changes, listed, and settled by whoever may write.

mod operators;

use crate::access::{Person, start};
use crate::support::{Api, JSON, Reply, device, write};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjType, ROOT, ReadDoc, ScalarValue};
use serde_json::{Value, json};
use tiebreak_tests::wait::until;

pub(crate) fn fork(document: &mut AutoCommit, actor: u8) -> AutoCommit {
    document.fork().with_actor(ActorId::from([actor; 16].as_slice()))
}

pub(crate) fn rename(document: &mut AutoCommit, name: &str) {
    document.put(ROOT, "display_name", name).unwrap();
    document.commit();
}

/// A profile as its first device makes it.
pub(crate) fn profile() -> AutoCommit {
    let mut document = device(1);
    document.put(ROOT, "@kind", "profile").unwrap();
    document.put(ROOT, "display_name", "Ann").unwrap();
    document.commit();
    document
}

/// A document that two devices changed apart, and both after it.
pub(crate) struct Apart {
    pub(crate) location: String,
    pub(crate) one: AutoCommit,
    pub(crate) two: AutoCommit,
}

impl Apart {
    pub(crate) fn of(api: &Api, mut base: AutoCommit, edits: [impl Fn(&mut AutoCommit); 2]) -> Self {
        let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
        let location = api.create_from(&base.save());
        for (device, edit) in [&mut one, &mut two].into_iter().zip(edits) {
            edit(device);
            device.commit();
            api.import(&location, &device.save()).expect(200);
        }
        Self { location, one, two }
    }

    pub(crate) fn renamed(api: &Api) -> Self {
        Self::of(
            api,
            profile(),
            ["Anna", "Anne"].map(|name| move |device: &mut AutoCommit| rename(device, name)),
        )
    }

    pub(crate) fn id(&self) -> &str {
        self.location.strip_prefix("/v1/documents/").unwrap()
    }
}

pub(crate) fn conflicts(api: &Api, query: &str) -> Vec<Value> {
    let list = api.get(&format!("/v1/conflicts{query}")).expect(200).json();
    list["items"].as_array().unwrap().clone()
}

pub(crate) fn the_conflict(api: &Api) -> Value {
    let [conflict] = <[Value; 1]>::try_from(conflicts(api, "?state=open")).unwrap();
    conflict
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn candidate(conflict: &Value, value: &Value) -> String {
    let mut candidates = conflict["candidates"].as_array().unwrap().iter();
    text(candidates.find(|candidate| candidate["value"] == *value).unwrap(), "id").to_owned()
}

pub(crate) fn settle(api: &Api, conflict: &Value, headers: &[&str], choice: &Value) -> Reply {
    let path = format!("/v1/conflicts/{}/resolution", text(conflict, "id"));
    api.request("POST", &path, &[&[JSON], headers].concat(), choice.to_string().as_bytes())
}

#[test]
fn two_devices_that_disagree_are_recorded_with_both_values_and_what_they_started_from() {
    let api = Api::start(&[]);
    let apart = Apart::renamed(&api);
    let conflict = the_conflict(&api);
    assert_eq!(conflict["document"], apart.id());
    assert_eq!(conflict["kind"], "profile");
    assert_eq!(conflict["path"], json!(["display_name"]));
    assert_eq!(conflict["label"], "Name");
    assert_eq!((text(&conflict, "type"), text(&conflict, "state")), ("write_write", "open"));
    assert_eq!((&conflict["version"], &conflict["base"]), (&json!(1), &json!("Ann")));
    let mut values: Vec<_> =
        conflict["candidates"].as_array().unwrap().iter().map(|side| text(side, "value")).collect();
    values.sort_unstable();
    assert_eq!(values, ["Anna", "Anne"]);
    for side in conflict["candidates"].as_array().unwrap() {
        assert!(side["server_time"].is_string() && side["removed"] == false, "{side}");
    }
}

#[test]
fn whoever_settles_decides_for_every_device_and_the_record_says_so() {
    let api = Api::start(&[]);
    let apart = Apart::renamed(&api);
    let conflict = the_conflict(&api);
    let chosen = candidate(&conflict, &json!("Anna"));
    let settled = settle(&api, &conflict, &["if-match: \"1\""], &json!({ "candidate": chosen })).expect(200);
    assert_eq!(settled.header("etag"), "\"2\"");
    let settled = settled.json();
    assert_eq!((text(&settled, "state"), &settled["version"]), ("settled", &json!(2)));
    assert_eq!((text(&settled["settled"], "how"), text(&settled["settled"], "value")), ("choice", "Anna"));
    assert!(conflicts(&api, "?state=open").is_empty());
    assert_eq!(api.get(&apart.location).expect(200).json()["display_name"], "Anna");
    for mut device in [apart.one, apart.two] {
        device.load_incremental(&api.file(&apart.location)).unwrap();
        let values = device.get_all(ROOT, "display_name").unwrap();
        assert_eq!(values.len(), 1, "the library shows no disagreement either");
        assert_eq!(values[0].0.as_str(), Some("Anna"));
    }
    let again = settle(&api, &conflict, &[], &json!({ "value": "Annie" })).expect(409);
    assert_eq!(again.code(), "conflict_closed");
}

#[test]
fn a_choice_for_candidates_that_are_not_all_any_more_is_not_taken() {
    let api = Api::start(&[]);
    let mut base = profile();
    let mut third = fork(&mut base, 4);
    let apart = Apart::of(
        &api,
        base,
        ["Anna", "Anne"].map(|name| move |device: &mut AutoCommit| rename(device, name)),
    );
    let conflict = the_conflict(&api);
    rename(&mut third, "Annie");
    api.import(&apart.location, &third.save()).expect(200);
    let stale = settle(&api, &conflict, &["if-match: \"1\""], &json!({ "value": "Ann" })).expect(412);
    assert_eq!(stale.code(), "precondition_failed");
    let now = the_conflict(&api);
    assert_eq!((&now["id"], &now["version"]), (&conflict["id"], &json!(2)));
    assert_eq!(now["candidates"].as_array().unwrap().len(), 3);
    settle(&api, &now, &["if-match: \"2\""], &json!({ "value": "Ann B." })).expect(200);
    assert_eq!(api.get(&apart.location).expect(200).json()["display_name"], "Ann B.");
}

#[test]
fn an_edit_that_comes_late_is_in_conflict_with_the_choice_and_not_lost() {
    let api = Api::start(&[]);
    let mut base = profile();
    let mut late = fork(&mut base, 4);
    let apart = Apart::of(
        &api,
        base,
        ["Anna", "Anne"].map(|name| move |device: &mut AutoCommit| rename(device, name)),
    );
    let conflict = the_conflict(&api);
    settle(&api, &conflict, &[], &json!({ "value": "Anna" })).expect(200);
    rename(&mut late, "Annie");
    api.import(&apart.location, &late.save()).expect(200);
    let again = the_conflict(&api);
    assert_eq!(
        (&again["id"], text(&again, "state")),
        (&conflict["id"], "open"),
        "what all had seen is the same"
    );
    assert!(again["version"].as_u64() > conflict["version"].as_u64());
    candidate(&again, &json!("Annie"));
    candidate(&again, &json!("Anna"));
}

/// A cart in which one device removes a line while another one wants more of it.
fn removed_while_edited(api: &Api) -> Apart {
    let mut cart = device(1);
    cart.put(ROOT, "@kind", "cart").unwrap();
    let lines = cart.put_object(ROOT, "lines", ObjType::Map).unwrap();
    let line = cart.put_object(&lines, "SKU-1", ObjType::Map).unwrap();
    cart.put(&line, "qty", ScalarValue::counter(1)).unwrap();
    cart.commit();
    let edits = [0, 1].map(|which| {
        let (lines, line) = (lines.clone(), line.clone());
        move |device: &mut AutoCommit| match which {
            0 => device.delete(&lines, "SKU-1").unwrap(),
            _ => device.increment(&line, "qty", 2).unwrap(),
        }
    });
    Apart::of(api, cart, edits)
}

#[test]
fn what_one_removes_while_another_edits_it_is_kept_or_goes() {
    for (keep, lines) in [(true, json!({ "SKU-1": { "qty": 3 } })), (false, json!({}))] {
        let api = Api::start(&[]);
        let apart = removed_while_edited(&api);
        let conflict = the_conflict(&api);
        assert_eq!(
            (text(&conflict, "type"), text(&conflict, "label")),
            ("delete_edit", "Lines › Line SKU-1")
        );
        let removing =
            conflict["candidates"].as_array().unwrap().iter().filter(|side| side["removed"] == true);
        assert_eq!(removing.count(), 1);
        settle(&api, &conflict, &[], &json!({ "keep": keep })).expect(200);
        assert_eq!(api.get(&apart.location).expect(200).json()["lines"], lines);
        assert!(conflicts(&api, "?state=open").is_empty());
    }
}

#[test]
fn a_conflict_is_the_same_after_a_restart() {
    let api = Api::start(&[]);
    let mut base = profile();
    let mut third = fork(&mut base, 4);
    let apart = Apart::of(
        &api,
        base,
        ["Anna", "Anne"].map(|name| move |device: &mut AutoCommit| rename(device, name)),
    );
    let conflict = the_conflict(&api);
    let api = api.restart();
    assert_eq!(the_conflict(&api), conflict);
    rename(&mut third, "Annie");
    api.import(&apart.location, &third.save()).expect(200);
    let now = the_conflict(&api);
    assert_eq!((&now["id"], &now["version"]), (&conflict["id"], &json!(2)));
    settle(&api, &now, &[], &json!({ "value": "Ann" })).expect(200);
}

#[test]
fn whoever_writes_the_place_knowing_all_sides_overtakes_the_conflict() {
    let api = Api::start(&[]);
    let mut apart = Apart::renamed(&api);
    apart.one.load_incremental(&apart.two.save()).unwrap();
    rename(&mut apart.one, "Annabel");
    api.import(&apart.location, &apart.one.save()).expect(200);
    let [conflict] = <[Value; 1]>::try_from(conflicts(&api, "")).unwrap();
    assert_eq!((text(&conflict, "state"), text(&conflict["settled"], "how")), ("overtaken", "write"));
    assert_eq!(conflict["settled"]["value"], "Annabel");
}

#[test]
fn documents_without_a_kind_are_flagged_where_the_operator_asks_for_it_only() {
    let base = || {
        let mut document = device(1);
        rename(&mut document, "Ann");
        document
    };
    let names = || ["Anna", "Anne"].map(|name| move |device: &mut AutoCommit| rename(device, name));
    let api = Api::start(&[]);
    Apart::of(&api, base(), names());
    assert!(conflicts(&api, "").is_empty());
    let api = Api::start(&["--plain-documents", "flagged"]);
    Apart::of(&api, base(), names());
    assert_eq!(the_conflict(&api)["kind"], Value::Null);
}

#[test]
fn a_conflict_for_which_the_kind_has_a_rule_is_settled_by_it_and_its_record_names_the_rule() {
    let kinds = tempfile::tempdir().unwrap();
    let best = json!({ "title": "Best", "type": "integer", "x-tiebreak-resolve": "largest" });
    let kind = json!({
        "x-tiebreak-kind": "records", "x-tiebreak-version": 1, "title": "Records", "type": "object",
        "properties": { "best": best },
    });
    std::fs::write(kinds.path().join("records.json"), kind.to_string()).unwrap();
    let api = Api::start(&["--kinds", kinds.path().to_str().unwrap()]);
    let mut base = device(1);
    base.put(ROOT, "@kind", "records").unwrap();
    base.commit();
    let apart =
        Apart::of(&api, base, [30, 5].map(|best| move |device: &mut AutoCommit| write(device, "best", best)));
    let settled = until("the rule to settle it", || conflicts(&api, "?state=settled").pop());
    assert_eq!((text(&settled["settled"], "how"), text(&settled["settled"], "rule")), ("rule", "largest"));
    assert_eq!((&settled["settled"]["value"], &settled["settled"]["by"]), (&json!(30), &Value::Null));
    assert_eq!(api.get(&apart.location).expect(200).json()["best"], 30);
}

#[test]
fn a_rule_that_a_merge_breaks_is_a_conflict_with_its_message_until_it_is_kept_again() {
    let kinds = tempfile::tempdir().unwrap();
    let rule = json!({
        "name": "two_seats", "rule": "size(doc.seats) <= 2", "message": "A boat has two seats.", "on": ["seats"],
    });
    let kind = json!({
        "x-tiebreak-kind": "boat", "x-tiebreak-version": 1, "title": "Boat", "type": "object",
        "properties": { "seats": { "type": "object" } }, "x-tiebreak-rules": [rule],
    });
    std::fs::write(kinds.path().join("boat.json"), kind.to_string()).unwrap();
    let api = Api::start(&["--kinds", kinds.path().to_str().unwrap()]);
    let mut base = device(1);
    base.put(ROOT, "@kind", "boat").unwrap();
    let seats = base.put_object(ROOT, "seats", ObjType::Map).unwrap();
    base.put(&seats, "ann", true).unwrap();
    base.commit();
    let takes = |name: &'static str| {
        move |device: &mut AutoCommit| {
            let (_, seats) = device.get(ROOT, "seats").unwrap().unwrap();
            device.put(seats, name, true).unwrap();
        }
    };
    let mut apart = Apart::of(&api, base, [takes("ben"), takes("cleo")]);
    let conflict = the_conflict(&api);
    assert_eq!((text(&conflict, "type"), text(&conflict, "label")), ("rule", "A boat has two seats."));
    assert_eq!((&conflict["path"], &conflict["base"]), (&json!(["seats"]), &json!({ "ann": true })));
    assert_eq!(conflict["candidates"].as_array().unwrap().len(), 2);
    apart.one.load_incremental(&apart.two.save()).unwrap();
    let (_, seats) = apart.one.get(ROOT, "seats").unwrap().unwrap();
    apart.one.delete(&seats, "ann").unwrap();
    api.import(&apart.location, &apart.one.save()).expect(200);
    let [kept] = <[Value; 1]>::try_from(conflicts(&api, "")).unwrap();
    assert_eq!((&kept["id"], text(&kept, "state")), (&conflict["id"], "overtaken"));
}

#[test]
fn conflicts_are_listed_by_document_and_state_and_page_by_page() {
    let api = Api::start(&[]);
    let all: Vec<_> = (0..5).map(|_| Apart::renamed(&api)).collect();
    assert_eq!(conflicts(&api, "").len(), 5);
    let of_one = conflicts(&api, &format!("?document={}", all[2].id()));
    assert_eq!(of_one.len(), 1);
    settle(&api, &of_one[0], &[], &json!({ "value": "Ann" })).expect(200);
    assert_eq!((conflicts(&api, "?state=open").len(), conflicts(&api, "?state=settled").len()), (4, 1));
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = api.get(&format!("/v1/conflicts{query}")).expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=2&after={next}");
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (5, 5));
}

#[test]
fn a_choice_that_cannot_be_is_told_why() {
    let api = Api::start(&[]);
    Apart::renamed(&api);
    let conflict = the_conflict(&api);
    for (choice, status, code) in [
        (json!({ "candidate": "1@00" }), 422, "no_such_candidate"),
        (json!({ "keep": true }), 422, "candidate_needed"),
        (json!({}), 400, "invalid_parameter"),
        (json!({ "value": 1, "keep": true }), 400, "invalid_parameter"),
    ] {
        assert_eq!(settle(&api, &conflict, &[], &choice).expect(status).code(), code, "{choice}");
    }
    let unknown = json!({ "id": "cnf_11111111111111111111111111111111" });
    for id in [&unknown, &json!({ "id": "none" })] {
        assert_eq!(settle(&api, id, &[], &json!({ "value": 1 })).expect(404).code(), "conflict_not_found");
    }
    assert_eq!(the_conflict(&api), conflict, "nothing of it was done");
}

#[test]
fn only_who_may_read_a_document_sees_its_conflicts_and_only_who_may_write_settles_them() {
    let api = start();
    let [ann, ben, eve] = ["ann", "ben", "eve"].map(|name| Person::new(&api, name));
    let send = |person: &Person, path: &str, file: &[u8]| {
        let file_type = "content-type: application/octet-stream";
        api.request("POST", path, &[&person.bearer(), file_type], file)
    };
    let mut base = profile();
    let location = send(&ann, "/v1/documents", &base.save()).expect(201).header("location").to_owned();
    for (actor, name) in [(2, "Anna"), (3, "Anne")] {
        let mut device = fork(&mut base, actor);
        rename(&mut device, name);
        send(&ann, &format!("{location}/import"), &device.save()).expect(200);
    }
    let list = |person: &Person, query: &str| {
        let reply = person.asks(&api, "GET", &format!("/v1/conflicts{query}"));
        reply.expect(200).json()["items"].as_array().unwrap().clone()
    };
    let of_document = format!("?document={}", location.strip_prefix("/v1/documents/").unwrap());
    let [conflict] = <[Value; 1]>::try_from(list(&ann, "?for=me")).unwrap();
    let side = &conflict["candidates"][0];
    assert_eq!(
        (text(&side["principal"], "account"), text(&side["principal"], "name")),
        (&*ann.account, "ann")
    );
    let path = format!("/v1/conflicts/{}", text(&conflict, "id"));
    let choice = json!({ "value": "Ann" });
    let resolution = format!("{path}/resolution");
    assert!(list(&eve, "").is_empty());
    assert_eq!(eve.asks(&api, "GET", &path).expect(404).code(), "conflict_not_found");
    assert_eq!(
        eve.asks(&api, "GET", &format!("/v1/conflicts{of_document}")).expect(404).code(),
        "document_not_found"
    );
    assert_eq!(eve.sends(&api, "POST", &resolution, &choice).expect(404).code(), "conflict_not_found");
    let grant = format!("{location}/grants/{}", ben.account);
    ann.sends(&api, "PUT", &grant, &json!({ "role": "viewer" })).expect(204);
    assert_eq!((list(&ben, "").len(), list(&ben, &of_document).len()), (0, 1), "his own, and the document's");
    assert_eq!(ben.sends(&api, "POST", &resolution, &choice).expect(403).code(), "access_denied");
    ann.sends(&api, "PUT", &grant, &json!({ "role": "editor" })).expect(204);
    let settled = ben.sends(&api, "POST", &resolution, &choice).expect(200).json();
    assert_eq!(text(&settled["settled"]["by"], "name"), "ben");
}

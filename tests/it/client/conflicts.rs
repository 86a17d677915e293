//! What two devices write apart: seen on both, offline too, under the server's ids, and settled on either.

use super::{SOON, config, folder};
use serde_json::{Value, json};
use tiebreak_client::{Conflict, Doc, Resolution, ResolveError, Tiebreak, Updates};
use tiebreak_tests::server_process::ServerProcess;

/// A profile that two devices have, one of which is offline from here on.
struct TwoDevices {
    server: ServerProcess,
    clients: [Tiebreak; 2],
    profiles: [Doc; 2],
    _folders: [tempfile::TempDir; 3],
}

impl TwoDevices {
    async fn with(content: &Value) -> Self {
        let folders = [folder(), folder(), folder()];
        let [data, phone, laptop] = &folders;
        let server = ServerProcess::start(data.path(), &[]);
        let phone = Tiebreak::open(config(phone, server.address())).await.expect("opens");
        let laptop = Tiebreak::open(config(laptop, server.address())).await.expect("opens");
        let mine = phone.create(content).await.expect("made");
        mine.wait_for_upload(SOON).await.expect("uploaded");
        let theirs = laptop.find(mine.id()).await.expect("found");
        phone.disconnect();
        laptop.disconnect();
        Self { server, clients: [phone, laptop], profiles: [mine, theirs], _folders: folders }
    }

    /// Has both devices upload and learn everything.
    async fn sync(&self) {
        for client in self.clients.iter().chain(&self.clients) {
            client.sync_once(SOON).await.expect("in step");
        }
    }

    fn conflicts_on_server(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(self.server.get("/v1/conflicts").trim()).expect("JSON");
        list["items"].as_array().expect("a list").clone()
    }
}

async fn the_conflict(document: &Doc) -> Conflict {
    let [conflict] = <[Conflict; 1]>::try_from(document.conflicts().await.expect("read")).expect("one");
    conflict
}

async fn until(conflicts: &mut Updates<Vec<Conflict>>, open: usize) {
    let reached = async { while conflicts.next().await.expect("the document is there").len() != open {} };
    tokio::time::timeout(SOON, reached).await.expect("told in time");
}

async fn rename(document: &Doc, name: &str) {
    document.change(|edit| edit.put("display_name", name)).await.expect("changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_see_what_they_disagree_about_and_a_choice_made_offline_settles_it_everywhere() {
    let devices = TwoDevices::with(&json!({ "@kind": "profile", "display_name": "Ann" })).await;
    let [phone, laptop] = &devices.profiles;
    let mut told = phone.conflict_stream();
    rename(phone, "Anna").await;
    rename(laptop, "Anne").await;
    assert_eq!(phone.conflicts().await.expect("read"), []);
    devices.sync().await;
    until(&mut told, 1).await;
    let conflict = the_conflict(phone).await;
    assert_eq!(the_conflict(laptop).await, conflict, "both see the same");
    let on_server = devices.conflicts_on_server();
    assert_eq!(on_server[0]["id"], conflict.id.to_string());
    assert_eq!(conflict.base, Some(json!("Ann")));

    let annas = conflict.candidates.iter().find(|side| side.value == Some(json!("Anna"))).expect("hers");
    phone.resolve(conflict.id, Resolution::Candidate(annas.id.clone())).await.expect("settled offline");
    until(&mut told, 0).await;
    let again = phone.resolve(conflict.id, Resolution::Value(json!("Annie"))).await;
    assert!(matches!(again, Err(ResolveError::NotOpen)), "{again:?}");
    devices.sync().await;
    for profile in &devices.profiles {
        assert_eq!(profile.to_json().await.expect("read")["display_name"], "Anna");
        assert_eq!(profile.conflicts().await.expect("read"), []);
    }
    let on_server = devices.conflicts_on_server();
    assert_eq!((on_server.len(), &on_server[0]["state"]), (1, &json!("settled")));
    assert_eq!(on_server[0]["settled"]["value"], "Anna");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_choices_made_apart_are_a_conflict_again_and_nothing_is_lost() {
    let devices = TwoDevices::with(&json!({ "@kind": "profile", "display_name": "Ann" })).await;
    let [phone, laptop] = &devices.profiles;
    rename(phone, "Anna").await;
    rename(laptop, "Anne").await;
    devices.sync().await;
    let first = the_conflict(phone).await;
    phone.resolve(first.id, Resolution::Value(json!("Annie"))).await.expect("settled");
    laptop.resolve(first.id, Resolution::Value(json!("Annabel"))).await.expect("settled");
    devices.sync().await;
    let second = the_conflict(phone).await;
    assert_eq!(the_conflict(laptop).await, second);
    assert_ne!(second.id, first.id, "both knew more than before");
    let mut values: Vec<_> = second.candidates.iter().filter_map(|side| side.value.clone()).collect();
    values.sort_by_key(Value::to_string);
    assert_eq!(values, [json!("Annabel"), json!("Annie")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_cannot_be_is_told_why_and_changes_nothing() {
    let devices = TwoDevices::with(&json!({ "@kind": "profile", "display_name": "Ann" })).await;
    let [phone, laptop] = &devices.profiles;
    rename(phone, "Anna").await;
    rename(laptop, "Anne").await;
    devices.sync().await;
    let conflict = the_conflict(phone).await;
    let before = phone.heads();
    let unknown = phone.resolve(conflict.id, Resolution::Candidate("1@00".to_owned())).await;
    assert!(
        matches!(&unknown, Err(ResolveError::NoSuchCandidate { candidates }) if candidates.len() == 2),
        "{unknown:?}"
    );
    let which = phone.resolve(conflict.id, Resolution::Keep).await;
    assert!(matches!(which, Err(ResolveError::KeepWhich { .. })), "{which:?}");
    assert_eq!(phone.heads(), before);
}

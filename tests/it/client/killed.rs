//! The app is killed right after `change` returned.

use super::{SOON, config, folder};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tiebreak_client::{DocumentId, Tiebreak, TiebreakConfig};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::server_process::ServerProcess;

/// Says to this very binary that it is to be the app, and where.
const APP_FOLDER: &str = "TIEBREAK_TEST_APP_FOLDER";

/// The app: makes a document and counts up in it, telling each number once `change` has returned. A test only in
/// name, so that this binary can run itself; it does nothing unless it was told where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
async fn app() {
    let Some(folder) = std::env::var_os(APP_FOLDER) else { return };
    let client = Tiebreak::open(TiebreakConfig::new(folder)).await.expect("opens");
    let counter = client.create(&json!({ "n": 0 })).await.expect("made");
    println!("document {}", counter.id());
    for n in 1.. {
        counter.change(|edit| edit.put("n", n)).await.expect("changed");
        println!("done {n}");
    }
}

/// Runs the app until it has told this number, and kills it. Answers its document and the last number it told.
fn run_and_kill(folder: &std::path::Path, at: i64) -> (DocumentId, i64) {
    let mut app = Command::new(std::env::current_exe().expect("a running test knows itself"))
        .args(["--exact", "client::killed::app", "--nocapture"])
        .env(APP_FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the app starts");
    let lines = BufReader::new(app.stdout.take().expect("piped")).lines();
    let (mut document, mut told) = (None, 0);
    for line in lines.map_while(Result::ok) {
        if let Some((_, id)) = line.split_once("document ") {
            document = Some(id.parse().expect("an id"));
        }
        if let Some(n) = line.strip_prefix("done ").and_then(|n| n.parse().ok()) {
            told = n;
        }
        if told == at {
            // SIGKILL; what it tells before that is still read.
            app.kill().expect("killed");
        }
    }
    app.wait().expect("it has ended");
    (document.expect("it made a document"), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_change_returned_for_is_there_and_pending_after_the_app_was_killed() {
    let data = folder();
    let server = ServerProcess::start(data.path(), &[]);
    let mut dice = Dice::new(4);
    for _ in 0..8 {
        let local = folder();
        let at = 1 + i64::try_from(dice.below(40)).expect("small");
        let (id, told) = run_and_kill(local.path(), at);
        assert!(told >= at, "it told {told} of {at}");

        let client = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
        let pending = client.status().pending_changes;
        let counter = client.find(id).await.expect("here");
        let n = counter.get("n").await.expect("readable").and_then(|n| n.as_i64()).expect("a number");
        // One that was made but not told may be there as well.
        assert!(n == told || n == told + 1, "{n} after {told}");
        assert_eq!(pending, usize::try_from(n + 1).expect("small"), "with the one that made the document");
        client.sync_once(SOON).await.expect("in step");
        assert_eq!(server.get(&format!("/v1/documents/{id}")).trim(), format!("{{\"n\":{n}}}"));
        client.close().await;
    }
}

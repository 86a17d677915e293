//! Connections that end, freeze or are not made, and how the client comes back.

use super::{SOON, config, folder, until_json, until_status};
use serde_json::json;
use std::time::Duration;
use tiebreak_client::{ConnectionState, Tiebreak};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::tcp_proxy::{Flow, TcpProxy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_comes_back_by_itself_when_the_server_was_killed_and_started_again() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let address = server.address();
    let client = Tiebreak::open(config(&local, address)).await.expect("opens");
    let note = client.create(&json!({ "n": 0 })).await.expect("made");
    client.wait_for_upload(SOON).await.expect("uploaded");

    server.kill();
    until_status(&client, "the loss to be noticed", |status| {
        matches!(status.state, ConnectionState::Waiting { .. })
    })
    .await;
    note.change(|edit| edit.put("n", 1)).await.expect("changed");
    assert_eq!(client.status().pending_changes, 1);

    let server = ServerProcess::start_at(address, data.path(), &[]);
    client.wait_for_upload(SOON).await.expect("uploaded after the restart");
    let stored = server.get(&format!("/v1/documents/{}", note.id()));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&stored).expect("JSON"), json!({ "n": 1 }));
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_connection_is_noticed_and_one_that_thaws_is_used_again() {
    let (data, local, other) = (folder(), folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let proxy = TcpProxy::start(server.address(), 1);
    let beat = Duration::from_millis(200);
    let client = Tiebreak::open(config(&local, proxy.address()).heartbeat(beat)).await.expect("opens");
    let neighbour = Tiebreak::open(config(&other, server.address())).await.expect("opens");
    let note = client.create(&json!({})).await.expect("made");
    client.wait_for_upload(SOON).await.expect("uploaded");

    proxy.set(|weather| (weather.up, weather.down) = (Flow::Frozen, Flow::Frozen));
    let status = until_status(&client, "the silence to be noticed", |status| {
        status.state != ConnectionState::Connected
    })
    .await;
    assert!(status.last_error.expect("said").to_string().contains("silent"));
    note.change(|edit| edit.put("made", "in the cold")).await.expect("changed");

    proxy.set(|weather| (weather.up, weather.down) = (Flow::Flowing, Flow::Flowing));
    client.wait_for_upload(SOON).await.expect("uploaded after the thaw");
    let found = neighbour.find(note.id()).await.expect("found");
    until_json(&found, json!({ "made": "in the cold" })).await;
    client.close().await;
    neighbour.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_outlives_many_heartbeats() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let beat = Duration::from_millis(100);
    let client = Tiebreak::open(config(&local, server.address()).heartbeat(beat)).await.expect("opens");
    until_status(&client, "the connection", |status| status.state == ConnectionState::Connected).await;
    let lost = tokio::time::timeout(
        beat * 20,
        until_status(&client, "nothing", |status| status.state != ConnectionState::Connected),
    );
    assert!(lost.await.is_err(), "lost though the server answers pings: {:?}", client.status());
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn word_of_another_network_ends_a_long_wait_at_once() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let proxy = TcpProxy::start(server.address(), 2);
    proxy.refuse();
    // So long that no test would see the end of a wait.
    let hour = Duration::from_secs(3600);
    let client = Tiebreak::open(config(&local, proxy.address()).backoff(hour, hour)).await.expect("opens");
    until_status(&client, "the first try to fail", |status| {
        matches!(status.state, ConnectionState::Waiting { .. })
    })
    .await;
    proxy.accept();
    client.network_changed();
    until_status(&client, "the connection", |status| status.state == ConnectionState::Connected).await;

    // The other way to notice: a connection that seems to be there is probed, long before its heartbeat.
    proxy.set(|weather| (weather.up, weather.down) = (Flow::Frozen, Flow::Frozen));
    client.network_changed();
    until_status(&client, "the probe to fail", |status| status.state != ConnectionState::Connected).await;
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_neither_for_a_server_that_never_answers_nor_for_a_frozen_one() {
    let local = folder();
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let client = Tiebreak::open(config(&local, mute.local_addr().expect("bound"))).await.expect("opens");
    let (_accepted, _) = mute.accept().expect("the client comes");
    tokio::time::timeout(SOON, client.close()).await.expect("closed in the middle of the upgrade");

    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let proxy = TcpProxy::start(server.address(), 3);
    // On a busy machine the writing takes its time, and the connection is not to be given up meanwhile.
    let config = config(&local, proxy.address()).heartbeat(Duration::from_secs(3600));
    let client = Tiebreak::open(config).await.expect("opens");
    until_status(&client, "the connection", |status| status.state == ConnectionState::Connected).await;
    proxy.set(|weather| (weather.up, weather.down) = (Flow::Frozen, Flow::Frozen));
    let noise = noise(6 * 1024 * 1024);
    for part in noise.chunks(512 * 1024) {
        let text = part.iter().map(|byte| char::from(b'a' + byte % 26)).collect::<String>();
        client.create(&json!({ "text": text })).await.expect("made");
    }
    until_status(&client, "something to be on its way", |status| status.uploading || status.downloading)
        .await;
    tokio::time::timeout(SOON, client.close()).await.expect("closed with more on its way than sockets hold");
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut dice = tiebreak_tests::dice::Dice::new(7);
    (0..bytes).map(|_| u8::try_from(dice.below(256)).expect("a byte")).collect()
}

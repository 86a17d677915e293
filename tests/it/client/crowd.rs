//! Two hundred devices that lost one server come back to it.

use super::{SOON, config, folder, until_status};
use futures_util::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};
use tiebreak_client::{ConnectionState, Doc, Tiebreak};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::tcp_proxy::TcpProxy;

const DEVICES: usize = 200;

struct Device {
    client: Tiebreak,
    own: Doc,
    shared: Doc,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "how long opening takes and how the tries spread, for who looks")]
async fn two_hundred_devices_come_back_after_a_restart_and_upload_what_they_wrote_meanwhile() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let proxy = TcpProxy::start(server.address(), 8);
    let address = server.address();
    let patience = 3 * SOON;

    let began = Instant::now();
    let opened = join_all((0..DEVICES).map(|n| {
        let place =
            tempfile::TempDir::with_prefix_in(format!("device-{n}-"), local.path()).expect("a folder");
        let config = config(&place, proxy.address()).backoff(Duration::from_secs(1), Duration::from_secs(3));
        async move {
            let client = Tiebreak::open(config).await.expect("opens");
            // The folder goes with the one around it.
            drop(place.keep());
            client
        }
    }));
    let clients = opened.await;
    println!("{DEVICES} stores opened in {:?}", began.elapsed());

    let shared = clients[0].create(&json!({ "from": {} })).await.expect("made").id();
    clients[0].wait_for_upload(patience).await.expect("uploaded");
    let devices = join_all(clients.into_iter().enumerate().map(async |(n, client)| {
        let own = client.create(&json!({ "device": n })).await.expect("made");
        let shared = client.find(shared).await.expect("found");
        client.wait_for_upload(patience).await.expect("uploaded");
        Device { client, own, shared }
    }))
    .await;

    let before = proxy.connections();
    server.kill();
    join_all(devices.iter().enumerate().map(async |(n, device)| {
        until_status(&device.client, "the loss", |status| status.state != ConnectionState::Connected).await;
        device.own.change(|edit| edit.put("meanwhile", true)).await.expect("changed");
        device.shared.change(|edit| edit.put(["from", &n.to_string()], true)).await.expect("changed");
    }))
    .await;
    let server = ServerProcess::start_at(address, data.path(), &[]);
    let back = Instant::now();
    let mut times = join_all(devices.iter().map(async |device| {
        device.client.wait_for_upload(patience).await.expect("uploaded");
        back.elapsed()
    }))
    .await;
    times.sort();
    let at = |share: usize| times[(DEVICES - 1) * share / 100];
    println!("all back after {:?} (half {:?}, a tenth {:?})", at(100), at(50), at(10));
    println!("{} tries for {DEVICES} devices", proxy.connections() - before);

    let stored: serde_json::Value =
        serde_json::from_str(&server.get(&format!("/v1/documents/{shared}"))).expect("JSON");
    assert_eq!(stored["from"].as_object().expect("a map").len(), DEVICES);
    for (n, device) in devices.iter().enumerate() {
        let stored: serde_json::Value =
            serde_json::from_str(&server.get(&format!("/v1/documents/{}", device.own.id()))).expect("JSON");
        assert_eq!(stored, json!({ "device": n, "meanwhile": true }));
    }
    join_all(devices.iter().map(|device| device.client.close())).await;
}

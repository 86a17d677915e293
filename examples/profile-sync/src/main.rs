//! A profile edited on three devices: each writes something else, offline, and all end with everything.
//!
//! With a server running (`make run`): `cargo run --package profile-sync`. Another server's address may be given.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tiebreak_client::{ConnectionState, SyncError, SyncStatus, Tiebreak, TiebreakConfig, Updates};

#[derive(Debug, Serialize, Deserialize)]
struct Profile {
    display_name: String,
    bio: String,
    goals: BTreeMap<String, u32>,
}

const PATIENCE: Duration = Duration::from_secs(20);

/// An app works without a server; this one has nothing to show without.
async fn tell_if_nobody_is_there(mut statuses: Updates<SyncStatus>, url: String) {
    while let Some(status) = statuses.next().await {
        if let (ConnectionState::Waiting { .. }, Some(SyncError::Connection { reason })) =
            (status.state, status.last_error)
        {
            println!("There is no server at {url} ({reason}); trying on. `make run` starts one.");
            return;
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Three devices would be three apps; here they are three folders.
    let folder = tempfile::tempdir()?;
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:7070/automerge".to_owned());
    let config = |device| TiebreakConfig::new(folder.path().join(device)).url(url.as_str());
    let phone = Tiebreak::open(config("phone")).await?;
    let watch = Tiebreak::open(config("watch")).await?;
    let laptop = Tiebreak::open(config("laptop")).await?;

    tokio::spawn(tell_if_nobody_is_there(phone.status_stream(), url.clone()));

    // From here on it is what an app would write.
    let new = Profile { display_name: "Ann".into(), bio: "I run.".into(), goals: BTreeMap::new() };
    let on_phone = phone.create(&new).await?;
    phone.wait_for_upload(PATIENCE).await?;
    let on_watch = watch.find(on_phone.id()).await?;
    let on_laptop = laptop.find(on_phone.id()).await?;
    [&phone, &watch, &laptop].into_iter().for_each(Tiebreak::disconnect);
    on_phone.update(|profile: &mut Profile| profile.display_name = "Ann B.".into()).await?;
    on_watch.update(|profile: &mut Profile| profile.goals.insert("steps a day".into(), 9_000)).await?;
    on_laptop.update(|profile: &mut Profile| profile.bio.push_str(" Slowly.")).await?;
    for device in [&phone, &watch, &laptop, &phone, &watch] {
        let report = device.sync_once(PATIENCE).await?;
        println!("uploaded {} changes, {} pending", report.uploaded_changes, report.status.pending_changes);
    }
    for (device, profile) in [("phone", &on_phone), ("watch", &on_watch), ("laptop", &on_laptop)] {
        println!("{device}: {:?}", profile.value::<Profile>().await?);
    }
    Ok(())
}

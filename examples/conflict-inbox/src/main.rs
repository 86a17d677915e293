//! An inbox of disagreements: a phone and a laptop edit three documents apart, then a person at the laptop, offline,
//! chooses what stands, and the phone ends with the same.
//!
//! With a server running (`make run`): `cargo run --package conflict-inbox`. Another server's address may be given. Each
//! question takes the number of a side, or something else to stand there; what is not answered stays open.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::{Value, json};
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Duration;
use tiebreak_client::{Candidate, Conflict, Doc, PathStep, Resolution, Tiebreak, TiebreakConfig};

const PATIENCE: Duration = Duration::from_secs(20);

/// One document on both devices.
struct Shared {
    title: &'static str,
    on_phone: Doc,
    on_laptop: Doc,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:7070/automerge".to_owned());
    let config = |device| TiebreakConfig::new(folder.path().join(device)).url(url.as_str());
    let phone = Tiebreak::open(config("phone")).await?;
    let laptop = Tiebreak::open(config("laptop")).await?;
    println!("Two devices edit three documents apart…");
    let documents = edited_apart(&phone, &laptop).await?;

    // Everything from here on happens on the laptop, without a network.
    laptop.disconnect();
    let mut answers = stdin().lock().lines();
    for Shared { title, on_laptop, .. } in &documents {
        for conflict in on_laptop.conflicts().await? {
            println!("\n{title}: {}", place(&conflict.path));
            ask(&conflict)?;
            let answer = answers.next().transpose()?.unwrap_or_default();
            match resolution(answer.trim(), &conflict) {
                Some(resolution) => on_laptop.resolve(conflict.id, resolution).await?,
                None => println!("It stays open."),
            }
        }
    }

    laptop.sync_once(PATIENCE).await?;
    phone.sync_once(PATIENCE).await?;
    println!();
    for Shared { title, on_phone, on_laptop } in &documents {
        let open = on_phone.conflicts().await?.len();
        println!("{title}, {open} open: {}", on_phone.to_json().await?);
        anyhow::ensure!(on_phone.heads() == on_laptop.heads(), "the devices have the same");
    }
    Ok(())
}

/// Makes the documents, has both devices edit each of them offline, and brings it together.
async fn edited_apart(phone: &Tiebreak, laptop: &Tiebreak) -> anyhow::Result<Vec<Shared>> {
    let new = [
        ("Profile", json!({ "@kind": "profile", "display_name": "Ann", "bio": "I run." })),
        ("Cart", json!({ "@kind": "cart", "lines": { "tent": { "qty": 1, "note": "" } } })),
        (
            "Group",
            json!({ "@kind": "group", "name": "Walkers", "events": { "lake": { "title": "To the lake" } } }),
        ),
    ];
    let mut documents = Vec::new();
    for (title, content) in new {
        let on_phone = phone.create(&content).await?;
        on_phone.wait_for_upload(PATIENCE).await?;
        documents.push(Shared { title, on_laptop: laptop.find(on_phone.id()).await?, on_phone });
    }
    [phone, laptop].into_iter().for_each(Tiebreak::disconnect);
    let [profile, cart, group] = &documents[..] else { anyhow::bail!("there are three documents") };
    profile.on_phone.change(|edit| edit.put("display_name", "Anna")).await?;
    profile.on_laptop.change(|edit| edit.put("display_name", "Anne")).await?;
    cart.on_phone.change(|edit| edit.delete(["lines", "tent"])).await?;
    cart.on_laptop.change(|edit| edit.put(["lines", "tent", "note"], "the red one")).await?;
    group.on_phone.change(|edit| edit.put(["events", "lake", "place"], "Station")).await?;
    group.on_laptop.change(|edit| edit.put("name", "Early walkers")).await?;
    for device in [phone, laptop, phone] {
        device.sync_once(PATIENCE).await?;
    }
    Ok(documents)
}

fn ask(conflict: &Conflict) -> std::io::Result<()> {
    println!("  before: {}", shown(conflict.base.as_ref()));
    for (number, Candidate { value, .. }) in (1..).zip(&conflict.candidates) {
        println!("  {number}: {}", shown(value.as_ref()));
    }
    print!("Which? ");
    stdout().flush()
}

fn resolution(answer: &str, conflict: &Conflict) -> Option<Resolution> {
    let numbered =
        answer.parse().ok().and_then(|number: usize| conflict.candidates.get(number.checked_sub(1)?));
    match numbered {
        Some(side) => Some(Resolution::Candidate(side.id.clone())),
        None => (!answer.is_empty()).then(|| Resolution::Value(answer.into())),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn place(path: &[PathStep]) -> String {
    let step = |step: &PathStep| match step {
        PathStep::Key(key) => key.clone(),
        PathStep::Position(position) => (position + 1).to_string(),
        PathStep::Removed => "removed".to_owned(),
    };
    path.iter().map(step).collect::<Vec<_>>().join(", ")
}

//! Thousands sign up and in at once while others go on syncing: how near that comes to the limit, argon2 alone, and
//! what those who sync notice of it.

mod people;
mod storm;

use super::{Scale, Stage};
use crate::hash_limit;
use crate::load::{Load, Pace, Running};
use crate::machine::{resident_kib, resident_peak_kib};
use crate::report::Figures;
use crate::server_process::{ServerProcess, hash_limit as hash_limit_of};
use anyhow::ensure;
use people::Person;
use serde_json::json;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use storm::{Served, SharedTroubles, Visitor, storm};
use tokio::time::sleep;

/// 500 devices, each an edit every five seconds: the cores are the hashes', as good as whole.
const DOCUMENTS: u64 = 100;
const DEVICES_PER_DOCUMENT: u32 = 5;
const EDITS_PER_SECOND: f64 = 0.2;
/// After which the first edits of all devices are through.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// The rarer the edits, the longer it takes to tell what their latency is.
const QUIET_TIMES: u32 = 3;
/// The addresses of those who sync lie behind those of all customers.
const FIRST_DEVICE_ADDRESS: u32 = 1 << 16;

pub(super) async fn run(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    let mut people = people::customers(scale.people)?;
    // Not until it speaks to anybody: to those who have not signed in it does not.
    let server = ServerProcess::start(stage.target, stage.around, stage.data.path()).await?;
    let port = server.endpoint.port;
    let load = Load {
        documents: DOCUMENTS,
        writers: DEVICES_PER_DOCUMENT,
        readers: 0,
        pace: Pace::PerSecond(EDITS_PER_SECOND),
        time: scale.time * QUIET_TIMES,
        bearers: device_keys(port).await?,
    };
    let stored = hash_limit::stored_hash(stage.data.path())?;
    let limit = || hash_limit_of(&stored, stage.around);
    let running = Running::start(&load, &server).await?;
    sleep(SETTLE_TIME).await;
    let ((), quiet) = running.measure(sleep(load.time)).await;
    let quiet_kib = resident_kib(server.pid);

    let troubles = SharedTroubles::default();
    let before = limit().await?;
    let (registered, while_registering) =
        running.measure(storm(&mut people, port, &troubles, register)).await;
    let between = limit().await?;
    let (signed_in, while_signing_in) = running.measure(storm(&mut people, port, &troubles, sign_in)).await;
    let after = limit().await?;
    let peak_kib = resident_peak_kib(server.pid);
    let returned = verify(&mut people, port, &troubles).await?;

    let mut figures = running.finish(while_signing_in.clone()).await?;
    server.kill().await?;
    figures.set("people", returned.succeeded as f64);
    figures.set("quiet_mib", quiet_kib / 1024.0);
    figures.set("peak_mib", peak_kib / 1024.0);
    let processors = stage.around.server_processors();
    let registering = Hashing {
        served: registered?,
        limit: f64::midpoint(before, between),
        load: while_registering,
        processors,
    };
    let signing_in = Hashing {
        served: signed_in?,
        limit: f64::midpoint(between, after),
        load: while_signing_in,
        processors,
    };
    compare_hashes(&mut figures, &registering, &signing_in);
    compare_sync(&mut figures, &quiet, [&registering.load, &signing_in.load]);
    report_troubles(&mut figures, &troubles);
    Ok(figures)
}

/// A storm, beside what argon2 alone did just before and after it: machines are faster at one time than at another.
struct Hashing {
    served: Served,
    /// Hashes per second of processor time.
    limit: f64,
    load: Figures,
    processors: usize,
}

impl Hashing {
    fn by_limit(&self) -> f64 {
        self.served.per_second / (self.limit * self.processors as f64)
    }

    /// Of the processor time that the server got, the part that argon2 alone would have needed: the same however
    /// busy the machine is.
    fn part_of_server(&self) -> f64 {
        let server_s = self.load.get("server_cpu").unwrap_or(0.0) * self.load.get("seconds").unwrap_or(0.0);
        self.served.succeeded as f64 / self.limit / server_s
    }
}

fn compare_hashes(figures: &mut Figures, registering: &Hashing, signing_in: &Hashing) {
    let limit = f64::midpoint(registering.limit, signing_in.limit) * signing_in.processors as f64;
    figures.set("hashes_per_s", limit);
    figures.set("registrations_per_s", registering.served.per_second);
    figures.set("logins_per_s", signing_in.served.per_second);
    figures.set("registrations_by_limit", registering.by_limit());
    figures.set("logins_by_limit", signing_in.by_limit());
    figures.set("hashing_part", f64::midpoint(registering.part_of_server(), signing_in.part_of_server()));
}

/// The worse of the two storms is what those who sync remember.
fn compare_sync(figures: &mut Figures, quiet: &Figures, storms: [&Figures; 2]) {
    for (name, quiet_name) in [("p50_ms", "quiet_p50_ms"), ("p99_ms", "quiet_p99_ms")] {
        figures.set(quiet_name, quiet.get(name).unwrap_or(0.0));
        figures.set(name, storms.iter().filter_map(|storm| storm.get(name)).fold(0.0, f64::max));
    }
    let p99 = |name| figures.get(name).unwrap_or(0.0);
    figures.set("p99_by_quiet", p99("p99_ms") / p99("quiet_p99_ms"));
    figures.set("quiet_server_cpu", quiet.get("server_cpu").unwrap_or(0.0));
}

fn report_troubles(figures: &mut Figures, troubles: &SharedTroubles) {
    let troubles = troubles.borrow();
    figures.set("refused_busy", troubles.refusals(|code| code == "busy") as f64);
    figures.set("refused_otherwise", troubles.refusals(|code| code != "busy") as f64);
    figures.set("unanswered", troubles.broken as f64);
    figures.set("wrong", troubles.wrong as f64);
    figures.note = figures.note.take().or_else(|| troubles.first_wrong.clone());
}

/// A key for each document's devices: access tokens would end in the midst of a long storm.
async fn device_keys(port: u16) -> anyhow::Result<Vec<String>> {
    let (mut keys, troubles) = (Vec::new(), SharedTroubles::default());
    for number in 0..DOCUMENTS as u32 {
        let mut person = Person::new(format!("device-owner-{number}"), FIRST_DEVICE_ADDRESS + number);
        let mut visitor = Visitor { client: person.client(port), troubles: Rc::clone(&troubles) };
        register(&mut visitor, &mut person).await?;
        let session = visitor.expect(201, &person.login()).await?;
        let mut wish = crate::client::Post::new("/v1/keys", json!({ "name": "devices", "role": "owner" }));
        wish.bearer = Some(session.text("access_token").to_owned());
        keys.push(visitor.expect(201, &wish).await?.text("secret").to_owned());
    }
    Ok(keys)
}

async fn register(visitor: &mut Visitor, person: &mut Person) -> anyhow::Result<()> {
    let made = visitor.expect(201, &person.registration("first")).await?;
    person.account = Some(made.text("id").to_owned());
    Ok(())
}

async fn sign_in(visitor: &mut Visitor, person: &mut Person) -> anyhow::Result<()> {
    let session = visitor.expect(201, &person.login()).await?;
    person.device_key = Some(session.text("device_key").to_owned());
    is_theirs(person, session.text("account"))
}

/// Afterwards every account must be there, once, and let its owner in again.
async fn verify(people: &mut Vec<Person>, port: u16, troubles: &SharedTroubles) -> anyhow::Result<Served> {
    let served = storm(people, port, troubles, come_back).await?;
    let accounts: BTreeSet<&String> = people.iter().filter_map(|person| person.account.as_ref()).collect();
    ensure!(accounts.len() == people.len(), "{} people have {} accounts", people.len(), accounts.len());
    Ok(served)
}

async fn come_back(visitor: &mut Visitor, person: &mut Person) -> anyhow::Result<()> {
    let taken = visitor.expect(409, &person.registration("second")).await?;
    ensure!(taken.text("code") == "username_taken", "a name is {} for another", taken.text("code"));
    let session = visitor.expect(201, &person.return_with_device_key()).await?;
    is_theirs(person, session.text("account"))
}

fn is_theirs(person: &Person, account: &str) -> anyhow::Result<()> {
    ensure!(person.account.as_deref() == Some(account), "somebody got into another account");
    Ok(())
}

//! The server is killed at random points under load; nothing that it acknowledged is lost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;
use tiebreak_protocol::{ChangeHash, DocumentId};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::server_process::ServerProcess;

const KILLS: u64 = 200;
const WRITERS: u64 = 4;
const DOCUMENTS: u64 = 3;

/// What the writers of one life of the server were told.
#[derive(Default)]
struct Acknowledged(BTreeMap<DocumentId, Vec<ChangeHash>>);

#[test]
fn no_acknowledged_change_is_lost_when_the_server_is_killed_at_random_points_under_load() {
    let data = tempfile::tempdir().unwrap();
    let seed = std::env::var("TIEBREAK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut dice = Dice::new(seed);
    let mut log = Acknowledged::default();
    for life in 0..KILLS {
        let server = ServerProcess::start(data.path(), &["--changes-per-second", "1000000"]);
        let address = server.address();
        let (told, acknowledged) = mpsc::channel();
        std::thread::scope(|threads| {
            for writer in 0..WRITERS {
                let told = told.clone();
                threads.spawn(move || write_until_the_end(address, life, writer, &told));
            }
            drop(told);
            std::thread::sleep(Duration::from_micros(dice.below(60_000)));
            server.kill();
        });
        for (document, change) in acknowledged {
            log.0.entry(document).or_default().push(change);
        }
        if life % 20 == 19 {
            check(data.path(), &log, life);
        }
    }
    let total: usize = log.0.values().map(Vec::len).sum();
    assert!(total > KILLS as usize, "only {total} changes were acknowledged: the test tests nothing");
}

/// Writes as fast as the server answers; reports every change that the server said it has.
fn write_until_the_end(
    address: SocketAddr,
    life: u64,
    writer: u64,
    told: &mpsc::Sender<(DocumentId, ChangeHash)>,
) {
    let document = DocumentId::from_bytes([(writer % DOCUMENTS) as u8 + 1; 16]);
    let work = || -> Result<(), Ended> {
        let mut peer = Peer::try_connect(address, &format!("writer {writer} in life {life}"))?;
        let mut unacknowledged = Vec::new();
        for n in 0.. {
            unacknowledged.push(peer.write(document, &format!("w{writer} l{life}"), n)?);
            if n % 4 == 3 {
                peer.until("the answer", |peer| peer.is_acknowledged(document))?;
                for change in unacknowledged.drain(..) {
                    told.send((document, change)).ok();
                }
            }
        }
        Ok(())
    };
    // The end is the server's death, whatever it looks like from here.
    work().ok();
}

fn check(data: &std::path::Path, log: &Acknowledged, life: u64) {
    let server = ServerProcess::start(data, &[]);
    for (document, changes) in &log.0 {
        let mut reader = Peer::connect(server.address(), "reader");
        reader.ask(*document).unwrap();
        reader.until("the document", |peer| peer.is_acknowledged(*document)).unwrap();
        let lost = changes.iter().filter(|change| !reader.has(*document, **change)).count();
        assert_eq!(lost, 0, "after kill {life}: {lost} of {} acknowledged changes are lost", changes.len());
    }
}

//! Every role and every message of the WebSocket: a new message without a name and a row does not compile, or fails.

mod rows;

use super::{Person, start};
use crate::support::Api;
use rows::{Outcome, Sent, WHO, name, rows};
use std::collections::BTreeSet;
use std::time::Duration;
use tiebreak_protocol::{DocumentId, ExtensionFrame, Frame, RemoteSubscriptionChange};
use tiebreak_tests::peer::{Ended, Peer};

/// A device that has the document open, and what it hears.
struct Witness {
    peer: Peer,
    document: DocumentId,
    marks: i64,
}

impl Witness {
    fn new(peer: Peer, document: DocumentId) -> Self {
        let mut witness = Self { peer, document, marks: 0 };
        witness.peer.ask(document).unwrap();
        witness.hears();
        witness
    }

    /// Whether anything of somebody else came until now: what this device writes comes back behind it.
    fn hears(&mut self) -> bool {
        self.marks += 1;
        let before = self.peer.value(self.document, "written");
        let mark = self.peer.write(self.document, "mark", self.marks).unwrap();
        let mut heard = false;
        while !self.peer.is_acknowledged(self.document) {
            let frame = self.peer.receive(Duration::from_secs(10)).unwrap().expect("an answer to a change");
            heard |= matches!(frame, Frame::Ephemeral(_) | Frame::RemoteHeadsChanged(_));
        }
        assert!(self.peer.has(self.document, mark));
        heard || self.peer.value(self.document, "written") != before
    }
}

/// Waits until the server has read everything that was sent before.
fn is_read(peer: &mut Peer, to: &Sent) -> Result<Vec<Frame>, Ended> {
    const NONCE: u64 = 77;
    let (sender, target) = (to.sender.clone(), to.target.clone());
    peer.send(&Frame::Extension { sender, target, frame: ExtensionFrame::Ping { nonce: NONCE } })?;
    let mut frames = Vec::new();
    loop {
        let frame = peer.receive(Duration::from_secs(10))?.expect("an answer to a ping");
        if matches!(frame, Frame::Extension { frame: ExtensionFrame::Pong { nonce: NONCE }, .. }) {
            return Ok(frames);
        }
        frames.push(frame);
    }
}

fn refusal(frame: &Frame) -> Option<String> {
    let Frame::Extension { frame: ExtensionFrame::Refused { code, .. }, .. } = frame else { return None };
    Some(code.clone())
}

fn outcome(frame: &Frame, to: &Sent, (peer, witness): (&mut Peer, &mut Witness)) -> Outcome {
    let sent = peer.send(frame).and_then(|()| is_read(peer, to));
    let is_heard = witness.hears();
    let Ok(mut frames) = sent else {
        assert!(!is_heard, "somebody heard of what ended the connection");
        return Outcome::Ended;
    };
    // Rooms answer on their own time: by now the witness has heard, so this one has been answered.
    frames.extend(is_read(peer, to).unwrap());
    let document = to.document;
    let refusal = frames.iter().find_map(refusal);
    let known = ["access_denied", "read_only"];
    match refusal {
        Some(code) => {
            assert!(!is_heard, "somebody heard of what was refused");
            Outcome::Refused(known.into_iter().find(|known| *known == code).unwrap_or("another"))
        }
        None if is_heard => Outcome::Passed,
        None if frames.iter().any(|frame| matches!(frame, Frame::DocUnavailable { .. })) => {
            Outcome::Unavailable
        }
        None if matches!(frame, Frame::Request(_)) && peer.value(document, "mark").is_some() => {
            Outcome::Content
        }
        None => Outcome::Silence,
    }
}

#[test]
fn every_message_of_every_role_comes_to_what_its_row_says() {
    let api = start();
    let people = WHO.map(|name| Person::new(&api, &format!("a-{name}")));
    let [_, viewer, editor, owner] = &people;
    let mut names = BTreeSet::new();
    for (column, person) in people.iter().enumerate() {
        let mut row = 0;
        loop {
            // Each message on a connection and about a document of its own.
            let document = owner.creates(&api);
            owner.gives(&api, document, viewer, "viewer");
            owner.gives(&api, document, editor, "editor");
            let mut peer = person.connects(&api);
            let to = Sent::new(document, &peer, person);
            let Some((frame, expected)) = rows(&to).into_iter().nth(row) else { break };
            names.insert(name(&frame));
            let mut witness = witness(&api, owner, &to);
            if !matches!(frame, Frame::Request(_)) {
                peer.ask(document).unwrap();
                let answered =
                    |peer: &Peer| peer.is_unavailable(document) || peer.value(document, "mark").is_some();
                peer.until("an answer", answered).unwrap();
            }
            let outcome = outcome(&frame, &to, (&mut peer, &mut witness));
            assert_eq!(outcome, expected[column], "{} sends {}", person.name, name(&frame));
            row += 1;
        }
        assert_eq!(names.len(), row, "one row a message");
    }
}

fn witness(api: &Api, owner: &Person, to: &Sent) -> Witness {
    let mut peer = Peer::connect_with_token(api.server.address(), "witness", &owner.access_token).unwrap();
    let follows = RemoteSubscriptionChange {
        sender: Some("witness".parse().unwrap()),
        target: Some(to.target.clone()),
        add: vec![to.storage()],
        remove: Vec::new(),
    };
    peer.send(&Frame::RemoteSubscriptionChange(follows)).unwrap();
    Witness::new(peer, to.document)
}

#[test]
fn of_somebody_elses_document_a_connection_hears_what_it_hears_of_none() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let (foreign, deleted) = (ann.creates(&api), ann.creates(&api));
    ann.asks(&api, "DELETE", &format!("/v1/documents/{deleted}")).expect(204);
    let missing = DocumentId::from_bytes([9; 16]);
    let mut hers = ann.connects(&api);
    hers.ask(foreign).unwrap();
    hers.until("the document", |peer| peer.is_acknowledged(foreign)).unwrap();
    let answers = |document: DocumentId| {
        let mut answers = Vec::new();
        for row in 0.. {
            let mut his = bob.connects(&api);
            let to = Sent::new(document, &his, &bob);
            let Some((frame, _)) = rows(&to).into_iter().nth(row) else { break };
            // Who writes to where nothing is makes a document: that is the one difference there must be.
            if matches!(frame, Frame::Sync(_)) {
                continue;
            }
            let mut heard = his.send(&frame).and_then(|()| is_read(&mut his, &to));
            if let (Frame::Request(_), Ok(frames)) = (&frame, &mut heard) {
                // A room answers on its own time.
                while !frames.iter().any(|frame| matches!(frame, Frame::DocUnavailable { .. })) {
                    frames.push(his.receive(Duration::from_secs(10)).unwrap().expect("an answer"));
                }
            }
            let heard = format!("{heard:?}").replace(&document.to_string(), "the document");
            answers.push((name(&frame), heard.replace(&format!("{document:?}"), "the document")));
        }
        answers
    };
    let of_none = answers(missing);
    assert_eq!(answers(foreign), of_none);
    assert_eq!(answers(deleted), of_none);
}

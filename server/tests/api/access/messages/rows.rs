//! The messages and what each comes to, by who sends it.

use super::super::Person;
use bytes::Bytes;
use tiebreak_protocol::{
    ConflictId, ConflictState, DocumentId, Ephemeral, ExtensionFrame, Frame, Heads, Join, Peer as ServerPeer,
    PeerId, PeerMetadata, RemoteHead, RemoteHeadsChanged, RemoteSubscriptionChange, Secret, StorageId,
    SyncFrame,
};
use tiebreak_tests::peer::Peer;

/// What a message comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nobody hears anything, and nothing is answered about the document.
    Silence,
    /// The sender gets the document.
    Content,
    /// The sender is told that there is no such document.
    Unavailable,
    /// Another device that has the document open hears of it.
    Passed,
    /// The sender is told that its change is not taken.
    Refused(&'static str),
    /// The connection ends.
    Ended,
}

use Outcome::{Content, Passed, Refused, Silence, Unavailable};

/// Who sends, in the order of the rows.
pub(super) const WHO: [&str; 4] = ["stranger", "viewer", "editor", "owner"];

/// The name of a message on the wire.
pub(super) fn name(frame: &Frame) -> &'static str {
    match frame {
        Frame::Join(_) => "join",
        Frame::Peer(_) => "peer",
        Frame::Request(_) => "request",
        Frame::Sync(_) => "sync",
        Frame::DocUnavailable { .. } => "doc-unavailable",
        Frame::Ephemeral(_) => "ephemeral",
        Frame::RemoteSubscriptionChange(_) => "remote-subscription-change",
        Frame::RemoteHeadsChanged(_) => "remote-heads-changed",
        Frame::Leave { .. } => "leave",
        Frame::Error { .. } => "error",
        Frame::Extension { frame, .. } => match frame {
            ExtensionFrame::Durable { .. } => "x-tiebreak:durable",
            ExtensionFrame::Refused { .. } => "x-tiebreak:refused",
            ExtensionFrame::Conflict { .. } => "x-tiebreak:conflict",
            ExtensionFrame::Ping { .. } => "x-tiebreak:ping",
            ExtensionFrame::Pong { .. } => "x-tiebreak:pong",
            ExtensionFrame::More { .. } => "x-tiebreak:more",
            ExtensionFrame::Close { .. } => "x-tiebreak:close",
            ExtensionFrame::TokenWanted { .. } => "x-tiebreak:token-wanted",
            ExtensionFrame::Token { .. } => "x-tiebreak:token",
        },
        Frame::Unknown { .. } => "unknown",
    }
}

/// All of them, each as far as it can as an attack on the document.
pub(super) fn rows(to: &Sent) -> Vec<(Frame, [Outcome; 4])> {
    let Sent { document, sender, target, .. } = to.clone();
    let nothing = [Silence; 4];
    let chat = [Silence, Passed, Passed, Passed];
    let ours = |frame| Frame::Extension { sender: sender.clone(), target: target.clone(), frame };
    let heads = vec![RemoteHead { storage: to.storage(), heads: Vec::new(), timestamp_ms: 1 }];
    vec![
        (Frame::Join(Join::new(sender.clone(), PeerMetadata::default())), [Outcome::Ended; 4]),
        (
            Frame::Peer(ServerPeer {
                sender: sender.clone(),
                target: target.clone(),
                metadata: PeerMetadata::default(),
            }),
            nothing,
        ),
        (to.request(), [Unavailable, Content, Content, Content]),
        (to.change.clone(), [Refused("access_denied"), Refused("read_only"), Passed, Passed]),
        (Frame::DocUnavailable { document, sender: sender.clone(), target: target.clone() }, nothing),
        (to.ephemeral(), chat),
        (
            Frame::RemoteSubscriptionChange(RemoteSubscriptionChange {
                sender: Some(sender.clone()),
                target: Some(target.clone()),
                add: vec![to.storage()],
                remove: Vec::new(),
            }),
            nothing,
        ),
        (
            Frame::RemoteHeadsChanged(RemoteHeadsChanged {
                document,
                sender: sender.clone(),
                target: target.clone(),
                heads,
            }),
            chat,
        ),
        (Frame::Leave { sender: sender.clone() }, [Outcome::Ended; 4]),
        (
            Frame::Error { sender: sender.clone(), target: target.clone(), message: "no".to_owned() },
            [Outcome::Ended; 4],
        ),
        (ours(ExtensionFrame::Durable { document, heads: Heads::default() }), nothing),
        (
            ours(ExtensionFrame::Refused {
                document,
                change: None,
                code: "read_only".to_owned(),
                detail: "no".to_owned(),
                path: None,
            }),
            nothing,
        ),
        (
            ours(ExtensionFrame::Conflict {
                document,
                conflict: ConflictId::from_bytes([1; 16]),
                state: ConflictState::Settled,
            }),
            nothing,
        ),
        (ours(ExtensionFrame::Ping { nonce: 1 }), nothing),
        (ours(ExtensionFrame::Pong { nonce: 1 }), nothing),
        (ours(ExtensionFrame::More { document, heads: Heads::default() }), nothing),
        (ours(ExtensionFrame::Close { document }), nothing),
        (ours(ExtensionFrame::TokenWanted { left_ms: 1 }), nothing),
        (ours(ExtensionFrame::Token { token: to.token.clone() }), nothing),
        (Frame::Unknown { kind: "x-somebody:else".to_owned() }, nothing),
    ]
}

/// What the messages of one sender are made of.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) document: DocumentId,
    pub(super) sender: PeerId,
    pub(super) target: PeerId,
    token: Secret,
    /// A sync message with a change.
    change: Frame,
}

impl Sent {
    pub(super) fn new(document: DocumentId, peer: &Peer, person: &Person) -> Self {
        let Frame::Ephemeral(Ephemeral { sender, target, .. }) = peer.shouting(document, 0) else {
            unreachable!("shouting is ephemeral")
        };
        let mut content = automerge::AutoCommit::new()
            .with_actor(automerge::ActorId::from(format!("actor of {}", person.name).as_bytes()));
        automerge::transaction::Transactable::put(&mut content, automerge::ROOT, "written", 1).unwrap();
        content.commit();
        let changes = content.get_changes(&[]);
        let chunks = changes.iter().map(|change| change.raw_bytes().to_vec().into());
        let change = peer.carrying(document, chunks.collect());
        Self { document, sender, target, token: Secret::new(person.access_token.clone()), change }
    }

    pub(super) fn storage(&self) -> StorageId {
        format!("storage-of-{}", self.sender.as_str()).parse().unwrap()
    }

    fn request(&self) -> Frame {
        Frame::Request(SyncFrame {
            document: self.document,
            sender: self.sender.clone(),
            target: self.target.clone(),
            data: tiebreak_document::SyncMessage::default().encode(),
        })
    }

    fn ephemeral(&self) -> Frame {
        Frame::Ephemeral(Ephemeral {
            document: self.document,
            sender: self.sender.clone(),
            target: self.target.clone(),
            count: 1,
            session: "session".parse().unwrap(),
            data: Bytes::from_static(b"hello"),
        })
    }
}

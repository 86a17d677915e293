//! What a link and its server say to one another once there is a WebSocket.

use super::incoming::Content;
use super::{Beat, Effect, Incoming, Link, Live, Phase, Renewal, TokenAnswer, TokenReason};
use crate::SessionId;
use crate::access::Access;
use crate::checked::Checked;
use crate::replica::{Said, Word};
use crate::room::{Notice, PeerInfo, Received};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{DocumentId, EXTENSION, ExtensionFrame, Frame, Peer, Secret, SyncFrame};

impl Link {
    pub(super) fn receive(&mut self, now: Duration, message: Incoming, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Handshaking { .. } | Phase::Live(_)) {
            // The last word of a connection that is gone.
            return;
        }
        self.hear(now);
        match (&self.phase, message.0) {
            (_, Content::Malformed(reason)) => self.lose(now, reason, effects),
            (Phase::Live(live), Content::Sync { document, message, checked }) => {
                pass_on_changes(&live.info, document, (message, checked), effects);
            }
            (_, Content::Sync { .. }) => {}
            (_, Content::Frame(frame)) => self.receive_frame(now, frame, effects),
        }
    }

    fn receive_frame(&mut self, now: Duration, frame: Frame, effects: &mut Vec<Effect>) {
        match (&self.phase, frame) {
            (Phase::Handshaking { .. }, Frame::Peer(peer)) => self.begin(now, peer, effects),
            (_, Frame::Error { message, .. }) => effects.push(Effect::Troubled { reason: message }),
            (Phase::Live(live), Frame::DocUnavailable { document, .. }) => {
                let word = Word { from: live.info.session, said: Said::Unavailable };
                effects.push(Effect::ToReplica { document, word });
            }
            (Phase::Live(_), Frame::Extension { frame: ExtensionFrame::TokenWanted { .. }, .. }) => {
                self.renew_token(effects);
            }
            (Phase::Live(live), Frame::Extension { frame, .. }) => {
                pass_on(live.info.session, frame, effects);
            }
            (
                _,
                Frame::Join(_)
                | Frame::Peer(_)
                | Frame::Request(_)
                | Frame::Sync(_)
                | Frame::DocUnavailable { .. }
                | Frame::Ephemeral(_)
                | Frame::RemoteSubscriptionChange(_)
                | Frame::RemoteHeadsChanged(_)
                | Frame::Leave { .. }
                | Frame::Extension { .. }
                | Frame::Unknown { .. },
            ) => {}
        }
    }

    /// Asked once at a time, however often the server says so.
    fn renew_token(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &mut self.phase else { return };
        if live.renewal == Renewal::NotAsked {
            live.renewal = Renewal::Asked;
            effects.push(Effect::FetchToken(TokenReason::Expired));
        }
    }

    /// A fresh token for the connection that there is. Without one, the server ends it when the old one is over, and
    /// what becomes of that is decided then.
    pub(super) fn send_token(&mut self, answer: TokenAnswer, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &mut self.phase else { return };
        live.renewal = Renewal::NotAsked;
        if let TokenAnswer::Granted(token) = answer {
            let (sender, target) = (self.identity.peer.clone(), live.info.peer.clone());
            let frame = ExtensionFrame::Token { token: Secret::new(token.secret().to_owned()) };
            effects.push(Effect::Send(Frame::Extension { sender, target, frame }.encode()));
        }
    }

    fn begin(&mut self, now: Duration, peer: Peer, effects: &mut Vec<Effect>) {
        self.sessions += 1;
        let extended = peer.metadata.extensions.iter().any(|name| name == EXTENSION);
        // What is shared with this server is remembered by the replicas, under the name of its address.
        let (session, peer) = (SessionId(self.sessions), peer.sender);
        let info = PeerInfo { session, peer, storage: None, extended, account: None };
        let info = Arc::new(info);
        let beat = Beat::PingAt(now + self.options.heartbeat);
        self.phase =
            Phase::Live(Live { info: Arc::clone(&info), since: now, beat, renewal: Renewal::NotAsked });
        effects.push(Effect::Connected(info));
    }

    pub(super) fn tell(&mut self, document: DocumentId, notice: Notice, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &self.phase else { return };
        let (sender, target) = (self.identity.peer.clone(), live.info.peer.clone());
        let frame = match notice {
            Notice::Sync(data) | Notice::Part { data, .. } => {
                Frame::Sync(SyncFrame { document, sender, target, data })
            }
            Notice::Request(data) => Frame::Request(SyncFrame { document, sender, target, data }),
            // These are what a server tells a client.
            Notice::Unavailable
            | Notice::Ephemeral(_)
            | Notice::RemoteHeads(_)
            | Notice::Durable(_)
            | Notice::Refused(_)
            | Notice::Conflict { .. }
            | Notice::Created
            | Notice::Denied
            | Notice::Close(_) => return,
        };
        effects.push(Effect::Send(frame.encode()));
    }

    pub(super) fn close(&mut self, document: DocumentId, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &self.phase else { return };
        if live.info.extended {
            let (sender, target) = (self.identity.peer.clone(), live.info.peer.clone());
            let frame = ExtensionFrame::Close { document };
            effects.push(Effect::Send(Frame::Extension { sender, target, frame }.encode()));
        }
    }
}

fn pass_on_changes(
    from: &Arc<PeerInfo>,
    document: DocumentId,
    (message, checked): (SyncMessage, Checked),
    effects: &mut Vec<Effect>,
) {
    let session = from.session;
    for refusal in checked.refused {
        let word = Word { from: session, said: Said::Unfit(refusal) };
        effects.push(Effect::ToReplica { document, word });
    }
    let (from, changes) = (Arc::clone(from), checked.changes);
    let received = Box::new(Received { from, access: Access::Writes, message, changes });
    effects.push(Effect::ToReplica { document, word: Word { from: session, said: Said::Sync(received) } });
}

fn pass_on(from: SessionId, frame: ExtensionFrame, effects: &mut Vec<Effect>) {
    let (document, said) = match frame {
        ExtensionFrame::Durable { document, heads } => (document, Said::Durable(heads)),
        ExtensionFrame::More { document, heads } => (document, Said::More(heads)),
        ExtensionFrame::Refused { document, change, code, detail, path } => {
            (document, Said::Refused { change, code, detail, path })
        }
        // Replicas see for themselves what disagrees.
        ExtensionFrame::Conflict { .. }
        | ExtensionFrame::Ping { .. }
        | ExtensionFrame::Pong { .. }
        | ExtensionFrame::Close { .. }
        | ExtensionFrame::TokenWanted { .. }
        | ExtensionFrame::Token { .. } => return,
    };
    effects.push(Effect::ToReplica { document, word: Word { from, said } });
}

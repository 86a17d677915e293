//! What the owner of a replica does with its document by itself: edits, and the first word to a peer.

use super::member::Member;
use super::turn::Turn;
use super::{Answer, Effect, Notice, PeerInfo, Phase, Room, Ticket};
use crate::Moment;
use crate::access::Access;
use std::sync::Arc;
use tiebreak_document::{Author, Have, SyncMessage, TransactError, Transaction};
use tiebreak_protocol::Heads;

impl Room {
    /// Whether the document can be edited now: it has been read, and nothing is being stored.
    pub fn is_editable(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// Runs `edit` and has what it wrote stored as one change, like those that peers bring. The ticket is answered
    /// with [`Answer::Submitted`] once it is durable; nobody is told before.
    ///
    /// # Errors
    /// When the edit fails, or makes a change that nobody would take.
    ///
    /// # Panics
    /// When the room is not [editable](Self::is_editable).
    pub fn edit<T, E>(
        &mut self,
        now: Moment,
        ticket: Ticket,
        author: &Author<'_>,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<(T, Vec<Effect>), TransactError<E>> {
        assert!(self.is_editable(), "an edit waits until the one before it is stored");
        self.used_at = now.elapsed;
        let heads_before = self.document.heads().clone();
        let (value, change) = self.document.transact(author, &self.limits, edit)?;
        let mut effects = Vec::new();
        match change {
            Some(change) => self.store(now, Turn::of_edit(ticket, change, heads_before), &mut effects),
            None => {
                let answer = Answer::Submitted { heads: heads_before, created: false, refused: Vec::new() };
                effects.push(Effect::Answer { ticket, answer: Ok(answer) });
            }
        }
        Ok((value, effects))
    }

    pub(super) fn greet(
        &mut self,
        peer: Arc<PeerInfo>,
        access: Access,
        shared: &Heads,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut member) = self.admit(peer, access, effects) else { return };
        // Of what could not be read here we do not say that we have it.
        let shared = if self.is_damaged { &Heads::default() } else { shared };
        let heads = self.document.heads();
        let data = member.greet(heads, shared).encode();
        let notice = if heads.is_empty() { Notice::Request(data) } else { Notice::Sync(data) };
        let session = member.info.session;
        self.members.insert(session, member);
        effects.push(Effect::Tell { to: session, notice });
    }

    /// Who hears that a peer has nothing forgets what it has sent to it, in stock libraries too, and sends it again.
    /// Who has nothing itself is silent to that: so it hears of ours as well. Neither counts as a greeting: whatever it
    /// answers is answered.
    pub(super) fn ask_for_all(&mut self, peer: Arc<PeerInfo>, access: Access, effects: &mut Vec<Effect>) {
        let Some(member) = self.admit(peer, access, effects) else { return };
        let session = member.info.session;
        self.members.insert(session, member);
        let nothing = SyncMessage { have: vec![Have::everything_up_to(&[])], ..SyncMessage::default() };
        let heads = self.document.heads().as_slice().to_vec();
        let ours = (!heads.is_empty()).then(|| SyncMessage { heads, ..nothing.clone() });
        for message in std::iter::once(nothing).chain(ours) {
            effects.push(Effect::Tell { to: session, notice: Notice::Sync(message.encode()) });
        }
    }

    /// A peer that is spoken to before it speaks, if the document is there for it.
    fn admit(&self, peer: Arc<PeerInfo>, access: Access, effects: &mut Vec<Effect>) -> Option<Box<Member>> {
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            return None;
        }
        if access == Access::Creates && !self.document.heads().is_empty() {
            effects.push(Effect::Tell { to: peer.session, notice: Notice::Denied });
            return None;
        }
        Some(Box::new(Member::new(peer, access)))
    }
}

//! What peers tell one another through a room and nothing stores: ephemeral messages, and which storage has
//! which heads.

use super::{Effect, Notice, Room};
use crate::{Moment, SessionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tiebreak_protocol::{Ephemeral, EphemeralSessionId, PeerId, RemoteHead, StorageId};

/// Storages whose heads a room remembers for those who follow them; the one heard of longest ago goes first.
const STORAGES_MAX: usize = 1_000;
/// Ephemeral messages remembered to recognise copies that come by another way.
const EPHEMERAL_MEMORY: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Gossip {
    head_by_storage: BTreeMap<StorageId, RemoteHead>,
    ephemeral_seen: VecDeque<(PeerId, EphemeralSessionId, u64)>,
}

impl Gossip {
    /// Whether this message was not relayed before, as far as memory goes.
    fn is_new(&mut self, ephemeral: &Ephemeral) -> bool {
        let name = (ephemeral.sender.clone(), ephemeral.session.clone(), ephemeral.count);
        if self.ephemeral_seen.contains(&name) {
            return false;
        }
        if self.ephemeral_seen.len() == EPHEMERAL_MEMORY {
            self.ephemeral_seen.pop_front();
        }
        self.ephemeral_seen.push_back(name);
        true
    }

    fn remember(&mut self, head: RemoteHead) {
        if self.head_by_storage.len() >= STORAGES_MAX && !self.head_by_storage.contains_key(&head.storage) {
            let oldest = self.head_by_storage.values().min_by_key(|head| head.timestamp_ms);
            if let Some(oldest) = oldest.map(|head| head.storage.clone()) {
                self.head_by_storage.remove(&oldest);
            }
        }
        self.head_by_storage.insert(head.storage.clone(), head);
    }
}

impl Room {
    pub(super) fn relay(&mut self, from: SessionId, ephemeral: &Ephemeral, effects: &mut Vec<Effect>) {
        if !self.gossip.is_new(ephemeral) {
            return;
        }
        for (session, member) in &self.members {
            if *session != from && member.info.peer != ephemeral.sender {
                let notice = Notice::Ephemeral(Box::new(ephemeral.clone()));
                effects.push(Effect::Tell { to: *session, notice });
            }
        }
    }

    pub(super) fn follow(
        &mut self,
        session: SessionId,
        storages: BTreeSet<StorageId>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(member) = self.members.get_mut(&session) else { return };
        let new = storages.difference(&member.follows);
        let heads: Vec<_> =
            new.filter_map(|storage| self.gossip.head_by_storage.get(storage)).cloned().collect();
        if !heads.is_empty() {
            effects.push(Effect::Tell { to: session, notice: Notice::RemoteHeads(heads) });
        }
        member.follows = storages;
    }

    /// A member's own storage has reached what the member says it has.
    pub(super) fn hear_of_member(&mut self, now: Moment, session: SessionId, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.get(&session) else { return };
        let (Some(storage), true) = (&member.info.storage, member.lacking.is_empty()) else { return };
        let known = self.gossip.head_by_storage.get(storage);
        let heads = member.said_heads().to_vec();
        if known.is_some_and(|known| known.heads == heads) {
            return;
        }
        // Listeners drop heads that are not younger than the last they heard.
        let last = known.map_or(0, |head| head.timestamp_ms);
        let timestamp_ms = unix_ms(now).max(last.saturating_add(1));
        self.pass_on(session, RemoteHead { storage: storage.clone(), heads, timestamp_ms }, effects);
    }

    /// A peer passes on what it heard elsewhere. Of those who are here we know better, and nothing is said
    /// to come from the future, where no later word could correct it.
    pub(super) fn hear_of(
        &mut self,
        now: Moment,
        from: SessionId,
        mut head: RemoteHead,
        effects: &mut Vec<Effect>,
    ) {
        head.timestamp_ms = head.timestamp_ms.min(unix_ms(now));
        let is_here = self.members.values().any(|member| member.info.storage.as_ref() == Some(&head.storage));
        let known = self.gossip.head_by_storage.get(&head.storage);
        let is_news =
            known.is_none_or(|known| known.heads != head.heads && known.timestamp_ms <= head.timestamp_ms);
        if is_news && !is_here {
            self.pass_on(from, head, effects);
        }
    }

    fn pass_on(&mut self, from: SessionId, head: RemoteHead, effects: &mut Vec<Effect>) {
        for (session, member) in &self.members {
            if *session != from && member.follows.contains(&head.storage) {
                effects.push(Effect::Tell { to: *session, notice: Notice::RemoteHeads(vec![head.clone()]) });
            }
        }
        self.gossip.remember(head);
    }
}

fn unix_ms(now: Moment) -> u64 {
    u64::try_from(now.unix_ms).unwrap_or_default()
}

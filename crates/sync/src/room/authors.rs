//! Whose a document and the actors in it are. The first account that writes to a document owns it, and an actor
//! belongs to the account that first wrote with it: changes that another account makes with it are refused, unless
//! they are known already.

use super::turn::Turn;
use super::{Effect, Member, NewActors, Notice, Received, Room, Submitter};
use crate::SessionId;
use crate::access::Access;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_protocol::{AccountId, ActorId, ChangeHash, Refusal};

/// The accounts that wrote first with each actor of a document.
#[derive(Debug, Default)]
pub(super) struct Authors {
    account_by_actor: BTreeMap<ActorId, AccountId>,
}

impl Authors {
    pub(super) fn new(account_by_actor: BTreeMap<ActorId, AccountId>) -> Self {
        Self { account_by_actor }
    }

    /// Whose an actor is, if this turn is stored.
    pub(super) fn account_of(&self, actor: &ActorId, turn: &Turn) -> Option<AccountId> {
        self.account_by_actor.get(actor).or_else(|| turn.claims.actors.get(actor)).copied()
    }
}

/// What a turn adds to that, if it is stored.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) actors: BTreeMap<ActorId, AccountId>,
    pub(super) owner: Option<AccountId>,
}

impl Turn {
    /// The actors that the changes to be stored bring, and whose they are; the turn claims no others.
    pub(super) fn claim_for_ready(&mut self) -> Vec<(ActorId, AccountId)> {
        let ready: BTreeSet<_> =
            self.ready().iter().map(|change| ActorId::from_bytes(change.actor())).collect();
        self.claims.actors.retain(|actor, _| ready.contains(actor));
        self.claims.actors.iter().map(|(actor, account)| (actor.clone(), *account)).collect()
    }
}

impl Room {
    /// Whether what this peer says may be taken up. A document that somebody has made meanwhile is nobody's to
    /// make.
    pub(super) fn takes(&self, received: &Received, turn: &Turn) -> bool {
        if received.access != Access::Creates {
            return true;
        }
        let is_member_now =
            |member: &Member| member.access.writes() && member.info.account == received.from.account;
        if !self.document.heads().is_empty() {
            return self.members.get(&received.from.session).is_some_and(|member| is_member_now(member));
        }
        turn.claims.owner.is_none_or(|owner| received.from.account == Some(owner))
    }

    /// Turns away who came to make a document and found one. What it wrote is refused, so that it hears of it.
    pub(super) fn deny(&mut self, received: &Received, effects: &mut Vec<Effect>) {
        let (to, refusal) = (received.from.session, Refusal::AccessDenied);
        self.members.remove(&to);
        for change in &received.changes {
            effects.push(Effect::Refused(refusal));
            let notice = Notice::refused(Some(change.hash()), refusal);
            effects.push(Effect::Tell { to, notice });
        }
        effects.push(Effect::Tell { to, notice: Notice::Denied });
    }

    /// Takes the changes out of a turn that were made with another account's actor, and notes whose the new ones are.
    pub(super) fn claim_actors(&mut self, turn: &mut Turn) -> Vec<ChangeHash> {
        let mut taken = Vec::new();
        let changes = std::mem::take(&mut turn.changes);
        let Self { document, members, authors, .. } = self;
        let account_of = |session: SessionId| members.get(&session).and_then(|member| member.info.account);
        turn.changes = changes
            .into_iter()
            .filter(|change| {
                let hash = change.hash();
                if document.has(&hash) {
                    return true;
                }
                let by = turn.submitter_by_change.get(&hash).copied().unwrap_or_else(|| Submitter {
                    account: turn.author_of(&hash).and_then(account_of),
                    ..Submitter::default()
                });
                let Some(account) = by.account else { return true };
                let actor = ActorId::from_bytes(change.actor());
                let known = authors.account_by_actor.get(&actor).or_else(|| turn.claims.actors.get(&actor));
                let is_taken = known.is_some_and(|first| *first != account);
                if is_taken {
                    taken.push(hash);
                } else if known.is_none() && by.new_actors == NewActors::Submitters {
                    turn.claims.actors.insert(actor, account);
                }
                !is_taken
            })
            .collect();
        taken
    }

    /// The turn is stored, and what it claims holds. If it made the document, those who waited to make it may go on
    /// when it is theirs, and are nobody when it is not.
    pub(super) fn settle_claims(&mut self, turn: &Turn, effects: &mut Vec<Effect>) {
        let Claims { actors, owner } = &turn.claims;
        self.authors.account_by_actor.extend(actors.clone());
        if !turn.heads_before().is_empty() {
            return;
        }
        let is_theirs = |member: &Member| owner.is_some() && member.info.account == *owner;
        self.members.retain(|_, member| member.access != Access::Creates || is_theirs(member));
        for (session, member) in &mut self.members {
            if member.access == Access::Creates {
                member.access = Access::Owns;
                effects.push(Effect::Tell { to: *session, notice: Notice::Created });
            }
        }
    }
}

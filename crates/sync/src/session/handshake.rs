//! How a connection begins, and how it is told in time that its token is over.

use super::{Effect, Live, Phase, Session};
use crate::Moment;
use crate::access::{Admission, Identity};
use crate::rate::Bucket;
use crate::room::PeerInfo;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::{
    EXTENSION, ExtensionFrame, Frame, Join, Limits, Peer, PeerMetadata, Refusal, Secret,
};

/// How long before its token is over a peer is asked for another; half of its life, if that is shorter.
const TOKEN_ASKED_BEFORE: Duration = Duration::from_secs(30);

/// Whose a live connection is, and until when that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    identity: Identity,
    /// When to ask for a fresh token; `None` once asked, or when there is no end.
    ask_at: Option<Duration>,
}

impl Term {
    fn new(identity: Identity, now: Moment) -> Self {
        let ask_at = identity.until.map(|until| {
            let left = until.saturating_sub(now.elapsed);
            until.saturating_sub(TOKEN_ASKED_BEFORE.min(left / 2))
        });
        Self { identity, ask_at }
    }

    fn deadline(&self) -> Option<Duration> {
        self.ask_at.or(self.identity.until)
    }
}

impl Session {
    /// When to send [`Input::DeadlinePassed`](super::Input::DeadlinePassed), on the clock of [`Moment::elapsed`].
    pub fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Handshaking { deadline } | Phase::Authenticating { deadline, .. } => Some(*deadline),
            Phase::Live(live) => live.term.as_ref().and_then(Term::deadline),
            Phase::Closed => None,
        }
    }

    /// Whether the peer has joined, and has said who it is where that is asked.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live(_))
    }

    pub(super) fn join(&mut self, now: Moment, join: Join, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let Phase::Handshaking { deadline } = self.phase else { return Err(Refusal::HandshakeRepeated) };
        match self.admission.clone() {
            Admission::Open => self.welcome(now, join, None, effects),
            Admission::Known(identity) => self.welcome(now, join, Some(identity), effects),
            Admission::Wanted => {
                let token = join.metadata.token.clone().ok_or(Refusal::Unauthorized)?;
                self.phase = Phase::Authenticating { join: Box::new(join), deadline };
                effects.push(Effect::Authenticate(token));
                Ok(())
            }
        }
    }

    /// The answer to [`Effect::Authenticate`].
    pub(super) fn authenticated(
        &mut self,
        now: Moment,
        answer: Result<Identity, Refusal>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Authenticating { join, .. } => self.welcome(now, *join, Some(answer?), effects),
            Phase::Live(mut live) => {
                let renewed = answer.and_then(|fresh| live.renew(fresh, now));
                self.phase = Phase::Live(live);
                renewed
            }
            other @ (Phase::Handshaking { .. } | Phase::Closed) => {
                self.phase = other;
                Ok(())
            }
        }
    }

    fn welcome(
        &mut self,
        now: Moment,
        join: Join,
        identity: Option<Identity>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let extended = join.metadata.extensions.iter().any(|name| name == EXTENSION);
        let storage = join.metadata.storage_id.clone().filter(|_| !join.metadata.is_ephemeral);
        let account = identity.map(|identity| identity.account);
        let info = PeerInfo { session: self.id, peer: join.sender.clone(), storage, extended, account };
        let Limits { changes_per_second, changes_burst, ephemeral_per_second, .. } = *self.limits;
        let supported = join.is_version_supported();
        self.phase = Phase::Live(Live {
            info: Arc::new(info),
            term: identity.map(|identity| Term::new(identity, now)),
            follows: BTreeSet::new(),
            changes: Bucket::new(changes_per_second, changes_burst, now.elapsed),
            ephemeral: Bucket::new(ephemeral_per_second, ephemeral_per_second, now.elapsed),
        });
        if !supported {
            return Err(Refusal::UnsupportedVersion);
        }
        let metadata = PeerMetadata {
            storage_id: Some(self.server.storage.clone()),
            is_ephemeral: false,
            extensions: if extended { vec![EXTENSION.to_owned()] } else { Vec::new() },
            token: None,
        };
        let peer = Peer { sender: self.server.peer.clone(), target: join.sender, metadata };
        effects.push(Effect::Send(Frame::Peer(peer).encode()));
        Ok(())
    }

    /// A fresh token in mid-connection. Where nobody asks whose a connection is, it says nothing.
    pub(super) fn take_token(
        &mut self,
        now: Moment,
        token: Secret,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let live = self.live()?;
        if live.term.is_some() {
            // Looking at one costs as much as a change.
            live.charge(1, now, effects);
            effects.push(Effect::Authenticate(token));
        }
        Ok(())
    }

    /// Nothing is read from or told to who may not be here any more, however busy the connection is.
    pub(super) fn check_term(&self, now: Moment) -> Result<(), Refusal> {
        let Phase::Live(Live { term: Some(term), .. }) = &self.phase else { return Ok(()) };
        let is_over = term.identity.until.is_some_and(|until| now.elapsed >= until);
        if is_over { Err(Refusal::TokenExpired) } else { Ok(()) }
    }

    pub(super) fn check_deadline(&mut self, now: Moment, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        match &mut self.phase {
            Phase::Handshaking { deadline } | Phase::Authenticating { deadline, .. } => {
                if now.elapsed >= *deadline { Err(Refusal::HandshakeTimedOut) } else { Ok(()) }
            }
            Phase::Live(live) => {
                let Some(term) = &mut live.term else { return Ok(()) };
                let Some(until) = term.identity.until else { return Ok(()) };
                if live.info.extended && term.ask_at.is_some_and(|at| now.elapsed >= at) {
                    let left_ms = u64::try_from((until - now.elapsed).as_millis()).unwrap_or(u64::MAX);
                    let (sender, target) = (self.server.peer.clone(), live.info.peer.clone());
                    let frame = ExtensionFrame::TokenWanted { left_ms };
                    effects.push(Effect::Send(Frame::Extension { sender, target, frame }.encode()));
                }
                term.ask_at = term.ask_at.filter(|at| now.elapsed < *at);
                Ok(())
            }
            Phase::Closed => Ok(()),
        }
    }
}

impl Live {
    fn renew(&mut self, fresh: Identity, now: Moment) -> Result<(), Refusal> {
        match &mut self.term {
            Some(term) if term.identity.is_same_as(&fresh) => {
                *term = Term::new(fresh, now);
                Ok(())
            }
            Some(_) => Err(Refusal::Unauthorized),
            None => Ok(()),
        }
    }
}

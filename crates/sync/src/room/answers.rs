//! What each member is told at the end of a turn; what is the same for many is encoded once.

use super::Notice;
use super::member::Member;
use super::turn::Turn;
use crate::SessionId;
use bytes::Bytes;
use tiebreak_document::{Document, OpenError, SyncMessage};
use tiebreak_protocol::Heads;

/// Most bytes of single changes in one message; what is more goes in parts, each once the peer has answered
/// the one before.
const PART_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The same for peers of our own kind, who know that more follows. A slow link gets such a part across before
/// anybody takes it for dead, and what it has got across it keeps.
const SMALL_PART_BYTES_MAX: usize = 512 * 1024;
/// The largest document that a new peer gets as it is stored, in one piece. Stock peers take frames of up to
/// 16 MiB; a larger document goes change by change, in parts.
pub(super) const WHOLE_BYTES_MAX: u64 = 15 * 1024 * 1024;

/// The answers to all members about one state of the document.
pub(super) struct Answers<'a> {
    document: &'a mut Document,
    heads: Heads,
    /// The turn that brought the document here, if one did.
    turn: Option<&'a Turn>,
    /// For everybody who had all that was there before the turn and brought nothing.
    news: Option<Bytes>,
    /// For everybody who has nothing yet.
    whole: Option<Bytes>,
}

impl<'a> Answers<'a> {
    pub(super) fn about(document: &'a mut Document) -> Self {
        let heads = document.heads().clone();
        Self { document, heads, turn: None, news: None, whole: None }
    }

    pub(super) fn after(document: &'a mut Document, turn: &'a Turn) -> Self {
        // News that do not fit into a message are told like anything else that a peer lacks: in parts.
        let fits = turn.ready_bytes() <= PART_BYTES_MAX;
        Self { turn: fits.then_some(turn), ..Self::about(document) }
    }

    /// What to tell this member, if anything; the member then counts as told.
    ///
    /// # Errors
    /// When the document must be looked into and does not open.
    pub(super) fn to(
        &mut self,
        session: SessionId,
        member: &mut Member,
    ) -> Result<Option<Notice>, OpenError> {
        if member.is_silent() || member.is_up_to_date(&self.heads) {
            return Ok(None);
        }
        if self.heads.is_empty() && member.lacking.is_empty() {
            member.message_without_changes(&self.heads);
            return Ok(Some(Notice::Unavailable));
        }
        Ok(Some(match self.turn {
            Some(turn) if member.follows_from(turn.heads_before()) => {
                Notice::Sync(self.news(session, member, turn))
            }
            Some(_) | None if member.takes_whole() && self.is_small_enough() => {
                Notice::Sync(self.whole(member))
            }
            Some(_) | None => {
                let bytes_max = if member.info.extended { SMALL_PART_BYTES_MAX } else { PART_BYTES_MAX };
                let message = member.answer(self.document, bytes_max)?;
                let data = message.encode();
                if member.is_owed_more() {
                    Notice::Part { data, heads: message.heads.into_iter().collect() }
                } else {
                    Notice::Sync(data)
                }
            }
        }))
    }

    fn is_small_enough(&self) -> bool {
        self.document.stored_bytes() <= WHOLE_BYTES_MAX
    }

    fn news(&mut self, session: SessionId, member: &mut Member, turn: &Turn) -> Bytes {
        let message = member.message_without_changes(&self.heads);
        if turn.is_author(session) {
            let changes = turn.ready_by_others(session).map(|change| change.bytes().clone()).collect();
            return SyncMessage { changes, ..message }.encode();
        }
        let all = || turn.ready().iter().map(|change| change.bytes().clone()).collect();
        self.news.get_or_insert_with(|| SyncMessage { changes: all(), ..message }.encode()).clone()
    }

    fn whole(&mut self, member: &mut Member) -> Bytes {
        let message = member.message_without_changes(&self.heads);
        let document = &*self.document;
        let encode = || {
            let chunks: Vec<_> = document.chunks().map(AsRef::as_ref).collect();
            SyncMessage { changes: vec![chunks.concat().into()], ..message }.encode()
        };
        self.whole.get_or_insert_with(encode).clone()
    }
}

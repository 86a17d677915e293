//! What the sides of a document disagree about: compared, after each merge, with what was known before it.

use super::member::Member;
use super::turn::Turn;
use super::{Effect, Notice, Phase, Room};
use std::collections::BTreeMap;
use tiebreak_document::{
    Candidate, Conflict, ConflictDigest, Document, Flags, OpenError, REVIEWED_AT_ONCE_MAX, RegisterName,
    Resolved, Reviewed,
};
use tiebreak_kinds::Kinds;
use tiebreak_protocol::{AccountId, ActorId, ConflictId, ConflictState};

/// Most [`ConflictChange`]s that one turn brings about: of each place that was looked at, one that closes and one that
/// opens, conflicts that were too many before and take the places of those that closed, and rules.
pub const CONFLICT_CHANGES_MAX: usize = 3 * REVIEWED_AT_ONCE_MAX + RULE_CHANGES_MAX;

/// Rules that one turn tells to be broken, or kept again; the rest comes at once behind it.
const RULE_CHANGES_MAX: usize = 32;

/// In which documents disagreements are looked for: in those of these kinds.
#[derive(Debug, Clone)]
pub struct Flagging {
    pub kinds: Kinds,
    pub plain: PlainDocuments,
}

impl Flagging {
    /// What is flagged in a document as it is; `None`: nothing.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn of(&self, document: &mut Document) -> Result<Option<Flags>, OpenError> {
        let name = document.kind_name()?;
        let kind = name.and_then(|name| self.kinds.get(&name));
        Ok(match (kind, self.plain) {
            (Some(kind), _) => Some(Flags::Kind(kind.clone())),
            (None, PlainDocuments::Flagged) => Some(Flags::Everything),
            (None, PlainDocuments::Merged) => None,
        })
    }
}

/// What becomes of disagreements in documents that name no kind, or one that nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainDocuments {
    /// They are merged, and nobody is asked.
    #[default]
    Merged,
    /// They are flagged, each of them.
    Flagged,
}

/// A conflict that is known to be open: enough to see whether it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenConflict {
    pub id: ConflictId,
    pub state: ConflictDigest,
}

/// What became of a register, to be recorded with the changes that brought it about.
#[derive(Debug, Clone, PartialEq)]
pub enum ConflictChange {
    /// Its sides disagree, as follows: anew, again, or otherwise than before.
    Open(Box<Disagreement>),
    Closed(Box<Closed>),
}

impl ConflictChange {
    /// How the conflict stands by it.
    pub(super) fn news(&self) -> (ConflictId, ConflictState) {
        match self {
            Self::Open(disagreement) => (disagreement.conflict.id, ConflictState::Open),
            Self::Closed(closed) => (closed.id, closed.state),
        }
    }
}

/// A conflict, and what people call it.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    pub conflict: Conflict,
    /// `None`: the document is plain.
    pub kind: Option<String>,
    pub label: String,
    /// Its values stay out of records.
    pub is_secret: bool,
    /// Whose the candidates' actors are, as far as it is known.
    pub accounts: BTreeMap<ActorId, AccountId>,
}

impl Disagreement {
    pub fn of(conflict: Conflict, flags: &Flags, account_of: impl Fn(&ActorId) -> Option<AccountId>) -> Self {
        let actors = conflict.candidates.iter().map(|side| side.actor.clone());
        let accounts = actors.filter_map(|actor| Some((account_of(&actor)?, actor)));
        Self {
            kind: flags.kind_name().map(str::to_owned),
            label: conflict.rule.clone().unwrap_or_else(|| flags.label(&conflict.path)),
            is_secret: flags.is_secret(&conflict.path),
            accounts: accounts.map(|(account, actor)| (actor, account)).collect(),
            conflict,
        }
    }
}

/// A conflict that is none any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    pub id: ConflictId,
    /// Settled or overtaken.
    pub state: ConflictState,
    /// What stands now, and who wrote it. `None`: several sides that mean the same, or another conflict.
    pub by: Option<Candidate>,
    pub account: Option<AccountId>,
    /// The rule of the kind that settled it, if nobody did.
    pub rule: Option<String>,
    /// The conflict in the same place that took its place.
    pub wider: Option<ConflictId>,
}

/// The conflicts of one document.
#[derive(Debug, Default)]
pub(super) struct OpenConflicts {
    /// `None`: nobody looks.
    flagging: Option<Flagging>,
    open: BTreeMap<RegisterName, OpenConflict>,
    /// There may be more than are known, because there were too many.
    may_be_more: bool,
    /// The last look has left something for the next one.
    has_rest: bool,
}

impl OpenConflicts {
    pub(super) fn flagging(flagging: Flagging) -> Self {
        Self { flagging: Some(flagging), ..Self::default() }
    }

    pub(super) const fn has_rest(&self) -> bool {
        self.has_rest
    }

    /// Goes by what is recorded.
    pub(super) fn recorded(&mut self, open: Vec<(RegisterName, OpenConflict)>, most: usize) {
        (self.may_be_more, self.has_rest) = (open.len() >= most, false);
        self.open = open.into_iter().collect();
    }

    pub(super) fn find(&self, id: ConflictId) -> Option<&OpenConflict> {
        self.open.values().find(|open| open.id == id)
    }

    fn compare(&mut self, reviewed: Reviewed, most: usize) -> Compared {
        let Reviewed { register, conflict, alone, resolved, repair: _ } = reviewed;
        let before = self.open.remove(&register);
        let Some(conflict) = conflict else {
            return Compared { closed: before.map(|before| closed(before.id, alone, resolved)), open: None };
        };
        let now = OpenConflict::from(&conflict);
        let is_other = before.as_ref().is_some_and(|before| before.id != now.id);
        let closed = before
            .as_ref()
            .filter(|_| is_other)
            .map(|before| Closed { wider: Some(now.id), ..closed(before.id, None, None) });
        let is_news = before != Some(now);
        if before.is_none() && self.open.len() >= most {
            self.may_be_more = true;
            return Compared { closed: None, open: None };
        }
        self.open.insert(register, now);
        Compared { closed, open: is_news.then_some(conflict) }
    }
}

/// What one look at a place has to tell.
struct Compared {
    closed: Option<Closed>,
    open: Option<Conflict>,
}

impl From<&Conflict> for OpenConflict {
    fn from(conflict: &Conflict) -> Self {
        Self { id: conflict.id, state: conflict.digest() }
    }
}

fn closed(id: ConflictId, by: Option<Candidate>, resolved: Option<Resolved>) -> Closed {
    let resolved = resolved.filter(|resolved| resolved.conflict == id);
    let state = if resolved.is_some() { ConflictState::Settled } else { ConflictState::Overtaken };
    let rule = resolved.and_then(|resolved| resolved.rule);
    Closed { id, state, by, rule, account: None, wider: None }
}

impl Room {
    /// A room that judges changes by the kind of their document, and looks for disagreements.
    #[must_use]
    pub fn flagging(mut self, flagging: Flagging) -> Self {
        self.conflicts = OpenConflicts::flagging(flagging);
        self
    }

    /// The kinds that changes are judged by, if any.
    pub(super) fn kinds(&self) -> Option<&Kinds> {
        self.conflicts.flagging.as_ref().map(|flagging| &flagging.kinds)
    }

    /// What is flagged in the document as it is; `None`: nothing.
    pub(super) fn flags(&mut self) -> Result<Option<Flags>, OpenError> {
        let Some(flagging) = &self.conflicts.flagging else { return Ok(None) };
        flagging.of(&mut self.document)
    }

    /// What the turn's changes have brought about. A document that cannot be looked at this way is merged all the same.
    pub(super) fn review(&mut self, turn: &mut Turn, effects: &mut Vec<Effect>) -> Vec<ConflictChange> {
        let found = self.look(turn).unwrap_or_else(|error| {
            effects.push(Effect::Unreviewed(error.to_string()));
            Vec::new()
        });
        turn.conflicts = found.iter().map(ConflictChange::news).collect();
        found
    }

    /// Looks at what the last look has left.
    pub(super) fn review_the_rest(&mut self, effects: &mut Vec<Effect>) {
        let mut turn = Turn::of_nothing(self.document.heads().clone());
        let conflicts = self.review(&mut turn, effects);
        if !turn.ready().is_empty() {
            self.append(turn, conflicts, effects);
        } else if !conflicts.is_empty() {
            effects.push(Effect::Record { conflicts });
            self.phase = Phase::Storing(Box::new(turn));
        }
    }

    /// What is recorded is told to those who can do something about it.
    pub(super) fn tell_of_conflicts(&self, turn: &Turn, effects: &mut Vec<Effect>) {
        let writes = |member: &Member| member.info.extended && member.access.writes();
        for (session, _) in self.members.iter().filter(|(_, member)| writes(member)) {
            let notice = |(conflict, state): &(ConflictId, ConflictState)| Effect::Tell {
                to: *session,
                notice: Notice::Conflict { conflict: *conflict, state: *state },
            };
            effects.extend(turn.conflicts.iter().map(notice));
        }
    }

    /// Merges what the document's kind decides without anybody.
    fn repair(&mut self, reviewed: &mut [Reviewed], turn: &mut Turn) -> Result<(), OpenError> {
        let repairs: Vec<_> = reviewed.iter_mut().filter_map(|reviewed| reviewed.repair.take()).collect();
        if repairs.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.document.merge(&repairs) {
            // What is in memory is worth nothing now; what it was made from is here.
            self.document.close();
            return Err(OpenError::Unreadable(error.to_string()));
        }
        turn.add_ready(repairs);
        Ok(())
    }

    fn look(&mut self, turn: &mut Turn) -> Result<Vec<ConflictChange>, OpenError> {
        // Unless this look goes well, and says so, or it would be due again at once.
        self.conflicts.has_rest = false;
        let Some(flags) = self.flags()? else { return Ok(Vec::new()) };
        let open = self.conflicts.open.len();
        let mut reviewed = self.document.review(self.document_id, &flags, turn.ready(), open)?;
        self.repair(&mut reviewed, turn)?;
        self.conflicts.has_rest = self.document.has_more_to_review();
        let mut found = self.compare(reviewed, &flags, turn);
        found.extend(self.look_at_rules(&flags, turn)?);
        let has_closed = found.iter().any(|change| matches!(change, ConflictChange::Closed(_)));
        if has_closed && self.conflicts.may_be_more && !self.conflicts.has_rest {
            let more = self.unknown(&flags)?;
            found.extend(self.compare(more, &flags, turn));
        }
        Ok(found)
    }

    /// Which rules of its kind the document breaks, or keeps again.
    fn look_at_rules(&mut self, flags: &Flags, turn: &Turn) -> Result<Vec<ConflictChange>, OpenError> {
        let open = self.conflicts.open.keys().filter(|register| register.is_rule());
        let open: Vec<_> = open.cloned().collect();
        let mut found = Vec::new();
        for reviewed in self.document.review_rules(self.document_id, flags, &open)? {
            if found.len() >= RULE_CHANGES_MAX {
                self.document.forget_rules_review();
                self.conflicts.has_rest = true;
                break;
            }
            found.extend(self.compare(vec![reviewed], flags, turn));
        }
        Ok(found)
    }

    /// Some of the conflicts of the document that were too many to be known.
    fn unknown(&mut self, flags: &Flags) -> Result<Vec<Reviewed>, OpenError> {
        let mut conflicts = self.document.conflicts(self.document_id, flags)?;
        conflicts.retain(|conflict| !self.conflicts.open.contains_key(&conflict.register));
        self.conflicts.may_be_more = conflicts.len() > REVIEWED_AT_ONCE_MAX;
        conflicts.truncate(REVIEWED_AT_ONCE_MAX);
        let reviewed = |conflict: Conflict| Reviewed {
            register: conflict.register.clone(),
            conflict: Some(conflict),
            alone: None,
            resolved: None,
            repair: None,
        };
        Ok(conflicts.into_iter().map(reviewed).collect())
    }

    fn compare(&mut self, reviewed: Vec<Reviewed>, flags: &Flags, turn: &Turn) -> Vec<ConflictChange> {
        let mut changes = Vec::new();
        for reviewed in reviewed {
            let most = self.limits.conflicts_open_max;
            let Compared { closed, open } = self.conflicts.compare(reviewed, most);
            let account_of = |actor: &ActorId| self.authors.account_of(actor, turn);
            if let Some(mut closed) = closed {
                closed.account = closed.by.as_ref().and_then(|by| account_of(&by.actor));
                changes.push(ConflictChange::Closed(Box::new(closed)));
            }
            if let Some(conflict) = open {
                let disagreement = Disagreement::of(conflict, flags, account_of);
                changes.push(ConflictChange::Open(Box::new(disagreement)));
            }
        }
        changes
    }
}

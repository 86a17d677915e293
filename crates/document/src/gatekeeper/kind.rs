//! The part of the gatekeeper that knows what the document is: the kind named at `@kind` says who writes where, and
//! what.
//!
//! Each operation is judged by the place where its object was made, which never changes: whether that object still
//! stands, was removed, or stands beside another one makes no difference. So nothing is asked of the present state but
//! whether a place that holds protected ones is still empty.

mod judge;
mod naming;
mod places;
mod types;

use crate::engine::Engine;
use crate::gatekeeper::{CheckedChange, Object};
use crate::operations::{Id, Known, Operations};
use crate::path::PathStep;
use automerge::{ObjType, ROOT, ReadDoc, Value as Library};
use judge::Judge;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use tiebreak_kinds::{Kind, Kinds, Merge, Node, Write};
use tiebreak_protocol::{ChangeHash, Refusal};

/// Where a document says what it is.
const KIND_KEY: &str = "@kind";

/// Breaches of one batch that say where: to find where an element stands takes time in proportion to its list.
const PATHS_MAX: usize = 100;

/// Who made a change, as far as a kind asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Writer {
    /// The server itself: it alone writes protected paths.
    Server,
    #[default]
    Owner,
    Editor,
}

/// What changes are judged by beyond their own soundness.
#[derive(Clone, Copy)]
pub struct WriteRules<'a> {
    /// A document of any other kind is plain.
    pub kinds: &'a Kinds,
    /// Who made this change, by the rights that count now: what a change says of itself proves nothing.
    pub writer: &'a dyn Fn(&CheckedChange) -> Writer,
}

impl fmt::Debug for WriteRules<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WriteRules").field("kinds", &self.kinds).finish_non_exhaustive()
    }
}

/// Where a change wrote what the kind of its document does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    pub change: ChangeHash,
    pub refusal: Refusal,
    /// From the root to the place. Insertions into a list or a text name the list or the text. Empty for all but the
    /// first hundred breaches of a batch.
    pub path: Vec<PathStep>,
}

/// What came before a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History<'a> {
    pub(crate) engine: &'a Engine,
    /// The changes of the batch that are ready.
    pub(crate) ready: &'a Operations,
}

impl<'a> History<'a> {
    fn find(&self, id: Id<'_>) -> Option<Known<'a>> {
        self.ready.find(id).or_else(|| self.engine.operations().find(id))
    }
}

/// Judges the changes of one batch.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    rules: &'a WriteRules<'a>,
    /// Read when the first change is judged.
    naming: Option<Naming>,
    /// Places above protected ones in which changes of this batch put something.
    taken: BTreeSet<Taken>,
    breaches: usize,
}

/// Whether a document has said what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Naming {
    /// Nothing was written yet.
    Open,
    /// It was begun without a name, so it has none.
    Plain,
    As(Box<str>),
}

/// A key of an object: the object's operation, none for the root, and the key.
type Taken = (Option<(u64, Box<[u8]>)>, Box<str>);

/// Who may write, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    Editors,
    Owners,
    Server,
    /// Nobody: the name of the kind.
    Nobody,
}

impl<'a> Gate<'a> {
    pub(crate) const fn new(rules: &'a WriteRules<'a>) -> Self {
        Self { rules, naming: None, taken: BTreeSet::new(), breaches: 0 }
    }

    /// Judges a change that passed every other check; one that passes this too joins.
    pub(crate) fn judge(&mut self, change: &CheckedChange, history: History<'_>) -> Result<(), Breach> {
        if change.operations() == 0 {
            return Ok(());
        }
        let naming = self.naming_with(change, history.engine).map_err(|refusal| {
            let path = vec![PathStep::from(KIND_KEY)];
            Breach { change: change.hash(), refusal, path }
        })?;
        self.judge_operations(change, history, &naming)?;
        self.naming = Some(naming);
        Ok(())
    }

    /// What the document is once the change is in it.
    fn naming_with(&mut self, change: &CheckedChange, engine: &Engine) -> Result<Naming, Refusal> {
        let before = match self.naming.take() {
            Some(before) => before,
            None => Naming::of(engine)?,
        };
        named_by(change, self.naming.insert(before))
    }

    fn judge_operations(
        &mut self,
        change: &CheckedChange,
        history: History<'_>,
        naming: &Naming,
    ) -> Result<(), Breach> {
        // What is plain for good has nothing to protect, not even a name.
        let Naming::As(name) = naming else { return Ok(()) };
        let kind = self.rules.kinds.get(name).map(Arc::as_ref);
        let writer = (self.rules.writer)(change);
        let judge = Judge::new(change, history, kind.map(Kind::root), writer, &self.taken);
        let taken = judge.run().map_err(|stumble| {
            self.breaches += 1;
            let path = if self.breaches > PATHS_MAX { Vec::new() } else { stumble.path() };
            Breach { change: change.hash(), refusal: stumble.refusal, path }
        })?;
        self.taken.extend(taken);
        Ok(())
    }
}

impl Naming {
    /// What the document says of itself. Where the library does not know, nothing is taken.
    fn of(engine: &Engine) -> Result<Self, Refusal> {
        if engine.max_op == 0 {
            return Ok(Self::Open);
        }
        let named = engine.automerge.get(ROOT, KIND_KEY).map_err(|_| Refusal::Quarantined)?;
        let name = match &named {
            Some((Library::Scalar(scalar), _)) => scalar.as_str().map(Into::into),
            Some((Library::Object(ObjType::Text), text)) => {
                Some(engine.automerge.text(text).map_err(|_| Refusal::Quarantined)?.into_boxed_str())
            }
            Some((Library::Object(_), _)) | None => None,
        };
        Ok(name.map_or(Self::Plain, Self::As))
    }
}

/// What the document is once the change is in it.
///
/// Two devices that begin one document apart may both name its kind, if they agree: the name stands twice and means
/// the same. Every other second name is refused, also an equal one: whoever has seen a name has no reason to write it.
fn named_by(change: &CheckedChange, before: &Naming) -> Result<Naming, Refusal> {
    let names = match mentions_kind(change) {
        true => naming::named_in(change)?,
        false => None,
    };
    match (before, names) {
        (Naming::Open, None) => Ok(Naming::Plain),
        (Naming::Open, Some(name)) => Ok(Naming::As(name)),
        (Naming::As(named), Some(name)) if *named != name => Err(Refusal::KindFixed),
        (Naming::Plain, Some(_)) => Err(Refusal::KindFixed),
        (Naming::Plain | Naming::As(_), _) => Ok(before.clone()),
    }
}

/// Whether the key may be among those of the change: keys stand in its bytes as they are.
fn mentions_kind(change: &CheckedChange) -> bool {
    change.plain_bytes().windows(KIND_KEY.len()).any(|bytes| bytes == KIND_KEY.as_bytes())
}

fn is_kind_key(object: Object, key: &str) -> bool {
    object == Object::Root && key == KIND_KEY
}

impl Right {
    /// Who may write at a path.
    fn at(node: &Node) -> Self {
        match (node.merge(), node.write()) {
            (Merge::Server, _) => Self::Server,
            (_, Write::Owner) => Self::Owners,
            (_, Write::Editor) => Self::Editors,
        }
    }

    /// Who may write all that is below a path.
    fn below(node: &Node) -> Self {
        if node.holds_server_paths() {
            Self::Server
        } else if node.holds_owner_paths() {
            Self::Owners
        } else {
            Self::Editors
        }
    }

    const fn check(self, writer: Writer) -> Result<(), Refusal> {
        match (self, writer) {
            (Self::Nobody, _) => Err(Refusal::KindFixed),
            (Self::Server, Writer::Owner | Writer::Editor) => Err(Refusal::ProtectedPath),
            (Self::Owners, Writer::Editor) => Err(Refusal::OwnerOnly),
            (Self::Server | Self::Owners, Writer::Server)
            | (Self::Owners, Writer::Owner)
            | (Self::Editors, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

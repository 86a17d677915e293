//! One declared path of a kind, and what it says about the values that stand there.

use crate::words::{Merge, Remove, Resolver, Type, Write};
use serde_json::Value;
use std::collections::BTreeMap;

/// One path of a kind: how it merges, who writes it, and what is below it.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) standing: Standing,
    pub(crate) merge: Merge,
    pub(crate) remove: Remove,
    pub(crate) write: Write,
    pub(crate) secrecy: Secrecy,
    pub(crate) resolver: Option<Resolver>,
    pub(crate) title: Option<String>,
    pub(crate) types: Vec<Type>,
    pub(crate) properties: BTreeMap<String, Self>,
    pub(crate) additional: Option<Box<Self>>,
    pub(crate) items: Option<Box<Self>>,
    /// The keywords of JSON Schema that limit values, for comparing two versions of a kind.
    pub(crate) conditions: BTreeMap<String, Value>,
}

/// Whether the kind's file speaks of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Declared,
    Unknown,
}

/// Who may see what lost in a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Open,
    Secret,
}

impl Node {
    /// What becomes of concurrent writes here.
    pub fn merge(&self) -> Merge {
        self.merge
    }

    /// What a removal of this path does to a concurrent edit inside.
    pub fn remove(&self) -> Remove {
        self.remove
    }

    /// Whether what is here is one value with everything inside of it: two who change different parts of it disagree.
    pub fn is_record(&self) -> bool {
        let holds_more = |of: &Type| matches!(of, Type::Object | Type::Array);
        self.merge == Merge::Flag && self.is_declared() && self.types.iter().any(holds_more)
    }

    /// Whether some path below this one is such a value.
    pub fn holds_records(&self) -> bool {
        self.below().any(|node| node.is_record() || node.holds_records())
    }

    /// Who may write here.
    pub fn write(&self) -> Write {
        self.write
    }

    /// Whether values of this path stay out of records and messages.
    pub fn is_secret(&self) -> bool {
        self.secrecy == Secrecy::Secret
    }

    /// Whether values of some path below this one do.
    pub fn holds_secrets(&self) -> bool {
        self.below().any(|node| node.is_secret() || node.holds_secrets())
    }

    /// Who decides a conflict here without a person.
    pub fn resolver(&self) -> Option<Resolver> {
        self.resolver
    }

    /// What people call this path.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The types of value that may stand here; none: any.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// Whether the kind's file speaks of this path, or it is only kept as it is.
    pub fn is_declared(&self) -> bool {
        self.standing == Standing::Declared
    }

    /// The path of one key of the object here: a declared property, else what is declared for any key, else an
    /// unknown field, which takes any type and is kept.
    pub fn child(&self, key: &str) -> &Self {
        self.properties.get(key).or(self.additional.as_deref()).unwrap_or_else(|| self.unknown())
    }

    /// Whether a key of the object here is declared by its name, rather than as one of any.
    pub fn declares(&self, key: &str) -> bool {
        self.properties.contains_key(key)
    }

    /// The path of the elements of the array here.
    pub fn element(&self) -> &Self {
        self.items.as_deref().unwrap_or_else(|| self.unknown())
    }

    /// Whether some path below this one is written by the server only.
    pub fn holds_server_paths(&self) -> bool {
        self.below().any(|node| node.merge == Merge::Server || node.holds_server_paths())
    }

    /// Whether some path below this one is written by owners only.
    pub fn holds_owner_paths(&self) -> bool {
        self.below().any(|node| node.write == Write::Owner || node.holds_owner_paths())
    }

    fn below(&self) -> impl Iterator<Item = &Self> {
        self.properties.values().chain(self.additional.as_deref()).chain(self.items.as_deref())
    }

    /// What nobody declared follows what it is inside of.
    fn unknown(&self) -> &'static Self {
        let wanted = (merge_inside(self.merge).unwrap_or(Merge::Flag), self.secrecy, self.write);
        let is_wanted = |node: &&Self| (node.merge, node.secrecy, node.write) == wanted;
        UNKNOWN.iter().find(is_wanted).unwrap_or(&UNKNOWN[0])
    }
}

/// The mode that everything inside of a path with this mode has, whatever it is; none: each path its own.
pub(crate) fn merge_inside(outer: Merge) -> Option<Merge> {
    match outer {
        Merge::Server => Some(Merge::Server),
        // An element of a set is one value, and so is what the library picks: nothing inside is asked about.
        Merge::Lww | Merge::Union => Some(Merge::Lww),
        Merge::Flag | Merge::Counter | Merge::Text | Merge::Map | Merge::List | Merge::Max | Merge::Min => {
            None
        }
    }
}

/// Every unknown path that there can be: one for each mode, secrecy and right that it can be inside of.
static UNKNOWN: [Node; 12] = [
    unknown(Merge::Flag, Secrecy::Open, Write::Editor),
    unknown(Merge::Flag, Secrecy::Open, Write::Owner),
    unknown(Merge::Flag, Secrecy::Secret, Write::Editor),
    unknown(Merge::Flag, Secrecy::Secret, Write::Owner),
    unknown(Merge::Lww, Secrecy::Open, Write::Editor),
    unknown(Merge::Lww, Secrecy::Open, Write::Owner),
    unknown(Merge::Lww, Secrecy::Secret, Write::Editor),
    unknown(Merge::Lww, Secrecy::Secret, Write::Owner),
    unknown(Merge::Server, Secrecy::Open, Write::Editor),
    unknown(Merge::Server, Secrecy::Open, Write::Owner),
    unknown(Merge::Server, Secrecy::Secret, Write::Editor),
    unknown(Merge::Server, Secrecy::Secret, Write::Owner),
];

const fn unknown(merge: Merge, secrecy: Secrecy, write: Write) -> Node {
    Node {
        standing: Standing::Unknown,
        merge,
        remove: Remove::Flag,
        write,
        secrecy,
        resolver: None,
        title: None,
        types: Vec::new(),
        properties: BTreeMap::new(),
        additional: None,
        items: None,
        conditions: BTreeMap::new(),
    }
}

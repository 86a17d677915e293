//! Ids of operations in little space: actors and properties are numbered once for each index of a document.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Texts and their numbers.
#[derive(Debug)]
pub(crate) struct Names<T: ?Sized> {
    number_by_name: BTreeMap<Arc<T>, u32>,
    names: Vec<Arc<T>>,
}

/// The counter 0 stands for the root and for the head of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortId {
    pub(crate) actor: u32,
    pub(crate) counter: u32,
}

pub(crate) const NOWHERE: ShortId = ShortId { actor: 0, counter: 0 };

/// The gatekeeper lets no counter reach 2^31.
pub(crate) fn short(counter: u64, actor: u32) -> ShortId {
    ShortId { actor, counter: u32::try_from(counter).unwrap_or(u32::MAX) }
}

impl<T: Ord + ?Sized> Names<T> {
    pub(crate) fn number(&self, name: &T) -> Option<u32> {
        self.number_by_name.get(name).copied()
    }

    pub(crate) fn name(&self, number: u32) -> Option<&T> {
        self.names.get(usize::try_from(number).ok()?).map(AsRef::as_ref)
    }

    pub(crate) fn note<'a>(&mut self, name: &'a T) -> u32
    where
        Arc<T>: From<&'a T>,
    {
        if let Some(number) = self.number(name) {
            return number;
        }
        // Each name takes many bytes, so there are never 2^32.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name = Arc::from(name);
        self.names.push(Arc::clone(&name));
        self.number_by_name.insert(name, number);
        number
    }
}

impl<T: ?Sized> Default for Names<T> {
    fn default() -> Self {
        Self { number_by_name: BTreeMap::new(), names: Vec::new() }
    }
}

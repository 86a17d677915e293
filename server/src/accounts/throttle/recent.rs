//! A map of bounded size that forgets what was put longest ago.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys in the order in which they were last put.
    order: BTreeMap<u64, K>,
    next: u64,
    entries_max: usize,
    forget_after: Duration,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    place: u64,
    put_at: Duration,
}

impl<K: Copy + Eq + Hash, V: Copy> Recent<K, V> {
    pub(super) fn new(entries_max: usize, forget_after: Duration) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), next: 0, entries_max, forget_after }
    }

    pub(super) fn get(&self, key: &K, now: Duration) -> Option<V> {
        let entry = self.entries.get(key)?;
        (!self.is_over(entry, now)).then_some(entry.value)
    }

    pub(super) fn put(&mut self, key: K, value: V, now: Duration) {
        self.remove(&key);
        while let Some((_, &oldest)) = self.order.first_key_value() {
            let is_over = self.entries.get(&oldest).is_none_or(|entry| self.is_over(entry, now));
            if self.entries.len() < self.entries_max && !is_over {
                break;
            }
            self.remove(&oldest);
        }
        self.order.insert(self.next, key);
        self.entries.insert(key, Entry { value, place: self.next, put_at: now });
        self.next += 1;
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.place);
        }
    }

    fn is_over(&self, entry: &Entry<V>, now: Duration) -> bool {
        now.saturating_sub(entry.put_at) >= self.forget_after
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.order.len());
        self.entries.len()
    }
}

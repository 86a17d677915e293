//! WebSocket doors: one protocol each.

pub(crate) mod automerge;

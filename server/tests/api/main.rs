//! The HTTP surface and the command line, against the built binary.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod access;
mod backups;
mod bounds;
mod callers;
mod conditions;
mod config;
mod conflicts;
mod deletion;
mod demo;
mod description;
mod doc;
mod documents;
mod events;
mod inboxes;
mod kinds;
mod problems;
mod protected;
mod starting;
mod support;
mod tls;

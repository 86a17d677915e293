//! Local edits, and what becomes of them.

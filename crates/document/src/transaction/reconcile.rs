//! Writes only what differs between two JSON values, so that it merges with what others wrote meanwhile.

use super::place::Found;
use super::stretches::{
    COMPARISONS_MAX, Replaced, Stretch, carried, position_after, stretches, text_stretches,
};
use super::value::NewValue;
use super::{EditError, Transaction};
use crate::path::{IntoPath, PathStep};
use automerge::transaction::Transactable;
use automerge::{ObjType, ReadDoc, ScalarValue};
use bytes::Bytes;
use serde_json::{Map, Value as Json};

impl Transaction<'_> {
    /// Makes the text at a path read so: characters that both share stay, so that it merges with others'
    /// typing.
    ///
    /// # Errors
    /// When there is no text, or when a limit is passed.
    pub fn set_text(&mut self, path: impl IntoPath, text: &str) -> Result<(), EditError> {
        let path = path.into_path();
        let object = self.text(&path)?;
        let before = self.look(|library| library.text(&object))?;
        if before == text {
            return Ok(());
        }
        let (before, after) = (chars(&before), chars(text));
        self.make_room(before.len().abs_diff(after.len()) as u64)?;
        if before.len().saturating_mul(after.len()) > COMPARISONS_MAX {
            return self.change_text(&path, &before, &before, &after);
        }
        self.ask(|library| library.update_text(&object, text))?;
        self.make_room(0)
    }

    /// Writes what differs between `before` and `after`, two JSON values of what is at the path, into the
    /// document, which may have moved on since `before`.
    ///
    /// Keys that both lack or that are equal in both are not touched. Texts and lists are edited where they
    /// differ, and counters added to.
    ///
    /// # Errors
    /// When the parent is not there, or when a limit is passed; part of it may be written then.
    pub fn update(&mut self, path: impl IntoPath, before: &Json, after: &Json) -> Result<(), EditError> {
        self.reconcile(&mut path.into_path(), Some(before), after)
    }

    fn reconcile(
        &mut self,
        path: &mut Vec<PathStep>,
        before: Option<&Json>,
        after: &Json,
    ) -> Result<(), EditError> {
        if before == Some(after) {
            return Ok(());
        }
        match (self.find(path)?, before, after) {
            (Some(Found::Object(_, ObjType::Map | ObjType::Table)), _, Json::Object(after)) => {
                self.reconcile_map(path, before.and_then(Json::as_object), after)
            }
            (Some(Found::Object(_, ObjType::List)), Some(Json::Array(before)), Json::Array(after)) => {
                self.reconcile_list(path, before, after)
            }
            (Some(Found::Object(_, ObjType::Text)), _, Json::String(after)) => {
                self.reconcile_text(path, before.and_then(Json::as_str), after)
            }
            (Some(Found::Scalar(there)), _, _) => self.reconcile_scalar(path, &there, before, after),
            (Some(Found::Object(..)) | None, _, _) => self.put(&*path, after),
        }
    }

    fn reconcile_map(
        &mut self,
        path: &mut Vec<PathStep>,
        before: Option<&Map<String, Json>>,
        after: &Map<String, Json>,
    ) -> Result<(), EditError> {
        for key in before.into_iter().flat_map(Map::keys).filter(|key| !after.contains_key(*key)) {
            path.push(key.into());
            let deleted = self.delete(&*path);
            path.pop();
            deleted?;
        }
        for (key, after) in after {
            let before = before.and_then(|before| before.get(key));
            path.push(key.into());
            let reconciled = self.reconcile(path, before, after);
            path.pop();
            reconciled?;
        }
        Ok(())
    }

    /// Goes from the end to the beginning, so that positions further ahead stay what they are.
    fn reconcile_list(
        &mut self,
        path: &mut Vec<PathStep>,
        before: &[Json],
        after: &[Json],
    ) -> Result<(), EditError> {
        let there = self.get(&*path)?;
        let there = there.as_ref().and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let others =
            if is_view(before, there) { Vec::new() } else { stretches(&texts(before), &texts(there)) };
        let carried = carried(before.len(), &others, Replaced::InPlace);
        for Stretch { before: old, after: new } in stretches(&texts(before), &texts(after)).into_iter().rev()
        {
            let is_paired = old.len() == new.len();
            if is_paired {
                for (old, new) in old.zip(new).rev() {
                    match carried[old] {
                        Some(at) => {
                            path.push(at.into());
                            let reconciled = self.reconcile(path, Some(&before[old]), &after[new]);
                            path.pop();
                            reconciled?;
                        }
                        None => self.insert_all(path, position_after(&carried, old), &after[new..=new])?,
                    }
                }
                continue;
            }
            for at in old.clone().rev().filter_map(|old| carried[old]) {
                path.push(at.into());
                let deleted = self.delete(&*path);
                path.pop();
                deleted?;
            }
            self.insert_all(path, position_after(&carried, old.start), &after[new])?;
        }
        Ok(())
    }

    fn insert_all(&mut self, path: &mut Vec<PathStep>, at: usize, items: &[Json]) -> Result<(), EditError> {
        for (offset, item) in items.iter().enumerate() {
            path.push((at + offset).into());
            let inserted = self.insert(&*path, item);
            path.pop();
            inserted?;
        }
        Ok(())
    }

    fn reconcile_text(
        &mut self,
        path: &[PathStep],
        before: Option<&str>,
        after: &str,
    ) -> Result<(), EditError> {
        let object = self.text(path)?;
        let there = self.look(|library| library.text(&object))?;
        let Some(before) = before.filter(|before| *before != there && after != there) else {
            return self.set_text(path, after);
        };
        self.change_text(path, &chars(before), &chars(&there), &chars(after))
    }

    /// Does to the text that is there what makes `before` into `after`.
    fn change_text(
        &mut self,
        path: &[PathStep],
        before: &[char],
        there: &[char],
        after: &[char],
    ) -> Result<(), EditError> {
        let carried = carried(before.len(), &text_stretches(before, there), Replaced::Gone);
        for Stretch { before: old, after: new } in text_stretches(before, after).into_iter().rev() {
            let gone = carried[old.clone()].iter().flatten();
            for Run { start, length } in runs(gone.copied()).into_iter().rev() {
                self.splice_text(path, start, length, "")?;
            }
            let inserted: String = after[new].iter().collect();
            self.splice_text(path, position_after(&carried, old.start), 0, &inserted)?;
        }
        Ok(())
    }

    /// Keeps the kind that the value has in the document, which JSON may not tell.
    fn reconcile_scalar(
        &mut self,
        path: &[PathStep],
        there: &ScalarValue,
        before: Option<&Json>,
        after: &Json,
    ) -> Result<(), EditError> {
        match (there, after) {
            (ScalarValue::Str(_), Json::String(after)) => self.put_scalar(path, after.as_str().into()),
            (ScalarValue::Counter(there), Json::Number(after)) if after.is_i64() => {
                let before = before.and_then(Json::as_i64).unwrap_or_else(|| i64::from(there));
                self.increment(path, after.as_i64().unwrap_or(before).wrapping_sub(before))
            }
            (ScalarValue::Timestamp(_), Json::Number(after)) if after.is_i64() => {
                self.put(path, NewValue::Timestamp(after.as_i64().unwrap_or_default()))
            }
            (ScalarValue::Bytes(_), Json::Array(items)) => {
                self.put(path, bytes(items).map_or_else(|| NewValue::from(after), NewValue::Bytes))
            }
            _other => self.put(path, after),
        }
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// Positions next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: usize,
    length: usize,
}

fn runs(positions: impl Iterator<Item = usize>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for position in positions {
        match runs.last_mut() {
            Some(run) if run.start + run.length == position => run.length += 1,
            Some(_) | None => runs.push(Run { start: position, length: 1 }),
        }
    }
    runs
}

/// Elements as they are compared.
fn texts(items: &[Json]) -> Vec<String> {
    items.iter().map(Json::to_string).collect()
}

/// What JSON shows of bytes, turned back.
fn bytes(items: &[Json]) -> Option<Bytes> {
    items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

/// Whether `before` is these very items, as seen by a type that need not know all their fields.
fn is_view(before: &[Json], items: &[Json]) -> bool {
    before.len() == items.len() && before.iter().zip(items).all(|(before, item)| is_view_of(before, item))
}

fn is_view_of(before: &Json, item: &Json) -> bool {
    match (before, item) {
        (Json::Object(before), Json::Object(item)) => {
            before.iter().all(|(key, before)| item.get(key).is_some_and(|item| is_view_of(before, item)))
        }
        (Json::Array(before), Json::Array(items)) => is_view(before, items),
        (before, item) => before == item,
    }
}

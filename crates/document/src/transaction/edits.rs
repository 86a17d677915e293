//! What a transaction can do: look at the document, and write.

use super::place::{self, Found};
use super::value::NewValue;
use super::write::{self, Slot};
use super::{EditError, Library, Transaction};
use crate::engine::guarded;
use crate::path::{IntoPath, PathStep};
use automerge::transaction::Transactable;
use automerge::{AutomergeError, ObjId, ObjType, ReadDoc, ScalarValue};
use serde_json::Value as Json;

impl Transaction<'_> {
    /// The value at a path as JSON (see [`Document::to_json`](crate::Document::to_json)), with what was
    /// written so far; `None` if there is nothing.
    ///
    /// # Errors
    /// Only when the library fails.
    pub fn get(&self, path: impl IntoPath) -> Result<Option<Json>, EditError> {
        let path = path.into_path();
        self.look(|library| place::read(library, &path))
    }

    /// Whether there is anything at a path.
    ///
    /// # Errors
    /// Only when the library fails.
    pub fn contains(&self, path: impl IntoPath) -> Result<bool, EditError> {
        Ok(self.find(&path.into_path())?.is_some())
    }

    /// How many elements the list at a path has, or entries the map, or characters (Unicode code points)
    /// the text.
    ///
    /// # Errors
    /// When there is no map, list or text.
    pub fn length(&self, path: impl IntoPath) -> Result<usize, EditError> {
        let path = path.into_path();
        match self.find(&path)? {
            Some(Found::Object(object, _)) => self.length_of(&object),
            found => Err(not_the("a map, a list or a text", path, found.as_ref())),
        }
    }

    /// The keys of the map at a path, in order.
    ///
    /// # Errors
    /// When there is no map.
    pub fn keys(&self, path: impl IntoPath) -> Result<Vec<String>, EditError> {
        let path = path.into_path();
        match self.find(&path)? {
            Some(Found::Object(object, ObjType::Map | ObjType::Table)) => {
                self.look(|library| Ok(library.keys(&object).collect()))
            }
            found => Err(not_the("a map", path, found.as_ref())),
        }
    }

    /// Writes a value over a key or a list element; the last writer wins. Nothing is written where an equal
    /// plain value or text stands alone; over a counter, a [`Counter`](crate::Counter) writes the difference.
    ///
    /// # Errors
    /// When the parent is not there, when the path does not fit it, or when a limit is passed.
    pub fn put(&mut self, path: impl IntoPath, value: impl Into<NewValue>) -> Result<(), EditError> {
        let path = path.into_path();
        let (object, slot) = self.slot(&path)?;
        self.write(&path, &object, slot, &value.into())
    }

    /// Inserts a value into a list, before the element that the path names; the path may name the end.
    ///
    /// # Errors
    /// When the list is not there or shorter, or when a limit is passed.
    pub fn insert(&mut self, path: impl IntoPath, value: impl Into<NewValue>) -> Result<(), EditError> {
        let path = path.into_path();
        let (last, list) = split(&path)?;
        let PathStep::Position(position) = last else {
            return Err(EditError::NotAPosition { path });
        };
        let object = self.list(list)?;
        let (position, length) = (*position, self.length_of(&object)?);
        if position > length {
            return Err(EditError::OutOfRange { path: list.to_vec(), position, length });
        }
        self.write(&path, &object, Slot::Insert(position), &value.into())
    }

    /// Inserts a value at the end of the list at a path.
    ///
    /// # Errors
    /// When the list is not there, or when a limit is passed.
    pub fn push(&mut self, path_of_list: impl IntoPath, value: impl Into<NewValue>) -> Result<(), EditError> {
        let mut path = path_of_list.into_path();
        let object = self.list(&path)?;
        let length = self.length_of(&object)?;
        path.push(PathStep::Position(length));
        self.write(&path, &object, Slot::Insert(length), &value.into())
    }

    /// Deletes a key or a list element, and answers whether it was there.
    ///
    /// # Errors
    /// When the path names the root, or when a limit is passed.
    pub fn delete(&mut self, path: impl IntoPath) -> Result<bool, EditError> {
        let path = path.into_path();
        split(&path)?;
        if self.find(&path)?.is_none() {
            return Ok(false);
        }
        let (object, slot) = self.slot(&path)?;
        self.make_room(1)?;
        let Some(prop) = slot.prop() else { return Ok(false) };
        self.ask(|library| library.delete(&object, prop))?;
        Ok(true)
    }

    /// Adds to the counter at a path; what others add at the same time is added too.
    ///
    /// # Errors
    /// When there is no counter, or when a limit is passed.
    pub fn increment(&mut self, path: impl IntoPath, by: i64) -> Result<(), EditError> {
        let path = path.into_path();
        if !matches!(self.find(&path)?, Some(Found::Scalar(ScalarValue::Counter(_)))) {
            return Err(EditError::NotACounter { path });
        }
        let (object, slot) = self.slot(&path)?;
        let (Some(prop), true) = (slot.prop(), by != 0) else { return Ok(()) };
        self.make_room(1)?;
        self.ask(|library| library.increment(&object, prop, by))
    }

    /// Deletes characters of the text at a path and inserts others in their place; positions and counts are
    /// in Unicode code points.
    ///
    /// # Errors
    /// When there is no text or it is shorter, or when a limit is passed.
    pub fn splice_text(
        &mut self,
        path: impl IntoPath,
        at_chars: usize,
        delete_chars: usize,
        insert: &str,
    ) -> Result<(), EditError> {
        let path = path.into_path();
        let object = self.text(&path)?;
        let length = self.length_of(&object)?;
        let end = at_chars.saturating_add(delete_chars);
        if end > length {
            return Err(EditError::OutOfRange { path, position: end, length });
        }
        self.make_room(delete_chars as u64 + insert.chars().count() as u64)?;
        let delete = isize::try_from(delete_chars).unwrap_or(isize::MAX);
        self.ask(|library| library.splice_text(&object, at_chars, delete, insert))
    }

    /// Puts a string over any plain value, as a plain value.
    pub(super) fn put_scalar(&mut self, path: &[PathStep], scalar: ScalarValue) -> Result<(), EditError> {
        let (object, slot) = self.slot(path)?;
        self.make_room(1)?;
        self.ask(|library| write::write_scalar(library, &object, slot, scalar))
    }

    pub(super) fn find(&self, path: &[PathStep]) -> Result<Option<Found>, EditError> {
        self.look(|library| place::find(library, path))
    }

    pub(super) fn length_of(&self, object: &ObjId) -> Result<usize, EditError> {
        self.look(|library| Ok(library.length(object)))
    }

    /// The text at a path.
    pub(super) fn text(&self, path: &[PathStep]) -> Result<ObjId, EditError> {
        match self.find(path)? {
            Some(Found::Object(object, ObjType::Text)) => Ok(object),
            Some(_) | None => Err(EditError::NotAText { path: path.to_vec() }),
        }
    }

    fn list(&self, path: &[PathStep]) -> Result<ObjId, EditError> {
        match self.find(path)? {
            Some(Found::Object(object, ObjType::List)) => Ok(object),
            found => Err(not_the("a list", path.to_vec(), found.as_ref())),
        }
    }

    /// Where a value goes that is to stand at the path.
    fn slot(&self, path: &[PathStep]) -> Result<(ObjId, Slot), EditError> {
        let (last, above) = split(path)?;
        let found = self.find(above)?;
        match (found, last) {
            (Some(Found::Object(object, ObjType::Map | ObjType::Table)), PathStep::Key(key)) => {
                Ok((object, Slot::Key(key.clone())))
            }
            (Some(Found::Object(object, ObjType::List)), PathStep::Position(position)) => {
                let length = self.length_of(&object)?;
                if *position >= length {
                    return Err(EditError::OutOfRange { path: above.to_vec(), position: *position, length });
                }
                Ok((object, Slot::Element(*position)))
            }
            (found, PathStep::Key(_)) => Err(not_the("a map", above.to_vec(), found.as_ref())),
            (found, PathStep::Position(_)) => Err(not_the("a list", above.to_vec(), found.as_ref())),
            (_, PathStep::Removed) => Err(EditError::NoSuchObject { path: path.to_vec() }),
        }
    }

    fn write(
        &mut self,
        path: &[PathStep],
        object: &ObjId,
        slot: Slot,
        value: &NewValue,
    ) -> Result<(), EditError> {
        let depth_max = self.limits.depth_max;
        // An object at a path of one step lies one level deep.
        if !value.fits((depth_max + 1).saturating_sub(path.len())) {
            return Err(EditError::TooDeep { path: path.to_vec(), depth_max });
        }
        self.make_room(value.operations())?;
        self.ask(|library| write::write(library, object, slot, value))
    }

    pub(super) fn make_room(&self, operations: u64) -> Result<(), EditError> {
        let operations_max = self.limits.change_operations_max;
        let pending = self.look(|library| Ok(library.pending_ops()))? as u64;
        if pending.saturating_add(operations) > operations_max {
            return Err(EditError::TooManyOperations { operations_max });
        }
        Ok(())
    }

    pub(super) fn look<T>(
        &self,
        work: impl FnOnce(&Library<'_>) -> Result<T, AutomergeError>,
    ) -> Result<T, EditError> {
        self.check_sound()?;
        let seen = guarded(|| work(&self.library));
        self.settle(seen)
    }

    pub(super) fn ask<T>(
        &mut self,
        work: impl FnOnce(&mut Library<'_>) -> Result<T, AutomergeError>,
    ) -> Result<T, EditError> {
        self.check_sound()?;
        let library = &mut self.library;
        let done = guarded(|| work(library));
        self.settle(done)
    }
}

fn split(path: &[PathStep]) -> Result<(&PathStep, &[PathStep]), EditError> {
    path.split_last().ok_or(EditError::Root)
}

fn not_the(expected: &'static str, path: Vec<PathStep>, found: Option<&Found>) -> EditError {
    match found {
        Some(found) => EditError::WrongType { path, expected, found: found.name() },
        None => EditError::NoSuchObject { path },
    }
}

//! A JSON object as a map of CEL.

use super::{Lending, Steps, hand_out, to_cel};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as Lend, Sizer};
use cel::common::types::{CelInt, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// The values become CEL values when they are asked for.
#[derive(Debug)]
pub(super) struct Object<'a> {
    entries: &'a Map<String, Value>,
    steps: &'a Steps,
    /// The keys in order, made by the first loop over them.
    keys: OnceLock<Vec<CelString<'a>>>,
}

impl<'a> Object<'a> {
    pub(super) fn new(entries: &'a Map<String, Value>, steps: &'a Steps) -> Self {
        Self { entries, steps, keys: OnceLock::new() }
    }

    fn find(&self, key: &dyn Val) -> Result<&'a Value, ExecutionError> {
        let key = key.downcast_ref::<CelString<'_>>().map(|key| key.inner());
        let missing = || ExecutionError::NoSuchKey(Arc::new(key.unwrap_or_default().to_owned()));
        key.and_then(|key| self.entries.get(key)).ok_or_else(missing)
    }

    fn keys(&self) -> &[CelString<'a>] {
        self.keys.get_or_init(|| {
            let mut keys: Vec<_> = self.entries.keys().map(String::as_str).collect();
            keys.sort_unstable();
            keys.into_iter().map(CelString::from).collect()
        })
    }
}

impl<'a> Val for Object<'a> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    /// Expressions cannot write maps, so the other one is an object too, if it is a map at all.
    fn equals(&self, other: &dyn Val) -> bool {
        let Some((size, entries)) = other.as_sizer().zip(other.as_indexer()) else { return false };
        let is_map = other.get_type().kind() == MAP_TYPE.kind();
        is_map
            && *size.size().inner() == *self.size().inner()
            && self.steps.take(self.entries.len()).is_ok()
            && self.keys().iter().all(|key| match (self.find(key), entries.get(key)) {
                (Ok(mine), Ok(theirs)) => to_cel(mine, self.steps).equals(&*theirs),
                (Err(_), _) | (_, Err(_)) => false,
            })
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self::new(self.entries, self.steps))
    }
}

impl Container for Object<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        self.steps.take(1)?;
        Ok(self.find(key).is_ok())
    }
}

impl Indexer for Object<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(CowVal::Owned(hand_out(self.find(key)?, self.steps)?))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        hand_out(self.find(key)?, self.steps)
    }
}

impl Iterable for Object<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Lend<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Lending::over(self.keys(), self.steps))
    }
}

impl Sizer for Object<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.entries.len()).unwrap_or(i64::MAX))
    }
}

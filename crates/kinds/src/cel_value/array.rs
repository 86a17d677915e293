//! A JSON array as a list of CEL.

use super::{Lending, Steps, hand_out, to_cel};
use cel::ExecutionError;
use cel::common::traits::{Adder, Container, Indexer, Iterable, Iterator as Lend, Sizer};
use cel::common::types::{CelInt, CelList, LIST_TYPE, Type};
use cel::common::value::{CowVal, Val};
use serde_json::Value;
use std::sync::OnceLock;

/// The elements become CEL values when they are asked for.
#[derive(Debug)]
pub(super) struct Array<'a> {
    elements: &'a [Value],
    steps: &'a Steps,
    /// The elements, made by the first loop over them.
    values: OnceLock<Vec<Box<dyn Val + 'a>>>,
}

impl<'a> Array<'a> {
    pub(super) fn new(elements: &'a [Value], steps: &'a Steps) -> Self {
        Self { elements, steps, values: OnceLock::new() }
    }

    fn values(&self) -> &[Box<dyn Val + 'a>] {
        self.values.get_or_init(|| self.elements.iter().map(|element| to_cel(element, self.steps)).collect())
    }

    fn find(&self, index: &dyn Val) -> Result<&'a Value, ExecutionError> {
        let position = index.downcast_ref::<CelInt>().and_then(|index| usize::try_from(*index.inner()).ok());
        let missing = || ExecutionError::function_error("_[_]", "there is no such element");
        position.and_then(|position| self.elements.get(position)).ok_or_else(missing)
    }
}

impl<'a> Val for Array<'a> {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }

    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }

    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
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

    fn equals(&self, other: &dyn Val) -> bool {
        let Some((size, values)) = other.as_sizer().zip(other.as_iterable()) else { return false };
        let is_list = other.get_type().kind() == LIST_TYPE.kind();
        if !is_list || *size.size().inner() != *self.size().inner() {
            return false;
        }
        let (mut mine, mut theirs) = (self.iter(), values.iter());
        while let (Some(mine), Some(theirs)) = (mine.next(), theirs.next()) {
            if !mine.equals(theirs) {
                return false;
            }
        }
        true
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self::new(self.elements, self.steps))
    }
}

impl Adder for Array<'_> {
    fn add<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let not_a_list = || ExecutionError::function_error("_+_", "a list is added to a list only");
        let other = other.as_iterable().ok_or_else(not_a_list)?;
        let (mut mine, mut theirs) = (self.iter(), other.iter());
        let mut all: Vec<Box<dyn Val + 'v>> = Vec::new();
        while let Some(value) = mine.next().or_else(|| theirs.next()) {
            all.push(value.clone_as_boxed());
        }
        Ok(CowVal::Owned(Box::new(CelList::from(all))))
    }
}

impl Container for Array<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        self.steps.take(self.elements.len())?;
        Ok(self.values().iter().any(|element| element.equals(value)))
    }
}

impl Indexer for Array<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(CowVal::Owned(hand_out(self.find(index)?, self.steps)?))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        hand_out(self.find(index)?, self.steps)
    }
}

impl Iterable for Array<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Lend<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Lending::over(self.values(), self.steps))
    }
}

impl Sizer for Array<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.elements.len()).unwrap_or(i64::MAX))
    }
}

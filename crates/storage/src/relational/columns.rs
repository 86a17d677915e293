//! Reads rows back into types.

use super::{Row, Value};
use crate::StorageError;
use std::str::FromStr;
use std::vec;
use tiebreak_protocol::{
    AccountId, ActorId, ConflictId, ConflictState, ConflictType, DeviceId, DocumentId, KeyId, Role,
};

/// A row, read from its first column to its last.
#[derive(Debug)]
pub struct Columns(vec::IntoIter<Value>);

/// What can be read from a column.
pub trait FromValue: Sized {
    /// `None` when the column holds something else.
    fn from_value(value: Value) -> Option<Self>;
}

impl Columns {
    pub fn of(row: Row) -> Self {
        Self(row.into_iter())
    }

    /// The next column.
    ///
    /// # Errors
    /// When it holds something else: damage.
    pub fn read<T: FromValue>(&mut self) -> Result<T, StorageError> {
        let read = self.0.next().and_then(T::from_value);
        read.ok_or_else(|| StorageError::Damaged(format!("a column is no {}", std::any::type_name::<T>())))
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            Value::Null | Value::Text(_) | Value::Bytes(_) => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Integer(_) | Value::Bytes(_) => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Null | Value::Integer(_) | Value::Text(_) => None,
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value) -> Option<Self> {
        Vec::from_value(value)?.try_into().ok()
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromValue for ActorId {
    fn from_value(value: Value) -> Option<Self> {
        Vec::from_value(value).map(|bytes| Self::from_bytes(&bytes))
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl FromValue for $word {
            fn from_value(value: Value) -> Option<Self> {
                Self::from_str(&String::from_value(value)?).ok()
            }
        }
    )*};
}

words!(Role, ConflictType, ConflictState);

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl FromValue for $id {
            fn from_value(value: Value) -> Option<Self> {
                <[u8; 16]>::from_value(value).map(Self::from_bytes)
            }
        }
    )*};
}

ids!(AccountId, DeviceId, KeyId, DocumentId, ConflictId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_in_order_and_as_what_they_are() {
        let account = AccountId::from_bytes([3; 16]);
        let mut columns = Columns::of(vec![account.into(), Role::Editor.into(), Value::Null, 7.into()]);
        assert_eq!(columns.read(), Ok(account));
        assert_eq!(columns.read(), Ok(Role::Editor));
        assert_eq!(columns.read(), Ok(None::<String>));
        assert_eq!(columns.read(), Ok(Some(7_i64)));
        assert!(matches!(columns.read::<i64>(), Err(StorageError::Damaged(_))), "there is no more");
    }

    #[test]
    fn a_column_of_another_type_or_length_is_damage() {
        let read = |value: Value| Columns::of(vec![value]).read::<AccountId>();
        assert!(matches!(read(Value::Bytes(vec![1; 15])), Err(StorageError::Damaged(_))));
        assert!(matches!(read("acc".into()), Err(StorageError::Damaged(_))));
        assert!(matches!(read(Value::Null), Err(StorageError::Damaged(_))));
    }
}

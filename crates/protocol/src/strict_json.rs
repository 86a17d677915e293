//! JSON with one meaning: no key twice in an object, nothing nested too deep.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// Reads a JSON text. The outermost value is at depth 0; deeper than `depth_max` nothing may lie.
///
/// # Errors
/// When the text nests too deep, or is not JSON with one meaning.
pub fn read(bytes: &[u8], depth_max: usize) -> Result<Value, ReadError> {
    let is_too_deep = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { depth: 0, depth_max, is_too_deep: &is_too_deep }.deserialize(&mut deserializer);
    match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(_) if is_too_deep.get() => Err(ReadError::TooDeep),
        // The parser's own bound on its stack; its errors have no variant for it.
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => Err(ReadError::TooDeep),
        Err(error) => Err(ReadError::Malformed(error)),
    }
}

/// Why a text was not read.
#[derive(Debug)]
pub enum ReadError {
    TooDeep,
    Malformed(serde_json::Error),
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    depth_max: usize,
    /// Told apart here, because errors of a visitor are only text.
    is_too_deep: &'a Cell<bool>,
}

impl Strict<'_> {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth > self.depth_max {
            self.is_too_deep.set(true);
            return Err(E::custom("objects and arrays are nested too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} stands twice in one object")));
            }
            map.insert(key, entries.next_value_seed(inside)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_plain_parser_reads() {
        for text in ["{}", "[]", r#"{"a":[1,-2,3.5,null,true,"x\u00e9"],"b":{"a":18446744073709551615}}"#] {
            assert_eq!(read(text.as_bytes(), 64).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn texts_with_two_meanings_or_none_are_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":[{"a":1,"\u0061":2}]}"#,
            "{\"a\":NaN}",
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
            "{} {}",
            "{",
            "",
        ] {
            let read = read(text.as_bytes(), 64);
            assert!(matches!(read, Err(ReadError::Malformed(_))), "{text}");
        }
        assert!(read(b"{\"a\":\"\xff\"}", 64).is_err());
    }

    #[test]
    fn nesting_is_taken_to_the_limit_and_no_further() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth + 1), "]".repeat(depth + 1));
        assert!(read(nested(64).as_bytes(), 64).is_ok());
        let is_too_deep =
            |text: &str, depth_max| matches!(read(text.as_bytes(), depth_max), Err(ReadError::TooDeep));
        assert!(is_too_deep(&nested(65), 64));
        assert!(is_too_deep(&"[".repeat(100_000), 64));
        assert!(is_too_deep(&nested(10_000), usize::MAX), "whatever is allowed, the stack is bounded");
    }
}

//! JSON with one meaning: no key twice in an object, nothing nested too deep.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads a JSON text. The outermost value is at depth 0; deeper than `depth_max` nothing may lie.
pub(super) fn read(bytes: &[u8], depth_max: usize) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, depth_max }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    depth_max: usize,
}

impl Strict {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth > self.depth_max {
            return Err(E::custom(format_args!(
                "objects and arrays are nested deeper than {}",
                self.depth_max
            )));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
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
            assert!(read(text.as_bytes(), 64).is_err(), "{text}");
        }
        assert!(read(b"{\"a\":\"\xff\"}", 64).is_err());
    }

    #[test]
    fn nesting_is_taken_to_the_limit_and_no_further() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth + 1), "]".repeat(depth + 1));
        assert!(read(nested(64).as_bytes(), 64).is_ok());
        assert!(read(nested(65).as_bytes(), 64).is_err());
        assert!(read("[".repeat(100_000).as_bytes(), 64).is_err());
    }
}

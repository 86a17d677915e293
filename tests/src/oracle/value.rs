//! Values, and when two of them say the same.

use std::collections::BTreeMap;

/// What a place shows. A text shows a string.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    String(String),
    Bytes(Vec<u8>),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// Where it stands with all increments in.
    Counter(i64),
    Map(BTreeMap<String, Self>),
    List(Vec<Self>),
}

impl Value {
    /// Whether two people who wrote these meant the same. Nobody ever means the same by a counter, so it is not
    /// even equal to itself; `==` is for comparing what two programs make of one history.
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::String(one), Self::String(other)) => one == other,
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            (Self::Timestamp(one), Self::Timestamp(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(other)
                        .all(|(one, other)| one.0 == other.0 && one.1.agrees_with(other.1))
            }
            (Self::List(one), Self::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.agrees_with(other))
            }
            (one, other) => match (one.number(), other.number()) {
                (Some(one), Some(other)) => one == other,
                (Some(_) | None, Some(_) | None) => false,
            },
        }
    }

    /// Choice: a float that is a whole number is that number, minus zero is zero, and what JSON cannot write
    /// (not a number, infinities) is compared as floats compare.
    fn number(&self) -> Option<Number> {
        match self {
            Self::Int(number) => Some(Number::Whole(i128::from(*number))),
            Self::Uint(number) => Some(Number::Whole(i128::from(*number))),
            Self::Float(number) => {
                // Beyond this a float is larger than any integer that it could meet.
                let is_whole = number.fract() == 0.0 && number.abs() < 1e30;
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and within range")]
                let whole = Number::Whole(*number as i128);
                Some(if is_whole { whole } else { Number::Broken(*number) })
            }
            Self::Null
            | Self::Bool(_)
            | Self::String(_)
            | Self::Bytes(_)
            | Self::Timestamp(_)
            | Self::Counter(_)
            | Self::Map(_)
            | Self::List(_) => None,
        }
    }
}

#[derive(PartialEq)]
enum Number {
    Whole(i128),
    Broken(f64),
}

#[cfg(test)]
mod tests {
    use super::Value::{self, Bool, Bytes, Counter, Float, Int, List, Map, Null, String, Timestamp, Uint};

    fn map(value: Value) -> Value {
        Map([("key".to_owned(), value)].into())
    }

    #[test]
    fn numbers_agree_as_json_numbers() {
        assert!(Int(1).agrees_with(&Uint(1)));
        assert!(Float(1.0).agrees_with(&Int(1)));
        assert!(Float(-0.0).agrees_with(&Uint(0)));
        assert!(!Float(1.5).agrees_with(&Int(1)));
        assert!(!Int(-1).agrees_with(&Uint(u64::MAX)));
        assert!(!Float(1e300).agrees_with(&Uint(u64::MAX)));
    }

    #[test]
    fn other_scalars_agree_by_type_and_value() {
        assert!(Timestamp(1).agrees_with(&Timestamp(1)));
        assert!(!Timestamp(1).agrees_with(&Int(1)));
        assert!(Bytes(vec![1]).agrees_with(&Bytes(vec![1])));
        assert!(!Bytes(b"a".to_vec()).agrees_with(&String("a".to_owned())));
        assert!(Null.agrees_with(&Null));
        assert!(!Null.agrees_with(&Bool(false)));
        assert!(!Bool(true).agrees_with(&Int(1)));
    }

    #[test]
    fn maps_and_lists_agree_deeply() {
        assert!(map(List(vec![Int(1)])).agrees_with(&map(List(vec![Float(1.0)]))));
        assert!(!map(Int(1)).agrees_with(&Map([("other".to_owned(), Int(1))].into())));
        assert!(!List(vec![Int(1), Int(2)]).agrees_with(&List(vec![Int(2), Int(1)])));
        assert!(!List(vec![Int(1)]).agrees_with(&List(vec![Int(1), Int(2)])));
    }

    #[test]
    fn a_counter_agrees_with_nothing_nor_does_what_holds_one() {
        assert!(!Counter(1).agrees_with(&Counter(1)));
        assert!(!Counter(1).agrees_with(&Int(1)));
        assert!(!map(Counter(1)).agrees_with(&map(Counter(1))));
        assert!(!List(vec![Counter(1)]).agrees_with(&List(vec![Counter(1)])));
    }
}

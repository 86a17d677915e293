//! One operation of a change, as it stands in the columns.

/// What names an operation, and what it made: a counter and an actor, which is an index: 0 is the
/// author of the change, `1..` its other actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    pub counter: u64,
    pub actor: usize,
}

/// An object that an operation acts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Root,
    /// The object that this operation made.
    Made(OperationId),
}

/// Where in its object an operation acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// A property of a map.
    Property(&'a str),
    /// Before the first element of a sequence; only insertions say so.
    Head,
    /// At this element of a sequence; insertions: right after it.
    Element(OperationId),
}

/// What an operation does. (The format has one more, which makes a table; no client ever sends it and
/// the library does not survive it.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    MakeMap,
    MakeList,
    MakeText,
    Set,
    Delete,
    Increment,
    Mark,
}

impl Action {
    /// The numbers of the format.
    pub(super) const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::MakeMap),
            1 => Some(Self::Set),
            2 => Some(Self::MakeList),
            3 => Some(Self::Delete),
            4 => Some(Self::MakeText),
            5 => Some(Self::Increment),
            7 => Some(Self::Mark),
            _ => None,
        }
    }

    /// Whether the operation makes an object.
    pub const fn makes(self) -> bool {
        matches!(self, Self::MakeMap | Self::MakeList | Self::MakeText)
    }
}

/// From here on not every whole number is a float.
const WHOLE_FLOATS_END: f64 = 9_007_199_254_740_992.0;

/// A value that is no object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Counter(i64),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// Of a type that a later version of the format may define.
    Unknown(u8, &'a [u8]),
}

impl Value<'_> {
    /// The whole number that it is, as a counter or not.
    pub(crate) fn whole(&self) -> Option<i64> {
        match *self {
            Self::Signed(number) | Self::Counter(number) => Some(number),
            Self::Unsigned(number) => i64::try_from(number).ok(),
            Self::Float(number) => whole_float(number),
            Self::Null
            | Self::Boolean(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::Timestamp(_)
            | Self::Unknown(..) => None,
        }
    }

    /// By how much an increment with this value changes a counter.
    pub(crate) fn amount(&self) -> i64 {
        match *self {
            Self::Signed(by) | Self::Counter(by) => by,
            Self::Unsigned(by) => i64::try_from(by).unwrap_or(i64::MAX),
            Self::Null
            | Self::Boolean(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::Timestamp(_)
            | Self::Unknown(..) => 0,
        }
    }
}

fn whole_float(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() < WHOLE_FLOATS_END;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within range")]
    is_whole.then_some(number as i64)
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation<'a> {
    /// Its own counter; its actor is the author of the change.
    pub counter: u64,
    pub object: Object,
    pub key: Key<'a>,
    /// Whether it inserts an element into a sequence rather than writing to a place that exists.
    pub insert: bool,
    pub action: Action,
    pub value: Value<'a>,
    /// The operations that it overwrites, in ascending order.
    pub predecessors: Vec<OperationId>,
    /// Whether a mark's end moves with text that is typed there.
    pub expand: bool,
    /// Present in operations that begin a mark.
    pub mark_name: Option<&'a str>,
}

/// An operation that makes an object, for the nesting depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Make {
    /// Counter of the operation, and so of the object; its actor is the author of the change.
    pub counter: u64,
    /// The object in which it is made.
    pub container: Object,
}

/// Two elements of one sequence in the history, the first of which must stand before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementOrder {
    pub object: Object,
    pub first: OperationId,
    pub second: OperationId,
}

//! CBOR items one after the other, with all in which encoders differ folded away: tags, indefinite lengths,
//! texts and bytes in pieces, floats for integers, `null` and `undefined` for what is absent.

use super::{DecodeError, SAFE_INTEGER_MAX};
use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;
use std::borrow::Cow;

/// Arrays and maps inside a message nest no deeper than this; stock peers need 4.
const NESTING_MAX: usize = 16;

pub(super) struct Reader<'a> {
    cbor: Decoder<'a>,
    whole: &'a Bytes,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self { cbor: Decoder::new(bytes), whole: bytes }
    }

    pub(super) fn is_at_map(&mut self) -> Result<bool, DecodeError> {
        self.untag()?;
        Ok(matches!(self.peek()?, Type::Map | Type::MapIndef))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.cbor.position() == self.whole.len()
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        if self.is_absent()? {
            return Ok(None);
        }
        self.pieces_of_text().map(Some).map_err(|_| DecodeError::Invalid(field))
    }

    /// Shares the memory of the message, unless it came in pieces.
    pub(super) fn data(&mut self, field: &'static str) -> Result<Option<Bytes>, DecodeError> {
        if self.is_absent()? {
            return Ok(None);
        }
        let invalid = |_| DecodeError::Invalid(field);
        if self.peek()? != Type::BytesIndef {
            let bytes = self.cbor.bytes().map_err(invalid)?;
            return Ok(Some(self.whole.slice_ref(bytes)));
        }
        let pieces = self.cbor.bytes_iter().map_err(invalid)?;
        let pieces = pieces.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        Ok(Some(pieces.concat().into()))
    }

    /// Whole numbers up to 2^53 - 1. They may come as floats: JavaScript encoders write large ones so.
    pub(super) fn integer(&mut self, field: &'static str) -> Result<Option<u64>, DecodeError> {
        if self.is_absent()? {
            return Ok(None);
        }
        let invalid = |_| DecodeError::Invalid(field);
        if !matches!(self.peek()?, Type::F16 | Type::F32 | Type::F64) {
            let value = self.cbor.u64().map_err(invalid)?;
            return if value <= SAFE_INTEGER_MAX {
                Ok(Some(value))
            } else {
                Err(DecodeError::Invalid(field))
            };
        }
        let value = self.cbor.f64().map_err(invalid)?;
        if value.fract() != 0.0 || !(0.0..=SAFE_INTEGER_MAX as f64).contains(&value) {
            return Err(DecodeError::Invalid(field));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the line above leaves whole numbers from 0 to 2^53 - 1"
        )]
        Ok(Some(value as u64))
    }

    pub(super) fn boolean(&mut self, field: &'static str) -> Result<Option<bool>, DecodeError> {
        if self.is_absent()? {
            return Ok(None);
        }
        self.cbor.bool().map(Some).map_err(|_| DecodeError::Invalid(field))
    }

    /// A list of texts; absent ones are left out, an absent list is empty.
    pub(super) fn texts(
        &mut self,
        field: &'static str,
        length_max: usize,
    ) -> Result<Vec<Cow<'a, str>>, DecodeError> {
        let mut texts = Vec::new();
        if self.is_absent()? {
            return Ok(texts);
        }
        let length = self.cbor.array().map_err(|_| DecodeError::Invalid(field))?;
        self.items(length, |reader| {
            if texts.len() == length_max {
                return Err(DecodeError::Invalid(field));
            }
            texts.extend(reader.text(field)?);
            Ok(())
        })?;
        Ok(texts)
    }

    /// A map with texts as keys; an absent one has no entries.
    pub(super) fn map(
        &mut self,
        field: &'static str,
        mut entry: impl FnMut(Cow<'a, str>, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if self.is_absent()? {
            return Ok(());
        }
        let length = self.cbor.map().map_err(|_| DecodeError::Invalid(field))?;
        self.items(length, |reader| {
            reader.untag()?;
            let key = reader.pieces_of_text().map_err(|_| DecodeError::NotAMap)?;
            entry(key, reader)
        })
    }

    /// Passes over one item of any type.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        self.skip_at(0)
    }

    /// The library's own `skip` has no bound on nesting.
    fn skip_at(&mut self, depth: usize) -> Result<(), DecodeError> {
        if depth > NESTING_MAX {
            return Err(DecodeError::Malformed);
        }
        let malformed = |_| DecodeError::Malformed;
        let kind = self.peek()?;
        if matches!(kind, Type::Array | Type::ArrayIndef) {
            let length = self.cbor.array().map_err(malformed)?;
            self.items(length, |reader| reader.skip_at(depth + 1))
        } else if matches!(kind, Type::Map | Type::MapIndef) {
            let length = self.cbor.map().map_err(malformed)?;
            self.items(length, |reader| {
                reader.skip_at(depth + 1)?;
                reader.skip_at(depth + 1)
            })
        } else if kind == Type::Tag {
            self.cbor.tag().map_err(malformed)?;
            self.skip_at(depth + 1)
        } else if kind == Type::Break {
            Err(DecodeError::Malformed)
        } else {
            self.cbor.skip().map_err(malformed)
        }
    }

    /// Runs `item` `length` times, or up to the break of an indefinite length.
    fn items(
        &mut self,
        length: Option<u64>,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if let Some(length) = length {
            return (0..length).try_for_each(|_| item(self));
        }
        while self.peek()? != Type::Break {
            item(self)?;
        }
        let after_break = self.cbor.position() + 1;
        self.cbor.set_position(after_break);
        Ok(())
    }

    /// Whether the item is absent in all but name: `null` or `undefined`; consumes it then, and its tags in
    /// any case.
    fn is_absent(&mut self) -> Result<bool, DecodeError> {
        self.untag()?;
        let is_absent = matches!(self.peek()?, Type::Null | Type::Undefined);
        if is_absent {
            self.skip()?;
        }
        Ok(is_absent)
    }

    /// Tags (typed arrays, dates) say nothing that matters here.
    fn untag(&mut self) -> Result<(), DecodeError> {
        for _ in 0..NESTING_MAX {
            if self.peek()? != Type::Tag {
                return Ok(());
            }
            self.cbor.tag().map_err(|_| DecodeError::Malformed)?;
        }
        Err(DecodeError::Malformed)
    }

    fn pieces_of_text(&mut self) -> Result<Cow<'a, str>, minicbor::decode::Error> {
        if self.cbor.datatype()? != Type::StringIndef {
            return self.cbor.str().map(Cow::Borrowed);
        }
        self.cbor.str_iter()?.collect::<Result<String, _>>().map(Cow::Owned)
    }

    fn peek(&self) -> Result<Type, DecodeError> {
        self.cbor.datatype().map_err(|_| DecodeError::Malformed)
    }
}

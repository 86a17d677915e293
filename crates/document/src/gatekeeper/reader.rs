//! Reads bytes front to back and refuses numbers that are not in their shortest form.

use tiebreak_protocol::Refusal;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Refusal> {
        let (byte, rest) = self.rest.split_first().ok_or(Refusal::MalformedChange)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Takes `length` bytes; the length may be a claim, so it is compared before it is believed.
    pub(crate) fn take(&mut self, length: u64) -> Result<&'a [u8], Refusal> {
        let length = usize::try_from(length).map_err(|_| Refusal::MalformedChange)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Refusal::MalformedChange)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn length_prefixed(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.unsigned()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Refusal> {
        std::str::from_utf8(self.length_prefixed()?).map_err(|_| Refusal::MalformedChange)
    }

    /// An unsigned LEB128 number of at most 64 bits.
    pub(crate) fn unsigned(&mut self) -> Result<u64, Refusal> {
        let mut value = 0_u64;
        let mut shift = 0_u32;
        loop {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Refusal::MalformedChange);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let overlong = byte == 0 && shift > 0;
                return if overlong { Err(Refusal::NotCanonical) } else { Ok(value) };
            }
            shift += 7;
        }
    }

    /// A signed LEB128 number of at most 64 bits.
    pub(crate) fn signed(&mut self) -> Result<i64, Refusal> {
        let mut value = 0_i64;
        let mut shift = 0_u32;
        let mut previous = 0_u8;
        loop {
            let byte = self.byte()?;
            // Of the tenth byte only the sign bit fits; the rest must repeat it.
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(Refusal::MalformedChange);
            }
            value |= i64::from(byte & 0x7f) << shift;
            let negative = byte & 0x40 != 0;
            if byte & 0x80 == 0 {
                let repeats_sign = match byte {
                    0 => previous & 0x40 == 0,
                    0x7f => previous & 0x40 != 0,
                    _ => false,
                };
                if shift > 0 && repeats_sign {
                    return Err(Refusal::NotCanonical);
                }
                if negative && shift < 57 {
                    value |= -1_i64 << (shift + 7);
                }
                return Ok(value);
            }
            previous = byte;
            shift += 7;
        }
    }
}

/// The shortest unsigned LEB128 form, as [`Reader::unsigned`] wants it.
pub(crate) fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_shortest_form_only() {
        let unsigned = |bytes: &[u8]| Reader::new(bytes).unsigned();
        assert_eq!(unsigned(&[0]), Ok(0));
        assert_eq!(unsigned(&[0xff, 0x7f]), Ok(16383));
        assert_eq!(unsigned(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Ok(u64::MAX));
        assert_eq!(unsigned(&[0x81, 0]), Err(Refusal::NotCanonical));
        assert_eq!(unsigned(&[0x81]), Err(Refusal::MalformedChange));
        assert_eq!(unsigned(&[0x81; 12]), Err(Refusal::MalformedChange));
        assert_eq!(
            unsigned(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
            Err(Refusal::MalformedChange)
        );
        let signed = |bytes: &[u8]| Reader::new(bytes).signed();
        assert_eq!(signed(&[0x7f]), Ok(-1));
        assert_eq!(signed(&[0x40]), Ok(-64));
        assert_eq!(signed(&[0x80, 0x40]), Ok(-8192));
        assert_eq!(signed(&[0x80, 0x01]), Ok(128));
        assert_eq!(signed(&[0xbf, 0]), Err(Refusal::NotCanonical));
        assert_eq!(signed(&[0x81, 0xff, 0x7f]), Err(Refusal::NotCanonical));
        assert_eq!(signed(&[0x80; 12]), Err(Refusal::MalformedChange));
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(signed(&max), Ok(i64::MAX));
        let min = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f];
        assert_eq!(signed(&min), Ok(i64::MIN));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [0, 1, 127, 128, 300, 1 << 31, u64::MAX] {
            let mut bytes = Vec::new();
            write_unsigned(value, &mut bytes);
            assert_eq!(Reader::new(&bytes).unsigned(), Ok(value));
        }
    }
}

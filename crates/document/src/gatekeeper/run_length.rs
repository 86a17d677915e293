//! Cursors over run-length encoded columns, which refuse all but the one encoding that the library writes.

use super::reader::Reader;
use tiebreak_protocol::Refusal;

/// A value that stands in a run-length encoded column.
pub(crate) trait Item<'a>: Copy + PartialEq {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal>;
}

impl Item<'_> for u64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        reader.unsigned()
    }
}

impl Item<'_> for i64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        reader.signed()
    }
}

impl<'a> Item<'a> for &'a str {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal> {
        reader.text()
    }
}

#[derive(Debug, Clone, Copy)]
enum Run<T> {
    Start,
    Repeat(T),
    Literal,
    Null,
}

/// A column of optional values. An absent (empty) column is all nulls.
///
/// Canonical means: equal neighbours share a repeat run, different ones a literal run, nulls a null
/// run, and a column of nothing but nulls is absent.
#[derive(Debug, Clone)]
pub(crate) struct RunLength<'a, T> {
    reader: Reader<'a>,
    run: Run<T>,
    left: u64,
    /// The value just before, unless it was a null.
    previous: Option<T>,
    absent: bool,
    holds_value: bool,
}

impl<'a, T: Item<'a>> RunLength<'a, T> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        let absent = bytes.is_empty();
        Self {
            reader: Reader::new(bytes),
            run: Run::Start,
            left: 0,
            previous: None,
            absent,
            holds_value: false,
        }
    }

    /// The value of the next row.
    pub(crate) fn next(&mut self) -> Result<Option<T>, Refusal> {
        if self.absent {
            return Ok(None);
        }
        if self.left == 0 {
            self.open_run()?;
        }
        self.left -= 1;
        match self.run {
            Run::Repeat(value) => Ok(Some(value)),
            Run::Literal => self.read_literal().map(Some),
            Run::Start | Run::Null => Ok(None),
        }
    }

    /// The value of the next row in a column without nulls.
    pub(crate) fn next_value(&mut self) -> Result<T, Refusal> {
        self.next()?.ok_or(Refusal::MalformedChange)
    }

    /// Ends the walk: no row may be left over.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        if self.left != 0 || !self.reader.is_empty() {
            return Err(Refusal::MalformedChange);
        }
        if !self.absent && !self.holds_value {
            return Err(Refusal::NotCanonical);
        }
        Ok(())
    }

    /// Adds up the runs of a column without nulls; stops as soon as there are more than `rows_max`.
    pub(crate) fn count_rows(mut self, rows_max: u64) -> Result<u64, Refusal> {
        let mut rows = 0_u64;
        while !self.reader.is_empty() {
            self.open_run()?;
            rows = rows.saturating_add(self.left);
            if rows > rows_max {
                return Err(Refusal::TooManyOperations);
            }
            if matches!(self.run, Run::Null) {
                return Err(Refusal::MalformedChange);
            }
            if matches!(self.run, Run::Literal) {
                for _ in 0..self.left {
                    self.read_literal()?;
                }
            }
        }
        Ok(rows)
    }

    fn open_run(&mut self) -> Result<(), Refusal> {
        let length = self.reader.signed()?;
        let after = self.run;
        if length > 0 {
            let value = T::read(&mut self.reader)?;
            if length == 1 || self.previous == Some(value) {
                return Err(Refusal::NotCanonical);
            }
            self.run = Run::Repeat(value);
            self.previous = Some(value);
            self.holds_value = true;
            self.left = length.unsigned_abs();
        } else if length < 0 {
            if matches!(after, Run::Literal) {
                return Err(Refusal::NotCanonical);
            }
            self.run = Run::Literal;
            self.holds_value = true;
            self.left = length.unsigned_abs();
        } else {
            let nulls = self.reader.unsigned()?;
            if nulls == 0 || matches!(after, Run::Null) {
                return Err(Refusal::NotCanonical);
            }
            self.run = Run::Null;
            self.previous = None;
            self.left = nulls;
        }
        Ok(())
    }

    fn read_literal(&mut self) -> Result<T, Refusal> {
        let value = T::read(&mut self.reader)?;
        if self.previous == Some(value) {
            return Err(Refusal::NotCanonical);
        }
        self.previous = Some(value);
        Ok(value)
    }
}

/// A column of optional counters, kept as differences to the counter before.
#[derive(Debug, Clone)]
pub(crate) struct Delta<'a> {
    differences: RunLength<'a, i64>,
    value: i64,
}

impl<'a> Delta<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { differences: RunLength::new(bytes), value: 0 }
    }

    pub(crate) fn next(&mut self) -> Result<Option<u64>, Refusal> {
        let Some(difference) = self.differences.next()? else { return Ok(None) };
        self.value = self.value.checked_add(difference).ok_or(Refusal::MalformedChange)?;
        u64::try_from(self.value).map(Some).map_err(|_| Refusal::MalformedChange)
    }

    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        self.differences.finish()
    }
}

/// A column of flags: lengths of runs that alternate, beginning with the unset ones.
#[derive(Debug, Clone)]
pub(crate) struct Flags<'a> {
    reader: Reader<'a>,
    run: FlagRun,
    left: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FlagRun {
    Start,
    FirstUnset,
    Unset,
    Set,
}

impl<'a> Flags<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { reader: Reader::new(bytes), run: FlagRun::Start, left: 0 }
    }

    pub(crate) fn next(&mut self) -> Result<bool, Refusal> {
        while self.left == 0 {
            self.open_run()?;
        }
        self.left -= 1;
        Ok(self.run == FlagRun::Set)
    }

    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        if self.left == 0 && self.reader.is_empty() { Ok(()) } else { Err(Refusal::MalformedChange) }
    }

    /// Whether no flag is set in what was walked so far.
    pub(crate) fn all_unset(&self) -> bool {
        matches!(self.run, FlagRun::Start | FlagRun::FirstUnset)
    }

    fn open_run(&mut self) -> Result<(), Refusal> {
        self.left = self.reader.unsigned()?;
        self.run = match self.run {
            FlagRun::Start => FlagRun::FirstUnset,
            FlagRun::FirstUnset | FlagRun::Unset => FlagRun::Set,
            FlagRun::Set => FlagRun::Unset,
        };
        // Only the first run may be empty: it says that the column begins with a set flag.
        if self.left == 0 && self.run != FlagRun::FirstUnset {
            return Err(Refusal::NotCanonical);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(bytes: &[u8], rows: usize) -> Result<Vec<Option<u64>>, Refusal> {
        let mut column = RunLength::<u64>::new(bytes);
        let values = (0..rows).map(|_| column.next()).collect::<Result<_, _>>()?;
        column.finish().map(|()| values)
    }

    #[test]
    fn runs_literals_and_nulls_are_walked() {
        assert_eq!(walk(&[], 2), Ok(vec![None, None]));
        assert_eq!(walk(&[2, 9, 0x7f, 8, 0, 1], 4), Ok(vec![Some(9), Some(9), Some(8), None]));
        assert_eq!(walk(&[0x7f, 9, 0, 1, 0x7f, 9], 3), Ok(vec![Some(9), None, Some(9)]));
    }

    #[test]
    fn other_encodings_of_the_same_values_are_not_canonical() {
        for (bytes, rows) in [
            (&[1, 9][..], 1),
            (&[0x7e, 9, 9], 2),
            (&[0x7f, 9, 0x7f, 8], 2),
            (&[0x7f, 9, 2, 9], 3),
            (&[2, 9, 2, 9], 4),
            (&[2, 9, 0x7f, 9], 3),
            (&[0, 1, 0, 1, 0x7f, 9], 3),
            (&[0, 0, 0x7f, 9], 1),
            (&[0, 2], 2),
        ] {
            assert_eq!(walk(bytes, rows), Err(Refusal::NotCanonical), "{bytes:?}");
        }
    }

    #[test]
    fn rows_must_be_exactly_as_many_as_asked_for() {
        assert_eq!(walk(&[2, 9], 1), Err(Refusal::MalformedChange));
        assert_eq!(walk(&[2, 9], 3), Err(Refusal::MalformedChange));
        assert_eq!(walk(&[0x7e, 9], 2), Err(Refusal::MalformedChange));
    }

    #[test]
    fn rows_are_counted_without_walking_repeat_runs() {
        let count = |bytes: &[u8], max| RunLength::<u64>::new(bytes).count_rows(max);
        assert_eq!(count(&[0xc0, 0x84, 0x3d, 1], 10_000), Err(Refusal::TooManyOperations));
        assert_eq!(count(&[2, 9, 0x7f, 8], 3), Ok(3));
        assert_eq!(count(&[2, 9, 0x7f, 8], 2), Err(Refusal::TooManyOperations));
        assert_eq!(count(&[], 0), Ok(0));
    }

    #[test]
    fn flags_alternate_and_only_the_first_run_may_be_empty() {
        let walk = |bytes: &[u8], rows: usize| {
            let mut flags = Flags::new(bytes);
            let values = (0..rows).map(|_| flags.next()).collect::<Result<Vec<_>, _>>()?;
            flags.finish().map(|()| values)
        };
        assert_eq!(walk(&[0, 2, 1], 3), Ok(vec![true, true, false]));
        assert_eq!(walk(&[1, 1], 2), Ok(vec![false, true]));
        assert_eq!(walk(&[1, 0, 1], 2), Err(Refusal::NotCanonical));
        assert_eq!(walk(&[1, 1, 0], 2), Err(Refusal::MalformedChange));
        assert_eq!(walk(&[2], 3), Err(Refusal::MalformedChange));
    }
}

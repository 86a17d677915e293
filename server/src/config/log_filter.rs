//! Which log lines are written.

use std::fmt;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// The CRDT library writes out every column of every change it reads, and logs hostile bytes as its own
/// errors: a tenth of a busy server's time, for nothing that the server does not say itself.
const QUIET_TARGETS: &str = "automerge=off";

/// Directives that are known to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter, with the targets quiet that are of no use unless they are asked for.
    ///
    /// # Errors
    /// When the directives are not well-formed.
    pub(crate) fn filter(&self) -> Result<EnvFilter, ParseError> {
        EnvFilter::try_new(format!("{QUIET_TARGETS},{}", self.0))
    }
}

impl FromStr for LogFilter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let filter = Self(text.to_owned());
        filter.filter().map(|_filter| filter)
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

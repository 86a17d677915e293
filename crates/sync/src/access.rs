//! Whose connection it is, and what it may do with one document. Decided elsewhere, by the one function that decides
//! it for every door; here it is obeyed.

use std::time::Duration;
use tiebreak_document::Writer;
use tiebreak_protocol::{AccountId, DeviceId};

/// What one session may do with one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// There is no such document as far as anybody knows: whoever writes first owns it.
    Creates,
    Reads,
    /// But for what the document's kind leaves to owners.
    Writes,
    Owns,
}

impl Access {
    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Writes | Self::Owns)
    }

    /// As whom its changes are judged.
    pub(crate) const fn writer(self) -> Writer {
        match self {
            // Whoever makes a document owns it.
            Self::Creates | Self::Owns => Writer::Owner,
            Self::Reads | Self::Writes => Writer::Editor,
        }
    }
}

/// How a connection is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Everybody who gets here may do everything.
    Open,
    /// Its upgrade said whose it is.
    Known(Identity),
    /// Its first message must say it.
    Wanted,
}

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub account: AccountId,
    /// `None` for services, which have keys instead of devices.
    pub device: Option<DeviceId>,
    /// When the token that said so is over, on the clock of [`Moment::elapsed`](crate::Moment::elapsed). `None`: never.
    pub until: Option<Duration>,
}

impl Identity {
    /// Whether the same device of the same account speaks.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (self.account, self.device) == (other.account, other.device)
    }
}

//! What an app is told of the connection.

use std::time::Duration;

/// Where the connection to the server stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nobody asked for a connection, or it was given up by request.
    #[default]
    Offline,
    /// A try is under way; `attempt` counts those before it that failed in a row.
    Connecting {
        attempt: u32,
    },
    Connected,
    /// The connection was lost or not made; the next try is due after `retry_in`, as drawn when the wait began.
    Waiting {
        retry_in: Duration,
        attempt: u32,
    },
    /// The server does not take the token, even a fresh one, or there is none: sign in, then connect again.
    Unauthorized {
        reason: String,
    },
    /// The server wants this client to stop coming: it would answer the same again.
    Rejected {
        code: u16,
        reason: String,
    },
}

impl ConnectionState {
    /// Whether the client has given up until somebody connects it again.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Offline | Self::Unauthorized { .. } | Self::Rejected { .. })
    }
}

/// Why a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenReason {
    /// The first connection since the app asked for one.
    Initial,
    /// The connection is to be made again.
    Retry,
    /// The server said that the last token is bad or has expired: bring a new one, not a cached one.
    Expired,
}

/// How a connection, or a try at one, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server closed it with this WebSocket close code.
    Closed { code: u16, reason: String },
    /// The server answered the upgrade with this HTTP status.
    Refused { status: u16 },
    /// It broke, or was never made.
    Broken { reason: String },
}

/// What follows from an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The token is bad or has expired.
    Expired {
        reason: String,
    },
    /// Coming back unchanged is of no use.
    Stop {
        code: u16,
        reason: String,
    },
    Retry {
        reason: String,
    },
}

impl End {
    /// 4401 and 401 ask for a token; 44xx, and the few HTTP answers that stand for good, mean stop; all else passes.
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Closed { code: 4401, reason } => Verdict::Expired { reason },
            Self::Closed { code: code @ 4400..4500, reason } => Verdict::Stop { code, reason },
            Self::Closed { code, reason } => {
                Verdict::Retry { reason: format!("closed with {code}: {reason}") }
            }
            Self::Refused { status: 401 } => {
                Verdict::Expired { reason: "the server answered 401".to_owned() }
            }
            // Forbidden, gone, another protocol wanted: these stand.
            Self::Refused { status: status @ (403 | 410 | 426) } => Verdict::Stop {
                code: status,
                reason: format!("the server answered the upgrade to a WebSocket with status {status}"),
            },
            // Whoever else answers may not be the server: a hotel's network, a proxy in the middle of a rollout.
            Self::Refused { status } => Verdict::Retry { reason: format!("the server answered {status}") },
            Self::Broken { reason } => Verdict::Retry { reason },
        }
    }
}

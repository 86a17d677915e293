//! State machines without I/O, clock or randomness. On a server, [`Session`] holds one conversation with a peer and
//! [`Room`] owns one open document; on a client, [`Link`] makes and keeps the connection, and [`Replica`] owns a
//! document. Inputs go in, effects come out; a driver performs them.

pub mod access;
mod checked;
pub mod link;
mod rate;
pub mod replica;
pub mod room;
pub mod roster;
pub mod session;

pub use link::Link;
pub use replica::Replica;
pub use room::Room;
pub use roster::Roster;
pub use session::Session;

use std::time::Duration;

/// One authenticated conversation on a connection; unique within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// The driver's clocks at the time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic time since the driver started: deadlines and rates.
    pub elapsed: Duration,
    /// Milliseconds since the Unix epoch: labels for people, never an order.
    pub unix_ms: i64,
}

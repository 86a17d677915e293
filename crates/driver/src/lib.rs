//! What the drivers of a server's rooms and of a client's replicas share: clocks, and what a room wants of a store.

mod clock;
mod compactor;
mod room_store;

pub use clock::{Clock, unix_ms};
pub use compactor::Compactor;
pub use room_store::{NewChanges, RoomStore, refusal};

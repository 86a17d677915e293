//! Connections: messages stay in order, and what is on its way when one is cut arrives as far as it got.

use crate::dice::Dice;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;

/// One WebSocket message.
#[derive(Debug, Clone)]
pub(super) enum Parcel {
    Binary(Bytes),
    Ping,
    Pong,
}

/// Which way a half-open connection swallows everything. Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Swallows {
    pub(super) to_server: bool,
    pub(super) to_device: bool,
}

/// One device's way to the server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) device: usize,
    pub(super) to_server: VecDeque<Parcel>,
    pub(super) to_device: VecDeque<Parcel>,
    pub(super) swallows: Swallows,
    /// The device has not let go of its end.
    pub(super) has_device: bool,
    /// The server has not let go of its end.
    pub(super) has_server: bool,
    /// When the server last heard anything of it.
    pub(super) heard_at: Duration,
    pub(super) pinged_at: Duration,
}

impl Connection {
    pub(super) fn new(device: usize, now: Duration) -> Self {
        Self {
            device,
            to_server: VecDeque::new(),
            to_device: VecDeque::new(),
            swallows: Swallows::default(),
            has_device: true,
            has_server: true,
            heard_at: now,
            pinged_at: now,
        }
    }

    pub(super) fn send_to_server(&mut self, parcel: Parcel) {
        if !self.swallows.to_server {
            self.to_server.push_back(parcel);
        }
    }

    pub(super) fn send_to_device(&mut self, parcel: Parcel) {
        if !self.swallows.to_device && self.has_device {
            self.to_device.push_back(parcel);
        }
    }

    /// Whether one end takes it for something that it is not.
    pub(super) fn is_half_open(&self) -> bool {
        self.swallows.to_server || self.swallows.to_device || !self.has_server || !self.has_device
    }

    /// From now on everything one way, or both ways, gets lost, and what is on its way too.
    pub(super) fn swallow(&mut self, dice: &mut Dice) {
        let which = dice.below(3);
        self.swallows = Swallows { to_server: which != 0, to_device: which != 1 };
        if self.swallows.to_server {
            self.to_server.clear();
        }
        if self.swallows.to_device {
            self.to_device.clear();
        }
    }
}

/// Of messages on their way when the connection is cut after some byte, those that arrive whole.
pub(super) fn arriving(parcels: VecDeque<Parcel>, dice: &mut Dice) -> Vec<Parcel> {
    let bytes = |parcel: &Parcel| match parcel {
        Parcel::Binary(bytes) => bytes.len() as u64,
        Parcel::Ping | Parcel::Pong => 2,
    };
    let total: u64 = parcels.iter().map(bytes).sum();
    let cut_at = dice.below(total + 1);
    let mut end = 0;
    let arrives = |parcel: &Parcel| {
        end += bytes(parcel);
        end <= cut_at
    };
    parcels.into_iter().take_while(arrives).collect()
}

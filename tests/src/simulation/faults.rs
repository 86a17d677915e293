//! What goes wrong, and how.

use super::{Device, World};
use std::time::Duration;
use tiebreak_sync::link::Input;

/// What may go wrong, each once in so many steps; 0: never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// A connection is cut: of what is on its way, each direction loses all from some byte on.
    pub cut: u64,
    /// A connection of an SDK device swallows everything, one way or both, without a word.
    pub half_open: u64,
    /// The server is killed.
    pub kill: u64,
    /// The app of an SDK device is killed.
    pub kill_app: u64,
    /// A write of the server fails.
    pub failed_write: u64,
    /// A read or a write of an SDK device's disk fails.
    pub failed_device_write: u64,
    /// A message from a device arrives twice, or swapped with the one before it.
    pub disorder: u64,
    /// The server is restored from the backup it made some time before.
    pub restore: u64,
    /// The wall clock jumps, or everybody sleeps for hours.
    pub clock_jump: u64,
}

impl Faults {
    /// A good day.
    pub const NONE: Self = Self {
        cut: 0,
        half_open: 0,
        kill: 0,
        kill_app: 0,
        failed_write: 0,
        failed_device_write: 0,
        disorder: 0,
        restore: 0,
        clock_jump: 0,
    };
}

impl World {
    pub(super) fn break_something(&mut self) {
        let faults = self.plan.faults;
        if self.happens(faults.cut)
            && let Some(unlucky) = self.some_connection()
        {
            self.cut(unlucky);
        }
        if self.happens(faults.half_open)
            && let Some(unlucky) = self.some_connection()
            && let Some(connection) = self.connections.get_mut(&unlucky)
            && matches!(self.devices[connection.device], Device::Sdk(_))
        {
            connection.swallow(&mut self.dice);
        }
        if self.happens(faults.kill_app) {
            self.kill_app();
        }
        if self.happens(faults.clock_jump) {
            self.jump();
        }
        let restored = self.happens(faults.restore);
        if self.happens(faults.restore) {
            self.server.back_up();
        }
        if restored || self.happens(faults.kill) {
            self.kill_server();
        }
        if restored {
            self.server.restore();
            self.note_unaware();
        }
    }

    fn happens(&mut self, times: u64) -> bool {
        times > 0 && self.dice.one_in(times)
    }

    fn some_connection(&mut self) -> Option<u64> {
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[self.dice.below(ids.len() as u64) as usize])
    }

    fn kill_app(&mut self) {
        let index = self.dice.below(self.devices.len() as u64) as usize;
        self.drop_device_end(index);
        let Device::Sdk(sdk) = &mut self.devices[index] else { return };
        let forgot = sdk.kill(self.now, &mut self.dice);
        self.grant_wishes(index);
        if forgot && self.plan.faults.restore > 0 {
            self.note_unaware();
        }
    }

    /// Apps that run on are cut off, and hear of it where their connection is sound.
    fn kill_server(&mut self) {
        self.server.kill(&mut self.dice);
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.drop_server_end(id);
        }
    }

    /// Somebody's laptop is opened again, or the clock is set.
    fn jump(&mut self) {
        self.now.unix_ms += self.dice.below(1 << 40) as i64 - (1 << 39);
        if self.dice.one_in(4) {
            self.now.elapsed += Duration::from_secs(self.dice.below(12 * 3600));
            self.pass_deadlines();
        }
        let index = self.dice.below(self.devices.len() as u64) as usize;
        let Device::Sdk(sdk) = &mut self.devices[index] else { return };
        match self.dice.below(3) {
            0 => sdk.input(self.now, Input::NetworkChanged),
            1 => {
                sdk.input(self.now, Input::Disconnect);
                self.grant_wishes(index);
                let Device::Sdk(sdk) = &mut self.devices[index] else { return };
                sdk.input(self.now, Input::Connect);
            }
            _ => {}
        }
        self.grant_wishes(index);
    }
}

//! Many devices, one server, a bad network and bad disks, in virtual time.
//!
//! The server's side is the real `Session` and `Room`. Devices are of two sorts: stock ones are the CRDT library's
//! own sync protocol, driven as automerge-repo drives it; SDK ones are the real `Link`, `Roster` and `Replica`, driven
//! as the Rust client drives them. Between them stand ordered connections that are cut at any byte or swallow
//! everything unseen, a server and apps that are killed at any step, clocks that jump, and stores whose writes take
//! time, fail, and may or may not have happened when somebody dies in the middle of one.

mod checks;
mod disk;
mod faults;
mod network;
mod sdk_device;
mod server;
mod stock_device;
mod traffic;

pub use faults::Faults;

use crate::dice::Dice;
use network::Connection;
use sdk_device::{DiskLuck, SdkDevice};
use server::Server;
use std::collections::BTreeMap;
use std::time::Duration;
use stock_device::StockDevice;
use tiebreak_protocol::DocumentId;
use tiebreak_sync::Moment;

/// The size of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Devices with the library's own sync.
    pub stock_devices: usize,
    /// Devices with the SDK's machines.
    pub sdk_devices: usize,
    /// Documents that an SDK device has on a connection at once.
    pub places: usize,
    pub documents: usize,
    pub steps: usize,
    pub faults: Faults,
}

/// Steps after which a healed world must have come to rest.
const REST_STEPS_MAX: usize = 200_000;

/// A device of either sort.
#[derive(Debug)]
enum Device {
    Stock(Box<StockDevice>),
    Sdk(Box<SdkDevice>),
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    dice: Dice,
    plan: Plan,
    now: Moment,
    devices: Vec<Device>,
    server: Server,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    documents: Vec<DocumentId>,
    /// Devices that could not know yet, of a document, that the server was restored: with the connection by which
    /// they were told what it lacks now.
    unaware: BTreeMap<(usize, DocumentId), (u32, u64)>,
}

impl World {
    pub fn new(seed: u64, plan: Plan) -> Self {
        let documents: Vec<_> =
            (0..plan.documents).map(|n| DocumentId::from_bytes([n as u8 + 1; 16])).collect();
        let now = Moment { elapsed: Duration::ZERO, unix_ms: 1_700_000_000_000 };
        let stock = (0..plan.stock_devices).map(|index| Device::Stock(Box::new(StockDevice::new(index))));
        let sdk = (0..plan.sdk_devices).map(|n| {
            let index = plan.stock_devices + n;
            Device::Sdk(Box::new(SdkDevice::new(index, plan.places, documents.clone(), now)))
        });
        Self {
            dice: Dice::new(seed),
            plan,
            now,
            devices: stock.chain(sdk).collect(),
            server: Server::new(),
            connections: BTreeMap::new(),
            next_connection: 1,
            documents,
            unaware: BTreeMap::new(),
        }
    }

    /// Runs the plan with its faults, heals, and checks that everybody ends with everything.
    ///
    /// # Panics
    /// When a promise is broken.
    pub fn run(mut self) {
        for _ in 0..self.plan.steps {
            self.step();
            self.check_status();
            self.break_something();
            self.check_status();
        }
        self.heal();
        self.rest();
        // What gave up its place was not told of what others wrote later, until the next connection.
        if self.plan.places < self.plan.documents {
            self.cut_all();
            self.rest();
        }
        self.check_convergence();
        self.check_calm();
    }

    fn step(&mut self) {
        self.now.elapsed += Duration::from_millis(self.dice.below(50));
        self.now.unix_ms += 1;
        match self.dice.below(10) {
            0 | 1 => self.edit(),
            2 => self.connect_somebody(),
            3 => self.pass_time(),
            _ => drop(self.move_something()),
        }
    }

    fn edit(&mut self) {
        let device = self.dice.below(self.devices.len() as u64) as usize;
        let document = self.documents[self.dice.below(self.documents.len() as u64) as usize];
        match &mut self.devices[device] {
            Device::Stock(stock) => {
                stock.edit(document, &mut self.dice);
                self.speak(device, document);
            }
            Device::Sdk(sdk) => {
                sdk.edit(self.now, document);
                if self.dice.one_in(3) {
                    sdk.release_all();
                }
            }
        }
    }

    fn pass_time(&mut self) {
        let most = if self.dice.one_in(10) { 20_000 } else { 2_000 };
        self.now.elapsed += Duration::from_millis(self.dice.below(most));
        self.pass_deadlines();
    }

    fn pass_deadlines(&mut self) {
        self.server.pass_deadlines(self.now);
        self.collect_from_server();
        for index in 0..self.devices.len() {
            if let Device::Sdk(sdk) = &mut self.devices[index] {
                sdk.pass_deadlines(self.now);
                self.grant_wishes(index);
            }
        }
        self.keep_connections_alive();
    }

    /// From here on nothing goes wrong. Connections that live go on living, so that one which has come to a
    /// stand shows; only where messages were repeated and swapped, which no WebSocket does, all begin afresh.
    fn heal(&mut self) {
        let was_disordered = self.plan.faults.disorder > 0;
        self.plan.faults = Faults::NONE;
        if was_disordered {
            self.cut_all();
        }
        for device in &mut self.devices {
            if let Device::Sdk(sdk) = device {
                sdk.release_all();
            }
        }
        self.connect_stock_devices();
    }

    fn cut_all(&mut self) {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.cut(id);
        }
    }

    /// Runs until nothing moves any more: no message, no write, and nobody about to try again.
    fn rest(&mut self) {
        for _ in 0..REST_STEPS_MAX {
            self.now.elapsed += Duration::from_millis(1);
            let moved = self.move_something();
            self.check_status();
            self.connect_stock_devices();
            if !moved && !self.skip_to_recovery() {
                return;
            }
        }
        panic!("the world does not come to rest: somebody repeats itself for ever");
    }

    /// While an SDK device is about to try something again, or a connection is not what it seems, time goes on.
    fn skip_to_recovery(&mut self) -> bool {
        let is_recovering = self.sdk_devices().any(SdkDevice::is_recovering);
        let is_half_open = self.connections.values().any(Connection::is_half_open);
        if !is_recovering && !is_half_open {
            return false;
        }
        let next = self.sdk_devices().filter_map(SdkDevice::deadline).min();
        self.now.elapsed = self.now.elapsed.max(next.unwrap_or_default());
        self.pass_deadlines();
        true
    }

    fn sdk_devices(&self) -> impl Iterator<Item = &SdkDevice> {
        self.devices.iter().filter_map(|device| match device {
            Device::Sdk(sdk) => Some(&**sdk),
            Device::Stock(_) => None,
        })
    }

    const fn luck(&self) -> DiskLuck {
        DiskLuck { failed_write: self.plan.faults.failed_device_write }
    }
}

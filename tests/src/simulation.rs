//! Many devices, one server, a bad network and a bad disk, in virtual time.
//!
//! The server's side is the real `Session` and `Room`; the devices are the CRDT library's own sync
//! protocol, driven as automerge-repo drives it. Between them stand ordered connections that are cut at
//! any message, a server that is killed at any step, and a store whose writes take time, fail, and may or
//! may not have happened when the server dies in the middle of one.

mod device;
mod server;

use crate::dice::Dice;
use bytes::Bytes;
use device::Device;
use server::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{ChangeHash, DocumentId, Frame};
use tiebreak_sync::Moment;

/// What may go wrong, each once in so many steps; 0: never.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub cut: u64,
    pub kill: u64,
    pub failed_write: u64,
    /// A message from a device arrives twice, or swapped with the one before it.
    pub disorder: u64,
    /// The server is restored from the backup it made some time before.
    pub restore: u64,
}

impl Faults {
    /// A good day.
    pub const NONE: Self = Self { cut: 0, kill: 0, failed_write: 0, disorder: 0, restore: 0 };
}

/// The size of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub devices: usize,
    pub documents: usize,
    pub steps: usize,
    pub faults: Faults,
}

/// Steps after which a healed world must have come to rest.
const REST_STEPS_MAX: usize = 200_000;

/// One device's way to the server; messages stay in order.
#[derive(Debug)]
struct Connection {
    device: usize,
    to_server: std::collections::VecDeque<Bytes>,
    to_device: std::collections::VecDeque<Bytes>,
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
}

impl World {
    pub fn new(seed: u64, plan: Plan) -> Self {
        let documents = (0..plan.documents).map(|n| DocumentId::from_bytes([n as u8 + 1; 16])).collect();
        Self {
            dice: Dice::new(seed),
            plan,
            now: Moment { elapsed: Duration::ZERO, unix_ms: 0 },
            devices: (0..plan.devices).map(Device::new).collect(),
            server: Server::new(),
            connections: BTreeMap::new(),
            next_connection: 1,
            documents,
        }
    }

    /// Runs the plan with its faults, heals, and checks that everybody ends with everything.
    ///
    /// # Panics
    /// When a promise is broken.
    pub fn run(mut self) {
        for _ in 0..self.plan.steps {
            self.step();
            self.break_something();
        }
        self.heal();
        self.rest();
        self.check_convergence();
    }

    fn step(&mut self) {
        self.now.elapsed += Duration::from_millis(self.dice.below(50));
        self.now.unix_ms += 1;
        match self.dice.below(10) {
            0 | 1 => self.edit(),
            2 => self.connect_somebody(),
            3 => self.pass_time(),
            _ => {
                self.move_something();
            }
        }
    }

    fn edit(&mut self) {
        let device = self.dice.below(self.devices.len() as u64) as usize;
        let document = self.documents[self.dice.below(self.documents.len() as u64) as usize];
        let device = &mut self.devices[device];
        device.edit(document, &mut self.dice);
        let id = device.index;
        self.speak(id, document);
    }

    /// Lets a connected device say what it has to say about a document.
    fn speak(&mut self, device: usize, document: DocumentId) {
        for connection in self.connections.values_mut().filter(|connection| connection.device == device) {
            connection.to_server.extend(self.devices[device].speak(document));
        }
    }

    fn connect_somebody(&mut self) {
        let device = self.dice.below(self.devices.len() as u64) as usize;
        if !self.connections.values().any(|connection| connection.device == device) {
            self.connect(device);
        }
    }

    fn connect(&mut self, device: usize) {
        let id = self.next_connection;
        self.next_connection += 1;
        self.server.accept(id, self.now);
        let to_server = self.devices[device].connect(&self.documents).into();
        self.connections.insert(id, Connection { device, to_server, to_device: Default::default() });
    }

    fn cut(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            self.devices[connection.device].disconnect();
            self.server.lose(id, self.now);
        }
    }

    /// Moves one message or one finished write. Answers whether there was any.
    fn move_something(&mut self) -> bool {
        let connections: Vec<u64> = self.connections.keys().copied().collect();
        let choices = connections.len() as u64 * 2 + 1;
        let start = self.dice.below(choices);
        for offset in 0..choices {
            let choice = (start + offset) % choices;
            let moved = match connections.get((choice / 2) as usize) {
                Some(id) if choice.is_multiple_of(2) => self.move_to_server(*id),
                Some(id) => self.move_to_device(*id),
                None => self.server.finish_work(self.now, &mut self.dice, self.plan.faults.failed_write),
            };
            self.collect_from_server();
            if moved {
                return true;
            }
        }
        false
    }

    fn move_to_server(&mut self, id: u64) -> bool {
        let disorder = self.plan.faults.disorder;
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(bytes) = connection.to_server.pop_front() else { return false };
        // The handshake stays in front: without it there is no session to confuse.
        let is_join = matches!(Frame::decode(&bytes), Ok(Frame::Join(_)));
        if disorder > 0 && !is_join && self.dice.one_in(disorder) {
            if self.dice.one_in(2) {
                connection.to_server.push_front(bytes.clone());
            } else if let Some(next) = connection.to_server.pop_front() {
                connection.to_server.push_front(bytes);
                self.server.receive(id, next, self.now);
                return true;
            }
        }
        self.server.receive(id, bytes, self.now);
        true
    }

    fn move_to_device(&mut self, id: u64) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(bytes) = connection.to_device.pop_front() else { return false };
        let answers = self.devices[connection.device].receive(&bytes);
        connection.to_server.extend(answers);
        true
    }

    /// Takes what the server sends, and holds it to its first promise.
    fn collect_from_server(&mut self) {
        for (id, sent) in self.server.take_sent() {
            match sent {
                Some(bytes) => {
                    self.check_durable(&bytes);
                    if let Some(connection) = self.connections.get_mut(&id) {
                        connection.to_device.push_back(bytes);
                    }
                }
                None => self.cut(id),
            }
        }
    }

    /// Nobody hears of a change before it is durable.
    fn check_durable(&self, bytes: &Bytes) {
        let Ok(Frame::Sync(sync)) = Frame::decode(bytes) else { return };
        let message = SyncMessage::decode(&sync.data).expect("the server writes sync messages");
        let durable = self.server.durable_hashes(sync.document);
        for head in &message.heads {
            assert!(durable.contains(head), "the server told of {head}, which is not durable");
        }
    }

    fn pass_time(&mut self) {
        self.now.elapsed += Duration::from_secs(self.dice.below(20));
        self.server.pass_deadlines(self.now);
        self.collect_from_server();
    }

    fn break_something(&mut self) {
        let Faults { cut, kill, restore, .. } = self.plan.faults;
        if cut > 0 && self.dice.one_in(cut) {
            let ids: Vec<u64> = self.connections.keys().copied().collect();
            if !ids.is_empty() {
                let unlucky = self.dice.below(ids.len() as u64) as usize;
                self.cut(ids[unlucky]);
            }
        }
        let restored = restore > 0 && self.dice.one_in(restore);
        if restore > 0 && self.dice.one_in(restore) {
            self.server.back_up();
        }
        if restored || (kill > 0 && self.dice.one_in(kill)) {
            self.server.kill(&mut self.dice);
            if restored {
                self.server.restore();
            }
            for id in self.connections.keys().copied().collect::<Vec<_>>() {
                self.cut(id);
            }
        }
    }

    /// From here on nothing goes wrong. Connections that live go on living, so that one which has come to a
    /// stand shows; only where messages were repeated and swapped, which no WebSocket does, all begin afresh.
    fn heal(&mut self) {
        let was_disordered = self.plan.faults.disorder > 0;
        self.plan.faults = Faults::NONE;
        if was_disordered {
            for id in self.connections.keys().copied().collect::<Vec<_>>() {
                self.cut(id);
            }
        }
        for device in 0..self.devices.len() {
            if !self.connections.values().any(|connection| connection.device == device) {
                self.connect(device);
            }
        }
    }

    /// Runs until nothing moves any more: no message, no write.
    fn rest(&mut self) {
        for _ in 0..REST_STEPS_MAX {
            self.now.elapsed += Duration::from_millis(1);
            if !self.move_something() {
                return;
            }
            let missing: Vec<_> = (0..self.devices.len())
                .filter(|d| !self.connections.values().any(|c| c.device == *d))
                .collect();
            for device in missing {
                self.connect(device);
            }
        }
        panic!("the world does not come to rest: somebody repeats itself for ever");
    }

    fn check_convergence(&self) {
        for document in &self.documents {
            let made: BTreeSet<ChangeHash> =
                self.devices.iter().flat_map(|d| d.own_changes(*document)).collect();
            let heads: Vec<_> = self.devices.iter().map(|device| device.heads(*document)).collect();
            for (device, own) in self.devices.iter().zip(&heads) {
                let held = device.hashes(*document);
                let lost = made.difference(&held).count();
                assert_eq!(lost, 0, "device {} lacks {lost} of {} changes", device.index, made.len());
                assert_eq!(own, &heads[0], "devices {} and 0 end with different heads", device.index);
            }
            let durable = self.server.durable_hashes(*document);
            let lost = made.difference(&durable).count();
            assert_eq!(lost, 0, "the server lacks {lost} of {} changes of {document}", made.len());
        }
    }
}

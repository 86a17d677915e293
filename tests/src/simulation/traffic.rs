//! What moves: connections made and lost, messages, finished writes.

use super::network::{Connection, Parcel, arriving};
use super::sdk_device::Wish;
use super::{Device, World};
use std::time::Duration;
use tiebreak_protocol::{DocumentId, Frame};
use tiebreak_sync::link::{End, Input};

/// A server that hears nothing for so long lets go of a connection; a quarter of it is its ping interval.
const SILENCE_TIME: Duration = Duration::from_secs(120);

impl World {
    /// Lets a connected stock device say what it has to say about a document.
    pub(super) fn speak(&mut self, device: usize, document: DocumentId) {
        let Device::Stock(stock) = &mut self.devices[device] else { return };
        for connection in self.connections.values_mut().filter(|connection| connection.device == device) {
            stock
                .speak(document)
                .into_iter()
                .for_each(|said| connection.send_to_server(Parcel::Binary(said)));
        }
    }

    pub(super) fn connect_somebody(&mut self) {
        let device = self.dice.below(self.devices.len() as u64) as usize;
        if matches!(self.devices[device], Device::Stock(_)) && !self.has_connection(device) {
            self.connect(device);
        }
    }

    pub(super) fn connect_stock_devices(&mut self) {
        for device in 0..self.plan.stock_devices {
            if !self.has_connection(device) {
                self.connect(device);
            }
        }
    }

    fn has_connection(&self, device: usize) -> bool {
        self.connections.values().any(|connection| connection.device == device && connection.has_device)
    }

    fn connect(&mut self, device: usize) -> u64 {
        let id = self.next_connection;
        self.next_connection += 1;
        self.server.accept(id, self.now);
        let mut connection = Connection::new(device, self.now.elapsed);
        if let Device::Stock(stock) = &mut self.devices[device] {
            stock.connect(&self.documents).into_iter().for_each(|said| {
                connection.send_to_server(Parcel::Binary(said));
            });
        }
        self.connections.insert(id, connection);
        id
    }

    /// The connection is cut at some byte, each way; both ends hear of it.
    pub(super) fn cut(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        let device = connection.device;
        let (up, down) = (connection.to_server, connection.to_device);
        for parcel in arriving(up, &mut self.dice) {
            if connection.has_server {
                self.server_receives(id, parcel);
            }
        }
        for parcel in arriving(down, &mut self.dice) {
            if connection.has_device {
                drop(self.device_receives(device, parcel));
            }
        }
        self.server.lose(id, self.now);
        if connection.has_device {
            self.device_loses(device);
        }
        self.collect_from_server();
    }

    /// The server's end is gone: by its death, or because it gave up or closed the connection.
    pub(super) fn drop_server_end(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.has_server = false;
        connection.to_server.clear();
        if connection.swallows.to_device && connection.has_device {
            // Nobody tells the device.
            self.server.lose(id, self.now);
            return;
        }
        self.cut(id);
    }

    /// The device's end is gone.
    pub(super) fn drop_device_end(&mut self, device: usize) {
        let ends = self.connections.iter().filter(|(_, c)| c.device == device && c.has_device);
        let ids: Vec<_> = ends.map(|(id, _)| *id).collect();
        for id in ids {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if matches!(self.devices[device], Device::Stock(_)) {
                continue;
            }
            connection.has_device = false;
            connection.to_device.clear();
            if connection.swallows.to_server && connection.has_server {
                // Nobody tells the server.
                continue;
            }
            self.cut(id);
        }
    }

    fn device_loses(&mut self, device: usize) {
        match &mut self.devices[device] {
            Device::Stock(stock) => stock.disconnect(),
            Device::Sdk(sdk) => {
                sdk.lose(self.now);
                self.grant_wishes(device);
            }
        }
    }

    /// Does what an SDK device wants of the network.
    pub(super) fn grant_wishes(&mut self, device: usize) {
        loop {
            let Device::Sdk(sdk) = &mut self.devices[device] else { return };
            let wishes = sdk.take_wishes();
            if wishes.is_empty() {
                return;
            }
            for wish in wishes {
                match wish {
                    Wish::Open => self.open(device),
                    Wish::Send(parcel) => {
                        let mut ends = self.connections.values_mut();
                        if let Some(connection) = ends.find(|c| c.device == device && c.has_device) {
                            connection.send_to_server(parcel);
                        }
                    }
                    Wish::Drop => self.drop_device_end(device),
                }
            }
        }
    }

    fn open(&mut self, device: usize) {
        assert!(!self.has_connection(device), "a second connection beside the first");
        // It hangs, until the device has had enough.
        let hangs = self.plan.faults.half_open > 0 && self.dice.one_in(10);
        let fails = self.plan.faults.cut > 0 && self.dice.one_in(5);
        if hangs {
            return;
        }
        if !fails {
            self.connect(device);
        }
        let Device::Sdk(sdk) = &mut self.devices[device] else { return };
        let reason = "nobody listens".to_owned();
        let input = if fails { Input::Ended(End::Broken { reason }) } else { Input::Opened };
        sdk.input(self.now, input);
    }

    /// Moves one message, or ends one write or one piece of a device's work. Answers whether there was any.
    pub(super) fn move_something(&mut self) -> bool {
        let connections: Vec<u64> = self.connections.keys().copied().collect();
        let (ways, devices) = (connections.len() as u64 * 2, self.devices.len() as u64);
        let choices = ways + devices + 1;
        let start = self.dice.below(choices);
        for offset in 0..choices {
            let choice = (start + offset) % choices;
            let moved = if choice < ways {
                let id = connections[(choice / 2) as usize];
                if choice.is_multiple_of(2) { self.move_to_server(id) } else { self.move_to_device(id) }
            } else if choice < ways + devices {
                self.work_on_device((choice - ways) as usize)
            } else {
                self.server.finish_work(self.now, &mut self.dice, self.plan.faults.failed_write)
            };
            self.collect_from_server();
            if moved {
                return true;
            }
        }
        false
    }

    fn work_on_device(&mut self, device: usize) -> bool {
        let luck = self.luck();
        let Device::Sdk(sdk) = &mut self.devices[device] else { return false };
        let worked = sdk.work_once(self.now, &mut self.dice, luck);
        self.grant_wishes(device);
        worked
    }

    fn move_to_server(&mut self, id: u64) -> bool {
        let disorder = self.plan.faults.disorder;
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(parcel) = connection.to_server.pop_front() else { return false };
        let is_stock = matches!(self.devices[connection.device], Device::Stock(_));
        if disorder > 0 && is_stock && !is_join(&parcel) && self.dice.one_in(disorder) {
            if self.dice.one_in(2) {
                connection.to_server.push_front(parcel.clone());
            } else if let Some(next) = connection.to_server.pop_front() {
                connection.to_server.push_front(parcel);
                self.server_receives(id, next);
                return true;
            }
        }
        self.server_receives(id, parcel);
        true
    }

    fn server_receives(&mut self, id: u64, parcel: Parcel) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.heard_at = self.now.elapsed;
            if matches!(parcel, Parcel::Ping) {
                connection.send_to_device(Parcel::Pong);
            }
        }
        if let Parcel::Binary(bytes) = parcel {
            self.server.receive(id, bytes, self.now);
        }
    }

    fn move_to_device(&mut self, id: u64) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(parcel) = connection.to_device.pop_front() else { return false };
        let device = connection.device;
        let answers = self.device_receives(device, parcel);
        if let Some(connection) = self.connections.get_mut(&id) {
            answers.into_iter().for_each(|answer| connection.send_to_server(answer));
        }
        true
    }

    fn device_receives(&mut self, device: usize, parcel: Parcel) -> Vec<Parcel> {
        let mut answers = Vec::new();
        if matches!(parcel, Parcel::Ping) {
            answers.push(Parcel::Pong);
        }
        match (&mut self.devices[device], parcel) {
            (Device::Stock(stock), Parcel::Binary(bytes)) => {
                answers.extend(stock.receive(&bytes).into_iter().map(Parcel::Binary));
            }
            (Device::Stock(_), Parcel::Ping | Parcel::Pong) => {}
            (Device::Sdk(sdk), parcel) => {
                sdk.receive(self.now, parcel);
                self.grant_wishes(device);
            }
        }
        answers
    }

    /// Takes what the server sends, and holds it to its first promise.
    pub(super) fn collect_from_server(&mut self) {
        for (id, sent) in self.server.take_sent() {
            match sent {
                Some(bytes) => {
                    self.check_durable(&bytes);
                    if let Some(connection) = self.connections.get_mut(&id) {
                        connection.send_to_device(Parcel::Binary(bytes));
                    }
                }
                None => self.drop_server_end(id),
            }
        }
    }

    /// The server's pings, and its patience with connections of which it hears nothing.
    pub(super) fn keep_connections_alive(&mut self) {
        let now = self.now.elapsed;
        let mut silent = Vec::new();
        for (id, connection) in self.connections.iter_mut().filter(|(_, c)| c.has_server) {
            if now >= connection.heard_at + SILENCE_TIME {
                silent.push(*id);
            } else if now >= connection.pinged_at + SILENCE_TIME / 4 {
                connection.pinged_at = now;
                connection.send_to_device(Parcel::Ping);
            }
        }
        for id in silent {
            self.drop_server_end(id);
        }
    }
}

/// The handshake stays in front: without it there is no session to confuse.
fn is_join(parcel: &Parcel) -> bool {
    matches!(parcel, Parcel::Binary(bytes) if matches!(Frame::decode(bytes), Ok(Frame::Join(_))))
}

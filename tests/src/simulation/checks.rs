//! What must hold after every step, and what at the end.

use super::sdk_device::SdkDevice;
use super::{Device, World};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{ChangeHash, DocumentId, Frame, Heads};

/// Longer than two heartbeats: long enough for somebody to say something.
const CALM_TIME: Duration = Duration::from_secs(40);
/// Pings and pongs of all devices in that time, both ways.
const CALM_STEPS_MAX: usize = 200;

impl World {
    /// Nobody hears of a change before it is durable.
    pub(super) fn check_durable(&self, bytes: &Bytes) {
        let Ok(Frame::Sync(sync)) = Frame::decode(bytes) else { return };
        let message = SyncMessage::decode(&sync.data).expect("the server writes sync messages");
        let durable = self.server.durable_hashes(sync.document);
        for head in &message.heads {
            assert!(durable.contains(head), "the server told of {head}, which is not durable");
        }
    }

    /// A restored server may lack what it said to have: a device knows when it was next told of a document.
    pub(super) fn note_unaware(&mut self) {
        for device in &self.devices {
            let Device::Sdk(sdk) = device else { continue };
            for document in &self.documents {
                self.unaware.insert((sdk.index, *document), sdk.session());
            }
        }
    }

    /// The status tells the truth: what the server does not have counts as pending, and what was answered is there.
    pub(super) fn check_status(&mut self) {
        for device in &self.devices {
            let Device::Sdk(sdk) = device else { continue };
            for document in &self.documents {
                let key = (sdk.index, *document);
                let told_on = sdk.heard_on(*document);
                if self.unaware.get(&key).is_some_and(|then| told_on.is_some_and(|on| on > *then)) {
                    self.unaware.remove(&key);
                }
                let lost = sdk.answered(*document).difference(sdk.hashes(*document)).count();
                assert_eq!(lost, 0, "device {} lost {lost} answered edits", sdk.index);
                if sdk.pending(*document) == 0 && !self.unaware.contains_key(&key) {
                    let durable = self.server.durable_hashes(*document);
                    let unsent = sdk.hashes(*document).difference(durable).count();
                    assert_eq!(unsent, 0, "device {} hides {unsent} changes of {document}", sdk.index);
                }
            }
        }
    }

    pub(super) fn check_convergence(&self) {
        for document in &self.documents {
            let made: BTreeSet<ChangeHash> =
                self.devices.iter().flat_map(|device| device.made(*document)).collect();
            let durable = self.server.durable_hashes(*document);
            let lost = made.difference(durable).count();
            assert_eq!(lost, 0, "the server lacks {lost} of {} changes of {document}", made.len());
            let heads = self.server.heads(*document);
            for (index, device) in self.devices.iter().enumerate() {
                let lost = made.difference(&device.hashes(*document)).count();
                assert_eq!(lost, 0, "device {index} lacks {lost} of {} changes of {document}", made.len());
                assert_eq!(device.heads(*document), heads, "device {index} and the server end apart");
            }
        }
        for sdk in self.sdk_devices() {
            self.check_in_step(sdk);
        }
    }

    fn check_in_step(&self, sdk: &SdkDevice) {
        assert!(sdk.is_connected(), "device {} is not connected", sdk.index);
        for document in &self.documents {
            assert_eq!(sdk.pending(*document), 0, "device {} ends with pending changes", sdk.index);
        }
        assert!(sdk.is_in_step(), "device {} does not end in step", sdk.index);
    }

    /// In a world at rest there is nothing to hear but heartbeats.
    pub(super) fn check_calm(&mut self) {
        for _ in 0..40 {
            self.now.elapsed += CALM_TIME / 40;
            self.pass_deadlines();
            let steps = (0..CALM_STEPS_MAX).take_while(|_| self.move_something()).count();
            assert!(steps < CALM_STEPS_MAX, "somebody talks on in a world at rest");
        }
        self.check_convergence();
    }
}

impl Device {
    /// Changes that must never be lost.
    fn made(&self, document: DocumentId) -> BTreeSet<ChangeHash> {
        match self {
            Self::Stock(stock) => stock.own_changes(document),
            Self::Sdk(sdk) => sdk.answered(document),
        }
    }

    fn hashes(&self, document: DocumentId) -> BTreeSet<ChangeHash> {
        match self {
            Self::Stock(stock) => stock.hashes(document),
            Self::Sdk(sdk) => sdk.hashes(document).clone(),
        }
    }

    fn heads(&self, document: DocumentId) -> Heads {
        match self {
            Self::Stock(stock) => stock.heads(document),
            Self::Sdk(sdk) => sdk.heads(document),
        }
    }
}

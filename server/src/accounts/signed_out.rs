//! The devices that ended while access tokens of theirs may still hold: those are refused until they are over.

use super::tokens::ACCESS_TIME;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use tiebreak_protocol::DeviceId;

/// Devices by when their last token is over, Unix milliseconds.
#[derive(Debug, Default)]
pub(super) struct SignedOut {
    until_by_device: RwLock<BTreeMap<DeviceId, i64>>,
}

impl SignedOut {
    pub(super) fn add(&self, devices: impl IntoIterator<Item = DeviceId>, now_ms: i64) {
        let until_ms = now_ms + 2 * ACCESS_TIME.as_millis() as i64;
        let mut devices_out = self.until_by_device.write().unwrap_or_else(PoisonError::into_inner);
        devices_out.retain(|_, until_ms| *until_ms > now_ms);
        devices_out.extend(devices.into_iter().map(|device| (device, until_ms)));
    }

    pub(super) fn has(&self, device: DeviceId) -> bool {
        self.until_by_device.read().unwrap_or_else(PoisonError::into_inner).contains_key(&device)
    }
}

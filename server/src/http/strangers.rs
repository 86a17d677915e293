//! Connections of which nobody is known yet: how many there may be, from one place and in all, so that whoever opens
//! connections and says nothing takes no room from others.

use crate::config::HttpArgs;
use crate::network::Network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The strangers of one listener; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Strangers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    /// `None` where all come from one place, which is a proxy's.
    most_of_a_network: Option<usize>,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    total: usize,
    /// No entry counts nothing, so there are at most as many as there are strangers.
    by_network: HashMap<Network, usize>,
}

/// The place of one stranger, given back when the last clone is dropped: at the end of a connection, or once a
/// device has said who it is.
#[derive(Debug, Clone)]
pub(crate) struct Stranger {
    _place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    network: Network,
}

/// Whether the address of a connection tells who it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    Own,
    OfAProxy,
}

impl Strangers {
    pub(crate) fn new(limits: &HttpArgs, addresses: Addresses) -> Self {
        let most_of_a_network = match addresses {
            Addresses::Own => Some(limits.strangers_per_address_max.max(1)),
            Addresses::OfAProxy => None,
        };
        Self::bounded(limits.strangers_max.max(1), most_of_a_network)
    }

    pub(super) fn bounded(most: usize, most_of_a_network: Option<usize>) -> Self {
        Self { shared: Arc::new(Shared { most, most_of_a_network, present: Mutex::default() }) }
    }

    /// A place for one more, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Stranger> {
        let Shared { most, most_of_a_network, .. } = *self.shared;
        let network = Network::of(address);
        let mut present = self.shared.present();
        let of_this = present.by_network.get(&network).copied().unwrap_or_default();
        if present.total >= most || most_of_a_network.is_some_and(|most| of_this >= most) {
            return None;
        }
        present.total += 1;
        present.by_network.insert(network, of_this + 1);
        let place = Place { shared: Arc::clone(&self.shared), network };
        Some(Stranger { _place: Arc::new(place) })
    }
}

impl Shared {
    fn present(&self) -> std::sync::MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.shared.present();
        present.total -= 1;
        match present.by_network.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(present.by_network.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_place_gives_room_to_as_many_as_are_allowed_and_others_are_not_touched() {
        let strangers = Strangers::bounded(4, Some(2));
        let first = strangers.admit(ip("192.0.2.1")).unwrap();
        let _second = strangers.admit(ip("192.0.2.1")).unwrap();
        assert!(strangers.admit(ip("192.0.2.1")).is_none(), "one past the limit");
        let _elsewhere = strangers.admit(ip("192.0.2.2")).unwrap();
        let held_by_a_request_as_well = first.clone();
        drop(first);
        assert!(strangers.admit(ip("192.0.2.1")).is_none(), "still held");
        drop(held_by_a_request_as_well);
        assert!(strangers.admit(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_subscriber_with_many_addresses_is_one_place() {
        let strangers = Strangers::bounded(4, Some(1));
        let _one = strangers.admit(ip("2001:db8::1")).unwrap();
        assert!(strangers.admit(ip("2001:db8::2")).is_none());
        assert!(strangers.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn behind_a_proxy_only_all_together_count() {
        let strangers = Strangers::bounded(2, None);
        let held = [strangers.admit(ip("10.0.0.1")), strangers.admit(ip("10.0.0.1"))];
        assert!(held.iter().all(Option::is_some));
        assert!(strangers.admit(ip("10.0.0.1")).is_none());
        drop(held);
        assert_eq!(strangers.shared.present().by_network.len(), 0, "who has gone is forgotten");
        assert_eq!(strangers.shared.present().total, 0);
    }
}

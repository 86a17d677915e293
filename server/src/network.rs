//! Where somebody comes from, as far as limits by address care.

use std::net::IpAddr;

/// An IPv4 address, or the /64 of an IPv6 address, which is what one subscriber gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(u64);

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            // The lowest block of IPv6, where the two could meet, belongs to no subscriber.
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }
}

//! Who comes on launch day: the customers of CDNOW, a music shop of 1997, by the ids in its public purchase log.

use crate::client::{HttpClient, Post};
use anyhow::{Context, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

/// One row for each purchase; the first column is the customer.
pub(super) const FILE: &str = "target/bench-data/CDNOW_master.txt";

/// A person, and what is known of the account.
pub(super) struct Person {
    name: String,
    password: String,
    pub(super) address: Ipv4Addr,
    /// As the registration told it.
    pub(super) account: Option<String>,
    /// As the login told it.
    pub(super) device_key: Option<String>,
}

impl Person {
    /// The `number` says where they sit: everybody has an address of their own.
    pub(super) fn new(name: String, number: u32) -> Self {
        let password = format!("launch-{:016x}", crate::document::random());
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + number);
        Self { name, password, address, account: None, device_key: None }
    }

    pub(super) fn client(&self, port: u16) -> HttpClient {
        HttpClient::new(port, self.address)
    }

    /// Asked again with the same key, it is the same registration.
    pub(super) fn registration(&self, key: &str) -> Post {
        let body = json!({ "username": self.name, "password": self.password });
        Post { idempotency_key: Some(format!("{key}-{}", self.name)), ..Post::new("/v1/accounts", body) }
    }

    pub(super) fn login(&self) -> Post {
        let body = json!({
            "username": self.name, "password": self.password, "device": { "name": "phone" }
        });
        Post::new("/v1/sessions", body)
    }

    pub(super) fn return_with_device_key(&self) -> Post {
        Post::new("/v1/sessions", json!({ "device_key": self.device_key }))
    }
}

/// The first so many customers.
pub(super) fn customers(wanted: usize) -> anyhow::Result<Vec<Person>> {
    let text = std::fs::read_to_string(Path::new(FILE))
        .with_context(|| format!("cannot read {FILE}: run bench/data, which fetches it"))?;
    let ids = customer_ids(&text);
    ensure!(wanted <= ids.len(), "{wanted} people are wanted, and the set has {}", ids.len());
    Ok((0..)
        .zip(ids)
        .take(wanted)
        .map(|(number, id)| Person::new(format!("customer-{id}"), number))
        .collect())
}

/// Everybody once, behind the line of titles.
fn customer_ids(text: &str) -> BTreeSet<&str> {
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_one_person_however_often_they_bought() {
        let log = " customer_id  date cds value\r\n 00002 19970112 1 12.00\r\n 00001 19970101 1 11.77\r\n \
                   00002 19970112 5 77.00\r\n";
        assert_eq!(customer_ids(log).into_iter().collect::<Vec<_>>(), ["00001", "00002"]);
    }

    #[test]
    fn everybody_sits_at_an_address_of_their_own() {
        let addresses: BTreeSet<Ipv4Addr> =
            (0..23_570).map(|number| Person::new("ann".to_owned(), number).address).collect();
        assert_eq!(addresses.len(), 23_570);
        assert!(addresses.iter().all(Ipv4Addr::is_private));
    }
}

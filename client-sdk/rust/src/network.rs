//! The way to a server, whatever is spoken there.

mod dial;
mod http;
mod tls;

pub(crate) use dial::dial;
pub(crate) use http::{Answer, Endpoint, HttpError, Question};
pub(crate) use tls::{is_here, trust};

/// An address that no connection can be made to.
#[derive(Debug)]
pub(crate) enum InvalidAddress {
    Url(String),
    Certificate(String),
}

//! Connecting to a name: to several of its addresses, one shortly after the other, until one answers (RFC 8305,
//! "Happy Eyeballs"), so that a way that leads nowhere costs a moment and not the whole time there is.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

/// How long an address is tried alone before the next one joins in: what the RFC recommends.
const HEAD_START: Duration = Duration::from_millis(250);
/// Of more addresses the first count.
const ADDRESSES_MAX: usize = 10;

/// A connection to whichever address of a host answers first.
pub(crate) async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?.collect();
    first_to_answer(in_turns(addresses), TcpStream::connect).await
}

/// The families take turns, the one that the resolver prefers first: one that does not work is passed at once.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_family = addresses.first().map(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| Some(address.is_ipv6()) == first_family);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let pairs = std::iter::repeat_with(|| (first.next(), second.next()));
    let pairs = pairs.take_while(|pair| *pair != (None, None));
    pairs.flat_map(|(one, other)| one.into_iter().chain(other)).take(ADDRESSES_MAX).collect()
}

/// Tries one address, and the next when the last has failed or has had its head start, until one answers.
async fn first_to_answer<T, F: Future<Output = io::Result<T>>>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut untried = addresses.into_iter();
    let mut tries = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        match untried.next() {
            Some(address) => tries.push(connect(address)),
            None if tries.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            Some(answer) = tries.next() => match answer {
                Ok(connected) => return Ok(connected),
                Err(error) => failure = error,
            },
            () = sleep(HEAD_START), if untried.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::time::Instant;

    const V6: [&str; 2] = ["[2001:db8::1]:80", "[2001:db8::2]:80"];
    const V4: [&str; 2] = ["192.0.2.1:80", "192.0.2.2:80"];

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_the_preferred_one_begins() {
        let resolved = addresses(&[V6[0], V6[1], V4[0]]);
        assert_eq!(in_turns(resolved), addresses(&[V6[0], V4[0], V6[1]]));
        let resolved = addresses(&[V4[0], V4[1], V6[0]]);
        assert_eq!(in_turns(resolved), addresses(&[V4[0], V6[0], V4[1]]));
        assert_eq!(in_turns(vec![addresses(&V6)[0]; 30]).len(), ADDRESSES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_never_answers_costs_its_head_start() {
        let began = Instant::now();
        let connect = async |address: SocketAddr| {
            if address.is_ipv6() {
                std::future::pending::<()>().await;
            }
            Ok(address)
        };
        let connected = first_to_answer(addresses(&[V6[0], V4[0]]), connect).await.unwrap();
        assert_eq!((connected, began.elapsed()), (addresses(&V4)[0], HEAD_START));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_fails_costs_nothing_and_a_slow_one_is_not_given_up() {
        let began = Instant::now();
        let tried = Mutex::new(Vec::new());
        let connect = async |address: SocketAddr| {
            tried.lock().unwrap().push(address);
            if address.is_ipv4() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            sleep(Duration::from_secs(2)).await;
            Ok(address)
        };
        let all = addresses(&[V4[0], V6[0], V4[1]]);
        assert_eq!(first_to_answer(all.clone(), connect).await.unwrap(), all[1]);
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        assert_eq!(*tried.lock().unwrap(), all, "the last one too, meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_have_failed_the_last_says_why() {
        let refuse = async |_address| Err::<(), _>(io::ErrorKind::ConnectionRefused.into());
        let error = first_to_answer(addresses(&V4), refuse).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = first_to_answer(Vec::new(), refuse).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}

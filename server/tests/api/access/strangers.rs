//! Connections of which nobody is known yet: how little they may take from others.

use super::{Person, operator, start, start_with};
use crate::support::Api;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use tiebreak_tests::peer::Peer;
use tiebreak_tests::wait::until;

/// Connections that begin a request and never end it.
const SLOW: usize = 600;

/// What those may take of memory, MiB.
const MEMORY_MIB_MAX: f64 = 64.0;

/// Another address of this machine.
const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Connects from an address of this machine.
fn connect_from(ip: IpAddr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(ip, 0)).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Begins a request and leaves it at that.
fn half_a_head(to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    // Who is turned away may be gone before it has said this.
    stream.write_all(b"GET /automerge HTTP/1.1\r\nhost: localhost\r\n").ok();
    stream
}

/// The status of an answer, or nothing from who was closed without a word.
fn status(stream: &mut TcpStream, path: &str) -> Option<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1).map(str::to_owned)
}

fn turned_away(api: &Api) -> f64 {
    let metrics = api.request("GET", "/metrics", &[&operator(api)], b"").expect(200);
    let metrics = String::from_utf8(metrics.body).unwrap();
    let name = "tiebreak_refusals_total{code=\"too_many_strangers\"} ";
    metrics.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).unwrap_or_default()
}

#[test]
fn who_begins_many_requests_and_ends_none_takes_no_room_from_others() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let before = rss_mib(api.server.pid());
    let slow: Vec<_> = (0..SLOW).map(|_| half_a_head(api.server.address())).collect();
    // From the same address nobody else comes in, from another one everybody.
    until("the surplus to be turned away", || {
        (status(&mut connect_from(Ipv4Addr::LOCALHOST.into(), api.server.address()), "/healthz").is_none())
            .then_some(())
    });
    let mut neighbour = connect_from(NEIGHBOUR, api.server.address());
    assert_eq!(status(&mut neighbour, "/healthz").as_deref(), Some("200"));
    let grown = rss_mib(api.server.pid()) - before;
    assert!(grown < MEMORY_MIB_MAX, "{SLOW} slow ones took {grown} MiB");
    drop(slow);
    until("room again", || {
        (status(&mut connect_from(Ipv4Addr::LOCALHOST.into(), api.server.address()), "/healthz").as_deref()
            == Some("200"))
        .then_some(())
    });
    ann.connects(&api);
}

fn rss_mib(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: f64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096.0 / f64::from(1 << 20)
}

#[test]
fn devices_that_have_said_who_they_are_are_no_strangers() {
    let api = start_with(&["--strangers-per-address-max", "3"]);
    let ann = Person::new(&api, "ann");
    let connected: Vec<Peer> = (0..8).map(|_| ann.connects(&api)).collect();
    assert!(turned_away(&api) < 1.0);
    let silent: Vec<_> = (0..3).map(|_| tiebreak_tests::peer::open(api.server.address()).unwrap()).collect();
    let mut one_past = connect_from(Ipv4Addr::LOCALHOST.into(), api.server.address());
    assert_eq!(status(&mut one_past, "/healthz"), None, "three upgraded and said nothing");
    drop(silent);
    until("room again", || {
        let mut again = connect_from(Ipv4Addr::LOCALHOST.into(), api.server.address());
        status(&mut again, "/healthz").filter(|status| status == "200")
    });
    assert!(turned_away(&api) >= 1.0);
    drop(connected);
}

#[test]
fn behind_a_proxy_its_address_is_not_a_strangers() {
    let api = start_with(&["--behind-proxy", "--strangers-per-address-max", "1"]);
    let held: Vec<_> = (0..5).map(|_| half_a_head(api.server.address())).collect();
    api.get("/healthz").expect(200);
    drop(held);
}

#[test]
fn at_the_cap_the_surplus_is_told_to_come_back_and_nobody_is_dropped() {
    const CAP: usize = 10;
    let api = start_with(&["--connections-max", &CAP.to_string()]);
    let ann = Person::new(&api, "ann");
    let mut connected: Vec<Peer> = (0..CAP).map(|_| ann.connects(&api)).collect();
    for _ in 0..5 {
        assert!(Peer::connect_with_token(api.server.address(), "surplus", &ann.access_token).is_err());
    }
    let document = ann.creates(&api);
    for peer in &mut connected {
        peer.ask(document).unwrap();
        peer.until("the document", |peer| peer.is_acknowledged(document)).unwrap();
    }
}

#[test]
fn before_it_is_known_who_comes_one_message_is_read() {
    let api = start();
    let mut socket = tiebreak_tests::peer::open(api.server.address()).unwrap();
    let ann = Person::new(&api, "ann");
    let document = ann.creates(&api);
    // What is not a greeting ends it, whatever it is about.
    let ask = tiebreak_protocol::Frame::Request(tiebreak_protocol::SyncFrame {
        document,
        sender: "somebody".parse().unwrap(),
        target: "server".parse().unwrap(),
        data: tiebreak_document::SyncMessage::default().encode(),
    });
    socket.send(tungstenite::Message::Binary(ask.encode())).unwrap();
    let closed = match socket.read() {
        Ok(tungstenite::Message::Close(frame)) => frame.map(|frame| u16::from(frame.code)),
        Ok(other) => panic!("an answer to a stranger: {other:?}"),
        Err(error) => panic!("{error}"),
    };
    assert!(closed.is_some_and(|code| (4400..4500).contains(&code)), "{closed:?}");
}

#[test]
fn of_a_stranger_no_more_than_a_greeting_is_held() {
    let api = start();
    let before = rss_mib(api.server.pid());
    let large: Vec<_> = (0..20)
        .map(|_| {
            let mut socket = tiebreak_tests::peer::open(api.server.address()).unwrap();
            // The beginning of one frame of 15 MiB, masked with zeros, and most of it.
            let stream = socket.get_mut();
            let length = (15_u64 << 20).to_be_bytes();
            let head = [&[0x82, 0x80 | 127], &length[..], &[0; 4]].concat();
            stream.write_all(&head).ok();
            stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
            let sent = (0..14).take_while(|_| stream.write_all(&vec![0; 1 << 20]).is_ok()).count();
            (socket, sent)
        })
        .collect();
    let grown = rss_mib(api.server.pid()) - before;
    assert!(grown < MEMORY_MIB_MAX, "{} strangers took {grown} MiB", large.len());
    assert!(large.iter().any(|(_, sent)| *sent < 14), "they were cut off");
    // Who has said who it is sends large messages.
    let ann = Person::new(&api, "ann");
    let mut hers = ann.connects(&api);
    let document = ann.creates(&api);
    hers.ask(document).unwrap();
    hers.until("the document", |peer| peer.is_acknowledged(document)).unwrap();
    hers.write_text(document, "long", &"x".repeat(500_000)).unwrap();
    hers.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
}

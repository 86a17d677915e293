//! A reader of an event stream, over a plain socket.

use crate::support::Api;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) data: Value,
}

#[derive(Debug)]
pub(super) struct Listener {
    stream: BufReader<TcpStream>,
    /// Arrived, and not an event yet.
    text: String,
    signs_of_life: usize,
}

/// Signs of life of a stream on which nothing comes that is waited for.
const SIGNS_OF_LIFE_MAX: usize = 3;

impl Listener {
    #[track_caller]
    pub(super) fn open(api: &Api, query: &str, headers: &[&str]) -> Self {
        Self::asks(api, query, headers).unwrap()
    }

    /// Answers the head when that is a refusal.
    pub(super) fn asks(api: &Api, query: &str, headers: &[&str]) -> Result<Self, String> {
        let address = api.server.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("GET /v1/events{query} HTTP/1.1\r\nhost: {address}\r\n");
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut listener = Self { stream: BufReader::new(stream), text: String::new(), signs_of_life: 0 };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push_str(&listener.line());
        }
        let is_stream = head.starts_with("HTTP/1.1 200")
            && head.contains("content-type: text/event-stream\r\n")
            && head.contains("cache-control: private, no-cache\r\n")
            && head.contains("transfer-encoding: chunked\r\n");
        if is_stream { Ok(listener) } else { Err(head) }
    }

    /// The next event; signs of life are passed over.
    #[track_caller]
    pub(super) fn next(&mut self) -> Told {
        loop {
            if let Some(told) = told(&self.block()) {
                return told;
            }
        }
    }

    /// Where it stands when it has heard all that is open, and no event comes before that.
    #[track_caller]
    pub(super) fn position(&mut self) -> u64 {
        loop {
            let block = self.block();
            assert_eq!(told(&block), None);
            if let Some(id) = block.strip_prefix("id: ") {
                return id.parse().unwrap();
            }
        }
    }

    #[track_caller]
    fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            let piece = self.piece();
            assert!(!piece.is_empty(), "the stream ends");
            self.text.push_str(&piece);
        }
    }

    /// Waits for the end, before which no event may come.
    #[track_caller]
    pub(super) fn ends(mut self) {
        loop {
            let piece = self.piece();
            if piece.is_empty() {
                return;
            }
            assert!(!piece.contains("data:"), "{piece}");
        }
    }

    /// The next chunk; an empty one is the end.
    fn piece(&mut self) -> String {
        let length = usize::from_str_radix(self.line().trim_end(), 16).unwrap();
        let mut piece = vec![0; length + 2];
        self.stream.read_exact(&mut piece).unwrap();
        piece.truncate(length);
        let piece = String::from_utf8(piece).unwrap();
        self.signs_of_life += usize::from(piece.starts_with(':'));
        assert!(self.signs_of_life < SIGNS_OF_LIFE_MAX, "nothing comes");
        piece
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the connection is closed");
        line
    }
}

/// `None` for a comment, and for an id alone.
fn told(block: &str) -> Option<Told> {
    let field = |name: &str| {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = lines.next()?;
        assert_eq!(lines.next(), None, "{block}");
        Some(value)
    };
    let data = field("data")?;
    Some(Told {
        id: field("id").unwrap().parse().unwrap(),
        name: field("event").unwrap().to_owned(),
        data: serde_json::from_str(data).unwrap(),
    })
}

//! Opens WebSockets for samod.

use futures_util::future::ready;
use futures_util::{FutureExt, SinkExt, StreamExt};
use samod::{DialError, Dialer, Transport, Url};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use tokio_tungstenite::tungstenite::{Error, Message};

pub(crate) struct WebSocketDialer {
    url: Url,
}

impl WebSocketDialer {
    pub(crate) fn new(url: Url) -> Self {
        Self { url }
    }
}

type Dialing = Pin<Box<dyn Future<Output = Result<Transport, DialError<Infallible>>> + Send>>;

impl Dialer for WebSocketDialer {
    type Error = Infallible;

    fn url(&self) -> Url {
        self.url.clone()
    }

    fn connect(&self) -> Dialing {
        let url = self.url.to_string();
        async move {
            let connected = tokio_tungstenite::connect_async(url).await;
            let (sink, stream) = connected.map_err(DialError::transient)?.0.split();
            let sink = sink.with(|bytes: Vec<u8>| ready(Ok::<_, Error>(Message::Binary(bytes.into()))));
            let stream = stream.filter_map(|message| ready(binary(message)));
            Ok(Transport::new(stream, sink))
        }
        .boxed()
    }
}

fn binary(message: Result<Message, Error>) -> Option<Result<Vec<u8>, Error>> {
    match message {
        Ok(Message::Binary(bytes)) => Some(Ok(bytes.into())),
        Ok(
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
        ) => None,
        Err(error) => Some(Err(error)),
    }
}

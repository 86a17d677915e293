//! What the link wants of the hub: tokens, a socket, and words for documents.

use super::{Held, Hub, SPACE_KIB};
use crate::status::SyncError;
use crate::websocket::{Socket, Stuck};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tiebreak_protocol::DocumentId;
use tiebreak_sync::link::{Effect, End, Input, Token, TokenAnswer, TokenReason};
use tiebreak_sync::replica::Word;
use tiebreak_sync::room::PeerInfo;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

impl Hub {
    /// Gives the link an input and does what it wants.
    pub(super) fn feed(&mut self, input: Input) {
        let says_goodbye = matches!(input, Input::Disconnect);
        if matches!(input, Input::Message(_) | Input::Heard) {
            self.moved_at_ping = None;
        }
        if matches!(input, Input::Ended(_)) {
            self.drop_socket();
        }
        let effects = self.link.handle(self.parts.clock.now(), input);
        for effect in effects {
            match effect {
                Effect::FetchToken(reason) => self.token = Some(self.fetch_token(reason)),
                Effect::Open(token) => self.open(token),
                Effect::Send(bytes) => self.write(|socket| socket.send(bytes)),
                Effect::Ping => {
                    self.moved_at_ping = Some(self.moved());
                    self.write(Socket::ping);
                }
                Effect::Drop if says_goodbye => self.say_goodbye(),
                Effect::Drop => self.drop_socket(),
                Effect::Connected(peer) => self.connected(peer),
                Effect::Disconnected => self.disconnected(),
                Effect::ToReplica { document, word } => self.pass_on(document, word),
                Effect::StateChanged => self.parts.board.connection(self.link.state()),
                Effect::Troubled { reason } => {
                    debug!(reason, "the connection is in trouble");
                    self.parts.board.failed(SyncError::Connection { reason });
                }
            }
        }
    }

    pub(super) fn moved(&self) -> u64 {
        self.socket.as_ref().map_or(0, |socket| socket.load().moved())
    }

    fn fetch_token(&self, reason: TokenReason) -> BoxFuture<'static, TokenAnswer> {
        let Some(tokens) = self.tokens.clone() else {
            return std::future::ready(TokenAnswer::NotNeeded).boxed();
        };
        // In a task of its own: the app's code may block, or panic.
        let fetching = tokio::spawn(async move { tokens.fetch_token(reason).await });
        let fetching = AbortOnDropHandle::new(fetching);
        async move {
            match fetching.await {
                Ok(Ok(Some(secret))) => TokenAnswer::Granted(Token::new(secret)),
                Ok(Ok(None)) => TokenAnswer::SignedOut,
                Ok(Err(error)) => TokenAnswer::Failed { reason: error.to_string() },
                Err(_) => TokenAnswer::Failed { reason: "the token provider panicked".to_owned() },
            }
        }
        .boxed()
    }

    fn open(&mut self, token: Option<Token>) {
        self.held.clear();
        self.socket = self.address.as_ref().map(|address| Socket::open(address, token, &self.tasks));
    }

    fn write(&mut self, write: impl FnOnce(&Socket) -> Result<(), Stuck>) {
        let is_stuck = self.socket.as_ref().is_some_and(|socket| write(socket).is_err());
        if is_stuck {
            self.drop_socket();
            let reason = "the connection does not take what is sent to it".to_owned();
            self.feed(Input::Ended(End::Broken { reason }));
        }
    }

    fn say_goodbye(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.close();
        }
        self.drop_socket();
    }

    fn drop_socket(&mut self) {
        self.socket = None;
        self.held.clear();
        self.token = None;
    }

    fn connected(&mut self, peer: Arc<PeerInfo>) {
        self.peer = Some(peer);
        let actions = self.roster.connect();
        self.act(actions);
    }

    fn disconnected(&mut self) {
        self.peer = None;
        self.held.clear();
        self.roster.disconnect();
        self.registry.detach_all();
    }

    fn pass_on(&mut self, document: DocumentId, word: Word) {
        // Of a document that was closed, or never asked for, nothing is wanted.
        let words = self.registry.words_to(document).filter(|_| self.roster.is_attached(document));
        let Some(words) = words else { return };
        // A word larger than all the space there is waits until it has all of it.
        let kib = u32::try_from(word.weight() / 1024).unwrap_or(u32::MAX).min(SPACE_KIB);
        self.held.push_back(Held { words, word, kib });
    }
}

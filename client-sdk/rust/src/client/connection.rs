//! Whether a client is to have a connection.

use super::{HasServer, Tiebreak};
use crate::hub::Command;
use std::sync::PoisonError;

impl Tiebreak {
    /// Asks for a connection: at once if one is waited for, and again after the server has refused one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{ConnectionState, Tiebreak, TiebreakConfig};
    ///
    /// // An app that asks first.
    /// let config = TiebreakConfig::new(folder.path()).url("ws://127.0.0.1:9/automerge").offline();
    /// let tiebreak = Tiebreak::open(config).await?;
    /// assert_eq!(tiebreak.status().state, ConnectionState::Offline);
    /// tiebreak.connect();
    /// assert_ne!(tiebreak.status().state, ConnectionState::Offline);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self) {
        if self.client.has_server == HasServer::Yes {
            self.want(|wanted| wanted.by_app = true);
        }
    }

    /// Ends the connection and asks for no other. Everything else goes on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{ConnectionState, Tiebreak, TiebreakConfig};
    ///
    /// let config = TiebreakConfig::new(folder.path()).url("ws://127.0.0.1:9/automerge");
    /// let tiebreak = Tiebreak::open(config).await?;
    /// let mut statuses = tiebreak.status_stream();
    /// tiebreak.disconnect();
    /// while statuses.next().await.is_some_and(|status| status.state != ConnectionState::Offline) {}
    ///
    /// // The switch of an airplane: work goes on, and waits to be uploaded.
    /// tiebreak.create(&serde_json::json!({ "title": "above the clouds" })).await?;
    /// assert_eq!(tiebreak.status().pending_changes, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn disconnect(&self) {
        let mut wanted = self.client.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.by_app = false;
        self.client.parts.hub.command(Command::Disconnect);
    }

    /// Tells the client that the network is another, or that the app came back to the front: a connection that was
    /// given up is tried at once, one that seems to be there is probed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// // Wherever the system tells the app: of another network, of its return to the front.
    /// fn on_resume(tiebreak: &tiebreak_client::Tiebreak) {
    ///     tiebreak.network_changed();
    /// }
    /// on_resume(&tiebreak);
    /// # Ok(())
    /// # }
    /// ```
    pub fn network_changed(&self) {
        self.client.parts.hub.command(Command::NetworkChanged);
    }

    /// Changes what is wanted, and says so to the hub, in this order under one lock.
    fn want(&self, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = self.client.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wanted);
        if wanted.by_app || wanted.guests > 0 {
            // At once, so that whoever waits for an answer of the server does not give up before it is asked.
            self.client.parts.board.connecting();
            self.client.parts.hub.command(Command::Connect);
        } else {
            self.client.parts.hub.command(Command::Disconnect);
        }
    }
}

/// Who wants a connection: the app until it says otherwise, and everybody who syncs once as long as that takes.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    by_app: bool,
    guests: usize,
}

/// One who wants the connection for a while, and leaves it as others want it.
pub(super) struct Guest(Tiebreak);

impl Guest {
    pub(super) fn of(tiebreak: &Tiebreak) -> Self {
        tiebreak.want(|wanted| wanted.guests += 1);
        Self(tiebreak.clone())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.want(|wanted| wanted.guests -= 1);
    }
}

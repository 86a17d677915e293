//! `samod-client URL`: a stock samod repo, connected to a server, that obeys one JSON order a line and answers
//! each with one JSON line. Texts are addressed as `files/NAME` of a document's root.
#![expect(clippy::print_stdout, reason = "the answers go there")]

mod dialer;
mod order;
mod workbench;

use anyhow::Context;
use order::{Answer, Order};
use samod::{BackoffConfig, Repo};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use workbench::Workbench;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context("usage: samod-client URL")?;
    let repo = Repo::build_tokio().load().await;
    let backoff = BackoffConfig {
        initial_delay: Duration::from_millis(50),
        max_delay: Duration::from_millis(200),
        max_retries: None,
    };
    let _connection = repo.dial(backoff, Arc::new(dialer::WebSocketDialer::new(url.parse()?)))?;
    let mut workbench = Workbench::new(repo);
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let order: Order = serde_json::from_str(&line)?;
        let answer = match workbench.obey(order).await {
            Ok(answer) => answer,
            Err(error) => Answer::Error(format!("{error:#}")),
        };
        println!("{}", serde_json::to_string(&answer)?);
    }
    workbench.stop().await;
    Ok(())
}

//! `tiebreak keys create`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::{note, output};
use axum::http::Method;
use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use tiebreak_protocol::{DocumentId, Role};

const SECONDS_PER_DAY: u64 = 24 * 3600;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("reach").args(["document", "all_documents"]))]
pub(in crate::cli) struct Create {
    /// The account's id or its name
    account: AccountName,
    /// What people call the key
    #[arg(long)]
    name: String,
    /// What it may do at most, on any document: viewer, editor or owner
    #[arg(long)]
    role: Role,
    /// A document that it reaches; may be given several times. Without any: those that the account has a role on
    #[arg(long, value_name = "ID")]
    document: Vec<DocumentId>,
    #[command(flatten)]
    marks: Marks,
    /// Days until it is over; never if left out
    #[arg(long, value_name = "DAYS")]
    expires_in: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

#[derive(Debug, Args)]
struct Marks {
    /// It reaches every document that there is; for service accounts
    #[arg(long)]
    all_documents: bool,
    /// It may stand in the address of a WebSocket, where others may read it; only with --document, and on servers
    /// with --allow-url-keys
    #[arg(long, requires = "document")]
    in_address: bool,
}

impl Create {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let made =
            client.send(Method::POST, &format!("{}/keys", self.account.path()), &self.request()).await?;
        if self.json {
            return output::json(&made);
        }
        note(&format!("key {}; its secret is shown this once:", output::cell(&made, "id")));
        // Alone on its line, for programs too.
        output::line(&output::cell(&made, "secret"))
    }

    fn request(&self) -> Value {
        let documents: Vec<_> = self.document.iter().map(ToString::to_string).collect();
        json!({
            "name": self.name,
            "role": self.role.as_str(),
            "documents": Some(documents).filter(|documents| !documents.is_empty()),
            "all_documents": self.marks.all_documents,
            "in_address": self.marks.in_address,
            "expires_in": self.expires_in.map(|days| days.saturating_mul(SECONDS_PER_DAY)),
        })
    }
}

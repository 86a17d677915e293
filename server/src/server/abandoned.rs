//! Documents that only deleted accounts have. They go with the account; what a crash, a full disk or a deadline left of
//! them goes here.

use crate::http::Documents;
use std::time::Duration;
use tiebreak_storage::AccountStore;
use tokio::time::sleep;
use tracing::{info, warn};

/// How often they are looked for, beside every start.
const EVERY: Duration = Duration::from_secs(3600);

/// Documents looked up at once.
const PAGE: usize = 100;

/// Deletes what is abandoned, for as long as it is polled.
pub(super) async fn look_after(accounts: AccountStore, documents: Documents) {
    loop {
        erase_all(&accounts, &documents).await;
        sleep(EVERY).await;
    }
}

async fn erase_all(accounts: &AccountStore, documents: &Documents) {
    let (mut after, mut erased) = (None, 0_usize);
    loop {
        let page = match accounts.abandoned_documents(after, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                warn!(%error, "could not look for documents of deleted accounts");
                return;
            }
        };
        let Some(last) = page.last().copied() else { break };
        for document in page {
            match documents.erase(document).await {
                Ok(()) => erased += 1,
                Err(fault) => warn!(%document, %fault, "a document of a deleted account is still there"),
            }
        }
        after = Some(last);
    }
    if erased > 0 {
        info!(erased, "deleted what deleted accounts had left");
    }
}

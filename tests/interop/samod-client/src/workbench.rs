//! The open documents, and what is done to them.

use crate::order::{Answer, Edit, FileState, Order};
use anyhow::{Context, bail};
use automerge::transaction::Transactable;
use automerge::{Automerge, AutomergeError, ObjId, ObjType, ROOT, ReadDoc};
use futures_util::{FutureExt, StreamExt};
use samod::{DocHandle, DocumentId, Repo, SearchState};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

const WAIT_MAX: Duration = Duration::from_secs(120);
const FILES: &str = "files";
/// Changes made before others get to run: the repo must sync between them.
const EDITS_AT_ONCE: usize = 4;

pub(crate) struct Workbench {
    repo: Repo,
    open: BTreeMap<String, DocHandle>,
}

impl Workbench {
    pub(crate) fn new(repo: Repo) -> Self {
        Self { repo, open: BTreeMap::new() }
    }

    pub(crate) async fn obey(&mut self, order: Order) -> anyhow::Result<Answer> {
        match order {
            Order::Create { files } => self.create(&files).await,
            Order::Open { document } => self.open(&document).await,
            Order::Edit { document, file, edits } => {
                replay(self.handle(&document)?, &file, edits).await?;
                Ok(Answer::Edited)
            }
            Order::Report { document } => {
                Ok(self.handle(&document)?.with_document(|document| state(document))?)
            }
            Order::Await { document, heads } => wait_for_heads(self.handle(&document)?, heads).await,
        }
    }

    pub(crate) async fn stop(self) {
        self.repo.stop().await;
    }

    fn handle(&self, document: &str) -> anyhow::Result<&DocHandle> {
        self.open.get(document).context("the document is not open")
    }

    async fn create(&mut self, files: &[String]) -> anyhow::Result<Answer> {
        let mut document = Automerge::new();
        let created = document.transact(|transaction| {
            let folder = transaction.put_object(ROOT, FILES, ObjType::Map)?;
            for file in files {
                transaction.put_object(&folder, file.as_str(), ObjType::Text)?;
            }
            Ok::<_, AutomergeError>(())
        });
        created.map_err(|failure| failure.error)?;
        let handle = self.repo.create(document).await?;
        let document = handle.document_id().to_string();
        self.open.insert(document.clone(), handle);
        Ok(Answer::Created { document })
    }

    async fn open(&mut self, document: &str) -> anyhow::Result<Answer> {
        let id: DocumentId = document.parse().ok().context("not a document id")?;
        let (mut state, mut states) = self.repo.search(id)?;
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            if let SearchState::Found(handle) = state {
                self.open.insert(document.to_owned(), handle);
                return Ok(Answer::Opened);
            }
            let next = timeout_at(deadline, states.next()).await;
            state = next.context("nobody has the document")?.context("the repo has stopped")?;
        }
    }
}

async fn replay(handle: &DocHandle, file: &str, edits: Vec<Edit>) -> anyhow::Result<()> {
    let mut edits = edits.into_iter().peekable();
    while edits.peek().is_some() {
        let some: Vec<Edit> = edits.by_ref().take(EDITS_AT_ONCE).collect();
        handle.with_document(|document| -> anyhow::Result<()> {
            let text = text_of(document, file)?;
            for (position, deleted, inserted) in &some {
                let change = document
                    .transact(|transaction| transaction.splice_text(&text, *position, *deleted, inserted));
                change.map_err(|failure| failure.error)?;
            }
            Ok(())
        })?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn text_of(document: &Automerge, file: &str) -> anyhow::Result<ObjId> {
    let (_value, folder) = document.get(ROOT, FILES)?.context("the document has no files")?;
    let (_value, text) = document.get(folder, file)?.context("the document has no such file")?;
    Ok(text)
}

async fn wait_for_heads(handle: &DocHandle, mut heads: Vec<String>) -> anyhow::Result<Answer> {
    heads.sort();
    let deadline = Instant::now() + WAIT_MAX;
    // Listens before it looks, so that no change slips between.
    let mut changes = Box::pin(handle.changes());
    loop {
        let own = handle.with_document(|document| heads_of(document));
        if own == heads {
            return handle.with_document(|document| state(document));
        }
        match timeout_at(deadline, changes.next()).await {
            Ok(Some(_change)) => while changes.next().now_or_never().flatten().is_some() {},
            Ok(None) => bail!("the repo has stopped"),
            Err(_) => bail!("the heads are {own:?} and not {heads:?}"),
        }
    }
}

fn heads_of(document: &Automerge) -> Vec<String> {
    let mut heads: Vec<String> = document.get_heads().iter().map(ToString::to_string).collect();
    heads.sort();
    heads
}

fn state(document: &Automerge) -> anyhow::Result<Answer> {
    let mut files = BTreeMap::new();
    if let Some((_value, folder)) = document.get(ROOT, FILES)? {
        for name in document.keys(&folder) {
            let (_value, text) = document.get(&folder, name.as_str())?.context("a file vanished")?;
            let text = document.text(text)?;
            let digest = Sha256::digest(text.as_bytes());
            let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            files.insert(name, FileState { characters: text.chars().count(), sha256 });
        }
    }
    Ok(Answer::State { heads: heads_of(document), files })
}

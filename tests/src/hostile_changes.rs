//! Changes as a hostile server would send them.

use crate::dice::Dice;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use tiebreak_protocol::ChangeHash;

/// The gatekeeper's corpus: each chunk with the code of its refusal, or `accepted`.
///
/// # Panics
/// When it cannot be read.
pub fn corpus() -> Vec<(String, Bytes)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/document/corpus");
    let mut chunks = Vec::new();
    for folder in entries(&directory).into_iter().filter(|path| path.is_dir()) {
        let code = folder.file_name().and_then(|name| name.to_str()).expect("a code").to_owned();
        for file in entries(&folder) {
            chunks.push((code.clone(), std::fs::read(file).expect("readable").into()));
        }
    }
    chunks
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the corpus is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

/// Good changes without end, one after the other, each with a text that does not compress.
#[derive(Debug)]
pub struct Endless {
    document: AutoCommit,
    dice: Dice,
    text_bytes: usize,
}

impl Endless {
    /// By an actor of this number; a text in each of this length.
    pub fn new(actor: u8, text_bytes: usize) -> Self {
        let document = AutoCommit::new().with_actor(ActorId::from(vec![actor; 16]));
        Self { document, dice: Dice::new(actor.into()), text_bytes }
    }

    /// The next.
    ///
    /// # Panics
    /// Never, as far as is known.
    pub fn next_change(&mut self) -> (ChangeHash, Bytes) {
        let text: String = (0..self.text_bytes).map(|_| char::from(33 + self.printable())).collect();
        self.document.put(ROOT, "text", text).expect("writable");
        let hash = self.document.commit().expect("a change");
        let change = self.document.get_change_by_hash(&hash).expect("it was just made");
        (ChangeHash(hash.0), Bytes::copy_from_slice(change.raw_bytes()))
    }

    fn printable(&mut self) -> u8 {
        u8::try_from(self.dice.below(90)).expect("below 90")
    }
}

/// Good changes that all follow from others, which are kept back.
pub fn orphans(count: u8, text_bytes: usize) -> Vec<(ChangeHash, Bytes)> {
    let orphan = |actor: u8| {
        let mut endless = Endless::new(actor, text_bytes);
        endless.next_change();
        endless.next_change()
    };
    (1..=count).map(orphan).collect()
}

//! The corpus: `corpus/<code>/<name>.bin`, where `<code>` is the refusal that the bytes must get, or `accepted`.

use crate::fuzz_inputs;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use tiebreak_document::{SyncMessage, check_change, split_chunks};
use tiebreak_protocol::{Limits, Refusal};

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// All files of the corpus with their code, in order of their names.
pub(crate) fn files() -> Vec<(String, PathBuf, Bytes)> {
    let mut files = Vec::new();
    for code in entries(&directory()).into_iter().filter(|path| path.is_dir()) {
        let name = code.file_name().unwrap().to_str().unwrap().to_owned();
        for path in entries(&code) {
            let bytes = std::fs::read(&path).unwrap().into();
            files.push((name.clone(), path, bytes));
        }
    }
    files
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub(crate) fn code<T>(result: &Result<T, Refusal>) -> &'static str {
    result.as_ref().map_or_else(|refusal| refusal.code(), |_| "accepted")
}

/// Answers what is wrong, a line per file.
pub(crate) fn replay() -> Vec<String> {
    let limits = Limits::default();
    let mut wrong = Vec::new();
    for (expected, path, bytes) in files() {
        // Good files may hold many changes; a bad one is judged whole.
        let chunks = if expected == "accepted" { split_chunks(bytes).unwrap() } else { vec![bytes] };
        for (index, chunk) in chunks.into_iter().enumerate() {
            let verdict = code(&check_change(chunk, &limits));
            if verdict != expected {
                wrong.push(format!("{}, chunk {index}: {verdict}", path.display()));
            }
        }
    }
    wrong
}

#[test]
fn every_file_of_the_corpus_gets_the_verdict_of_its_folder() {
    assert_eq!(replay(), Vec::<String>::new());
}

#[test]
fn every_folder_of_the_corpus_is_a_refusal_code() {
    for (code, path, _) in files() {
        let known = Refusal::ALL.iter().any(|refusal| refusal.code() == code);
        assert!(known || code == "accepted", "{}", path.display());
    }
}

#[test]
fn the_fuzz_target_runs_over_the_corpus() {
    for (_, _, bytes) in files() {
        fuzz_inputs::try_chunks(&bytes);
        fuzz_inputs::try_message(&bytes);
        let changes = split_chunks(bytes).unwrap_or_default();
        fuzz_inputs::try_message(&SyncMessage { changes, ..SyncMessage::default() }.encode());
    }
}

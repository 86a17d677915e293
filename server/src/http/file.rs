//! An Automerge file in a body.

use super::documents::Offered;
use super::problem::Fault;
use bytes::Bytes;
use tiebreak_document::{Document, FileError};
use tiebreak_protocol::Limits;

pub(super) fn read(file: Bytes, limits: &Limits) -> Result<Offered, Fault> {
    let found = Document::changes_from_file(file, limits).map_err(|error| match error {
        FileError::TooLarge => Fault::FileTooLarge,
        FileError::NotAFile
        | FileError::Malformed
        | FileError::ChecksumMismatch
        | FileError::Unknown
        | FileError::Library(_) => Fault::MalformedFile(error.to_string()),
    })?;
    Ok(found.into())
}

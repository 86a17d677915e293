//! The kinds of documents that this server knows: the built-in ones, and the operator's own from a directory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tiebreak_kinds::limits::MAX_FILE_BYTES;
use tiebreak_kinds::{KindError, Kinds};

/// Files in one directory of kinds.
pub const KIND_FILES_MAX: usize = 1_000;

/// Why kinds could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KindsError {
    #[error("could not read {}; --kinds names a directory with one `.json` file for each kind", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} holds more than {KIND_FILES_MAX} kinds; --kinds takes a directory of its own for them", path.display())]
    TooManyFiles { path: PathBuf },
    #[error("these kinds are wrong:{}", lines(.0))]
    Wrong(Vec<KindError>),
}

fn lines(errors: &[KindError]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}

/// The built-in kinds, and those of the directory if there is one.
///
/// # Errors
/// When something cannot be read, or with everything that is wrong in any of the files.
pub fn load(directory: Option<&Path>) -> Result<Kinds, KindsError> {
    let Some(directory) = directory else { return Ok(Kinds::built_in()) };
    let files = files_in(directory)?;
    let texts = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    Kinds::with_files(texts).map_err(KindsError::Wrong)
}

/// The kind files of a directory, by name: errors and precedence do not depend on the file system.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>, KindsError> {
    let unreadable = |source| KindsError::Unreadable { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") && !path.is_dir() {
            files.push(path);
        }
        if files.len() > KIND_FILES_MAX {
            return Err(KindsError::TooManyFiles { path: directory.to_owned() });
        }
    }
    files.sort();
    Ok(files)
}

/// Name and text of one file. Of a file that is too large, as much as shows that it is.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn read(path: &Path) -> Result<(String, String), KindsError> {
    let unreadable = |source| KindsError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE_BYTES + 1).unwrap_or(u64::MAX);
    File::open(path).map_err(unreadable)?.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = if bytes.len() > MAX_FILE_BYTES {
        // It may end within a character.
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        let no_text = |error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error));
        String::from_utf8(bytes).map_err(no_text)?
    };
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok((name.to_string_lossy().into_owned(), text))
}

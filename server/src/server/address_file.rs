//! A file in the data directory that says where the server that has it open listens, for the command line.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tiebreak_protocol::{Secret, StorageId};
use tracing::warn;

const FILE_NAME: &str = "tiebreak.address";

/// Where a server listens, and whose data it has: another server may have taken the address meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) address: SocketAddr,
    pub(crate) storage: StorageId,
    /// With this the command line shows that it may read the directory: another one each time a server starts.
    pub(crate) operator: Secret,
}

/// Removes the file with itself. Without it commands still know that the directory is in use, only not by whom.
#[derive(Debug)]
pub(crate) struct AddressFile {
    path: PathBuf,
}

impl AddressFile {
    /// For whoever holds the directory's lock: what an earlier server left is removed.
    pub(crate) fn claim(directory: &Path) -> Self {
        let file = Self { path: directory.join(FILE_NAME) };
        file.remove();
        file
    }

    pub(crate) fn write(&self, server: &ServerAddress) {
        let text = format!("{}\n{}\n{}\n", server.address, server.storage.as_str(), server.operator.expose());
        // Who may read this file may do everything: it is its owner alone.
        let file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path);
        if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
            warn!(%error, "commands will not find this server by its data directory");
        }
    }

    /// What the server left that has the directory open; `None` while it has not come so far.
    pub(crate) fn read(directory: &Path) -> Option<ServerAddress> {
        let text = fs::read_to_string(directory.join(FILE_NAME)).ok()?;
        let mut lines = text.lines();
        Some(ServerAddress {
            address: lines.next()?.parse().ok()?,
            storage: lines.next()?.parse().ok()?,
            operator: Secret::new(lines.next()?.to_owned()),
        })
    }

    fn remove(&self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(%error, "could not remove {}", self.path.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        self.remove();
    }
}

//! A file in the data directory that says where the server that has it open listens, for the command line.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tiebreak_protocol::StorageId;
use tracing::warn;

const FILE_NAME: &str = "tiebreak.address";

/// Where a server listens, and whose data it has: another server may have taken the address meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) address: SocketAddr,
    pub(crate) storage: StorageId,
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
        let text = format!("{}\n{}\n", server.address, server.storage.as_str());
        if let Err(error) = fs::write(&self.path, text) {
            warn!(%error, "commands will not find this server by its data directory");
        }
    }

    /// What the server left that has the directory open; `None` while it has not come so far.
    pub(crate) fn read(directory: &Path) -> Option<ServerAddress> {
        let text = fs::read_to_string(directory.join(FILE_NAME)).ok()?;
        let (address, storage) = text.trim_end().split_once('\n')?;
        Some(ServerAddress { address: address.parse().ok()?, storage: storage.parse().ok()? })
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

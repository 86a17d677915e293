//! The data directory as commands find it.

use crate::config::{Config, StoreChoice};
use anyhow::bail;
use std::path::Path;
use tiebreak_storage::SqliteStore;

/// The directory of an embedded store that exists.
pub(super) fn existing<'a>(config: &'a Config, command: &str) -> anyhow::Result<&'a Path> {
    if let StoreChoice::Postgres(_) = &config.store {
        bail!(
            "`tiebreak {command}` is for the embedded store; {} has tools of its own, such as pg_dump",
            config.store
        );
    }
    if !SqliteStore::database_in(&config.data).exists() {
        bail!("there is no data in {}; name another directory with --data", config.data.display());
    }
    Ok(&config.data)
}

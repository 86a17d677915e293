//! Credentials in a file.

use super::{CredentialError, CredentialFuture, CredentialStore};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Credentials in a file that its owner alone may read. Phones have something better: a Keychain or Keystore, behind a
/// [`CredentialStore`] of the app's own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("credentials");
/// use tiebreak_client::{CredentialFile, CredentialStore};
///
/// let file = CredentialFile::at(&path);
/// assert_eq!(file.load().await?, None);
/// file.save("secret".to_owned()).await?;
/// assert_eq!(file.load().await?.as_deref(), Some("secret"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CredentialFile {
    path: PathBuf,
}

impl CredentialFile {
    /// The file at `path`, which is made when somebody signs in.
    ///
    /// ```
    /// let file = tiebreak_client::CredentialFile::at("./credentials");
    /// ```
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned() }
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        done.unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| CredentialError::new(format!("{}: {error}", self.path.display())))
    }
}

impl CredentialStore for CredentialFile {
    fn load(&self) -> CredentialFuture<'_, Option<String>> {
        Box::pin(self.work(|path| match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }))
    }

    fn save(&self, credentials: String) -> CredentialFuture<'_, ()> {
        Box::pin(self.work(move |path| replace(path, credentials.as_bytes())))
    }

    fn erase(&self) -> CredentialFuture<'_, ()> {
        Box::pin(self.work(|path| {
            // What a crash left in the midst of saving is a credential, too.
            for path in [beside(path)?, path.to_owned()] {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
            Ok(())
        }))
    }
}

/// Where what is to take its place is written.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    Ok(path.with_file_name(name))
}

/// Whole or not at all, whenever the power goes.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = beside(path)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_its_owners_alone_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let file = CredentialFile::at(&path);
        for text in ["one", "two"] {
            file.save(text.to_owned()).await.unwrap();
            assert_eq!(file.load().await.unwrap().as_deref(), Some(text));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(folder.path().join("credentials.new"), "left by a crash").unwrap();
        file.erase().await.unwrap();
        file.erase().await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let nowhere = CredentialFile::at(folder.path().join("no/such/folder"));
        assert!(nowhere.save("x".to_owned()).await.is_err());
    }
}

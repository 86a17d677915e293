//! The kinds that a server, or an app, knows.

use crate::error::{KindError, Problem};
use crate::kind::Kind;
use crate::reader;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

const BUILT_IN: &[(&str, &str)] = &[
    ("cart.json", include_str!("../kinds/cart.json")),
    ("group.json", include_str!("../kinds/group.json")),
    ("profile.json", include_str!("../kinds/profile.json")),
];

static BUILT_IN_KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let files = BUILT_IN.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    Kinds::over(BTreeMap::new(), files).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("a built-in kind is wrong: {}", errors.join("\n"))
    })
});

/// Kinds by name. Cloning is cheap: clones share them.
#[derive(Debug, Clone)]
pub struct Kinds {
    by_name: Arc<BTreeMap<String, Arc<Kind>>>,
}

impl Kinds {
    /// The kinds that everybody has.
    pub fn built_in() -> Self {
        BUILT_IN_KINDS.clone()
    }

    /// The built-in kinds and those of these files, given as name and text. A file replaces the built-in kind of
    /// its name.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of the files.
    pub fn with_files(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<KindError>> {
        Self::over((*BUILT_IN_KINDS.by_name).clone(), files)
    }

    fn over(
        mut by_name: BTreeMap<String, Arc<Kind>>,
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<KindError>> {
        let mut errors = Vec::new();
        let mut file_of: BTreeMap<String, String> = BTreeMap::new();
        for (file, text) in files {
            let kind = match reader::read(&file, &text) {
                Ok(kind) => kind,
                Err(wrong) => {
                    errors.extend(wrong);
                    continue;
                }
            };
            let name = kind.name().to_owned();
            if let Some(other) = file_of.insert(name.clone(), file.clone()) {
                let problem = Problem::NameTakenTwice { name: name.clone(), other };
                errors.push(KindError { file, path: "/x-tiebreak-kind".to_owned(), problem });
            }
            by_name.insert(name, Arc::new(kind));
        }
        if errors.is_empty() { Ok(Self { by_name: Arc::new(by_name) }) } else { Err(errors) }
    }

    /// The kind of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Kind>> {
        self.by_name.get(name)
    }

    /// All kinds, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.by_name.values()
    }
}

#[cfg(test)]
mod tests;

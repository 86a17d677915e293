//! Places in a document: paths from its root.

use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The key of a map.
    Key(String),
    /// Where the element stands in its list today, which may not be where it stood when the change was made.
    Position(usize),
    /// An element that is no longer in its list; nothing is found there.
    Removed,
}

impl From<&str> for PathStep {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for PathStep {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<String> for PathStep {
    fn from(key: String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for PathStep {
    fn from(position: usize) -> Self {
        Self::Position(position)
    }
}

/// A path as text: a JSON Pointer (RFC 6901), in which `-` is an element that is gone.
pub fn pointer(path: &[PathStep]) -> String {
    let step = |step: &PathStep| match step {
        PathStep::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        PathStep::Position(position) => format!("/{position}"),
        PathStep::Removed => "/-".to_owned(),
    };
    path.iter().map(step).collect()
}

/// What names a place: one key of the root as a text (it is never split), or the steps from the root as an
/// array, a slice, a `Vec` or [`path!`](macro@crate::path). No steps at all name the root.
pub trait IntoPath {
    /// The steps from the root.
    fn into_path(self) -> Vec<PathStep>;
}

impl IntoPath for &str {
    fn into_path(self) -> Vec<PathStep> {
        vec![self.into()]
    }
}

impl IntoPath for &String {
    fn into_path(self) -> Vec<PathStep> {
        vec![self.into()]
    }
}

impl IntoPath for String {
    fn into_path(self) -> Vec<PathStep> {
        vec![self.into()]
    }
}

impl<T: Into<PathStep>, const N: usize> IntoPath for [T; N] {
    fn into_path(self) -> Vec<PathStep> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<PathStep> + Clone, const N: usize> IntoPath for &[T; N] {
    fn into_path(self) -> Vec<PathStep> {
        self.as_slice().into_path()
    }
}

impl<T: Into<PathStep> + Clone> IntoPath for &[T] {
    fn into_path(self) -> Vec<PathStep> {
        self.iter().cloned().map(Into::into).collect()
    }
}

impl<T: Into<PathStep>> IntoPath for Vec<T> {
    fn into_path(self) -> Vec<PathStep> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<PathStep> + Clone> IntoPath for &Vec<T> {
    fn into_path(self) -> Vec<PathStep> {
        self.as_slice().into_path()
    }
}

/// A path of keys and positions: `path!["events", 3, "title"]`.
#[macro_export]
macro_rules! path {
    ($($step:expr),* $(,)?) => {{
        let steps: ::std::vec::Vec<$crate::PathStep> = ::std::vec![$($crate::PathStep::from($step)),*];
        steps
    }};
}

/// A path as a person reads it: `events/3/title`.
pub(crate) struct Shown<'a>(pub(crate) &'a [PathStep]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("the root");
        }
        for (number, step) in self.0.iter().enumerate() {
            if number > 0 {
                formatter.write_str("/")?;
            }
            match step {
                PathStep::Key(key) => formatter.write_str(key)?,
                PathStep::Position(position) => write!(formatter, "{position}")?,
                PathStep::Removed => formatter.write_str("(removed)")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_names_a_place_becomes_the_same_steps() {
        let steps = vec![PathStep::Key("a".to_owned()), PathStep::Key("b/c".to_owned())];
        assert_eq!(["a", "b/c"].into_path(), steps);
        assert_eq!((&["a", "b/c"]).into_path(), steps);
        assert_eq!(vec!["a".to_owned(), "b/c".to_owned()].into_path(), steps);
        assert_eq!(steps.as_slice().into_path(), steps);
        assert_eq!((&steps).into_path(), path!["a", "b/c"]);
        assert_eq!("b/c".into_path(), path!["b/c"]);
        assert_eq!("b/c".to_owned().into_path(), path![String::from("b/c")]);
        assert_eq!(path![], []);
    }

    #[test]
    fn a_path_is_shown_as_its_steps() {
        assert_eq!(Shown(&path!["events", 3, "title"]).to_string(), "events/3/title");
        assert_eq!(Shown(&[]).to_string(), "the root");
    }
}

//! Versions of documents as entity tags, and the conditions that callers put on them.

use super::problem::Fault;
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use sha2::{Digest, Sha256};
use std::fmt;
use tiebreak_protocol::{ChangeHash, Heads};
use tiebreak_sync::room::Expected;

/// Names a state of a document, whatever it is shown as. With a single head it is that head, so that people
/// recognise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Etag(ChangeHash);

impl Etag {
    pub(super) fn of(heads: &Heads) -> Self {
        match heads.as_slice() {
            [head] => Self(*head),
            several => Self(ChangeHash(Sha256::digest(Heads::new(several.to_vec()).to_bytes()).into())),
        }
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// The tag of what counts its versions.
pub(super) fn of_version(version: u64) -> String {
    format!("\"{version}\"")
}

/// The versions that a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Versions {
    Any,
    OneOf(Vec<Tag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    is_weak: bool,
    text: String,
}

/// `If-Match`: go on only if the document is still as the caller saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IfMatch(Option<Versions>);

impl IfMatch {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        read(headers, &IF_MATCH).map(Self)
    }

    /// Whether there is any condition to check.
    pub(super) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// What must still hold when the document is changed: it may have moved on since it was looked at.
    pub(super) fn expected(&self, heads: Heads) -> Expected {
        match &self.0 {
            None | Some(Versions::Any) => Expected::Anything,
            Some(Versions::OneOf(_)) => Expected::Heads(heads),
        }
    }

    pub(super) fn check(&self, heads: &Heads) -> Result<(), Fault> {
        if self.names(&Etag::of(heads).to_string()) { Ok(()) } else { Err(Fault::PreconditionFailed) }
    }

    /// Whether it lets whatever has this tag be changed.
    pub(super) fn names(&self, etag: &str) -> bool {
        match &self.0 {
            None | Some(Versions::Any) => true,
            Some(Versions::OneOf(tags)) => tags.iter().any(|tag| !tag.is_weak && tag.text == etag),
        }
    }
}

/// `If-None-Match`: the caller has these versions already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfNoneMatch(Option<Versions>);

impl IfNoneMatch {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        read(headers, &IF_NONE_MATCH).map(Self)
    }

    pub(super) fn has(&self, etag: &Etag) -> bool {
        let etag = etag.to_string();
        match &self.0 {
            None => false,
            Some(Versions::Any) => true,
            // Caches on the way may have marked our tag as weak.
            Some(Versions::OneOf(tags)) => tags.iter().any(|tag| tag.text == etag),
        }
    }
}

fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Versions>, Fault> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| Fault::MalformedCondition)?.trim();
        if value == "*" {
            return Ok(Some(Versions::Any));
        }
        // Our tags hold no comma; others never match, however they are cut.
        for text in value.split(',').map(str::trim) {
            let (is_weak, text) = text.strip_prefix("W/").map_or((false, text), |text| (true, text));
            if text.len() < 2 || !text.starts_with('"') || !text.ends_with('"') {
                return Err(Fault::MalformedCondition);
            }
            tags.push(Tag { is_weak, text: text.to_owned() });
        }
    }
    Ok((!tags.is_empty()).then_some(Versions::OneOf(tags)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn heads(bytes: &[u8]) -> Heads {
        bytes.iter().map(|byte| ChangeHash([*byte; 32])).collect()
    }

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn one_head_is_its_own_tag_and_several_are_hashed() {
        assert_eq!(Etag::of(&heads(&[0xab])).to_string(), format!("\"{}\"", "ab".repeat(32)));
        assert_ne!(Etag::of(&heads(&[1, 2])), Etag::of(&heads(&[1, 3])));
    }

    #[test]
    fn a_write_goes_on_for_the_version_that_was_seen() {
        let etag = Etag::of(&heads(&[1]));
        for (value, outcome) in [
            (etag.to_string(), Ok(())),
            ("*".to_owned(), Ok(())),
            (format!("\"other\", {etag}"), Ok(())),
            ("\"other\"".to_owned(), Err(Fault::PreconditionFailed)),
            (format!("W/{etag}"), Err(Fault::PreconditionFailed)),
        ] {
            let condition = IfMatch::read(&headers(IF_MATCH, &value)).unwrap();
            assert_eq!(condition.check(&heads(&[1])), outcome, "{value}");
        }
        assert_eq!(IfMatch::read(&headers(IF_MATCH, "bare")), Err(Fault::MalformedCondition));
    }

    #[test]
    fn a_weak_copy_of_the_tag_is_as_good_for_reading() {
        let etag = Etag::of(&heads(&[1]));
        let has = |value: &str| IfNoneMatch::read(&headers(IF_NONE_MATCH, value)).unwrap().has(&etag);
        assert!(has(&etag.to_string()) && has(&format!("W/{etag}")) && has("*"));
        assert!(!has("\"other\""));
    }
}

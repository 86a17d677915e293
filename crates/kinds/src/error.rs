//! What can be wrong with a kind file, and how to mend it.

use crate::limits;
use crate::words::{Merge, Type};
use std::fmt;

/// One thing wrong in one kind file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct KindError {
    /// The file's name, as it was given.
    pub file: String,
    /// Where in the file: a JSON pointer; empty for the file as a whole.
    pub path: String,
    pub problem: Problem,
}

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, path, problem } = self;
        let at = if path.is_empty() { String::new() } else { format!(" at {path}") };
        write!(f, "{file}{at}: {problem}; {}", problem.mend())
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    #[error("the file has {bytes} bytes and may have {}", limits::MAX_FILE_BYTES)]
    FileTooLarge { bytes: usize },
    #[error("this is not JSON: {error}")]
    NotJson { error: String },
    #[error("{error}")]
    DuplicateKey { error: String },
    #[error("paths nest more than {} names deep", limits::MAX_DEPTH)]
    TooDeep,
    #[error(
        "the kind has more than {} schemas, counted as often as $ref brings them in",
        limits::MAX_SCHEMAS
    )]
    TooManySchemas,
    #[error("this is not valid JSON Schema: {error}")]
    NotSchema { error: String },
    #[error("$schema is {found}")]
    OtherDialect { found: String },
    #[error("{keyword} is missing")]
    MissingKeyword { keyword: &'static str },
    #[error("{keyword} is no keyword of a kind")]
    UnknownKeyword { keyword: String },
    #[error("{keyword} has no effect here")]
    MisplacedKeyword { keyword: String },
    #[error("{keyword} is {found}")]
    WrongValue { keyword: String, found: String, expected: &'static str },
    #[error("{name:?} cannot be a name")]
    WrongName { name: String },
    #[error("two files declare the kind {name}, the other is {other}")]
    NameTakenTwice { name: String, other: String },
    #[error("a document is an object, and this schema takes something else")]
    RootNotObject,
    #[error("{mode} does not fit {found}")]
    WrongType { mode: String, found: String, fits: &'static str },
    #[error("{keyword} has no effect on a path with x-tiebreak-merge: {merge}")]
    NoEffect { keyword: &'static str, merge: Merge },
    #[error("{inner} stands inside of {outer}")]
    InsideOfAnother { inner: String, outer: String },
    #[error("{keyword}: false would drop fields that a newer app knows, and unknown fields are kept")]
    ClosedObject { keyword: String },
    #[error("the name {name:?} begins with @")]
    ReservedName { name: String },
    #[error("$ref is {found}")]
    RefNotLocal { found: String },
    #[error("$ref leads back into itself through {found}")]
    RefRecursive { found: String },
    #[error("{keyword} is not supported in kinds")]
    Unsupported { keyword: String },
    #[error("the expression has {bytes} bytes and may have {}", limits::MAX_EXPRESSION_BYTES)]
    ExpressionTooLong { bytes: usize },
    #[error("the expression has more than {} operators and brackets", limits::MAX_EXPRESSION_PARTS)]
    ExpressionTooManyParts,
    #[error("the expression does not compile: {error}")]
    ExpressionInvalid { error: String },
    #[error("the expression nests more than {} loops", limits::MAX_NESTED_LOOPS)]
    ExpressionLoops,
    #[error("the kind has more than {} rules", limits::MAX_RULES)]
    TooManyRules,
    #[error("two rules have the name {name}")]
    RuleNameTwice { name: String },
    #[error("the path {path:?} is not declared")]
    UndeclaredPath { path: String },
}

impl Problem {
    /// What to do about it.
    pub fn mend(&self) -> String {
        match self {
            Self::FileTooLarge { .. } => "say less, or make two kinds of it".to_owned(),
            Self::NotJson { .. } => "write one JSON object, without comments".to_owned(),
            Self::DuplicateKey { .. } => "keep one of the two".to_owned(),
            Self::TooDeep => "nest less".to_owned(),
            Self::TooManySchemas => "declare fewer paths, or bring in fewer with $ref".to_owned(),
            Self::NotSchema { .. } => "see JSON Schema 2020-12 for what may stand here".to_owned(),
            Self::OtherDialect { .. } => format!("write {:?}", crate::reader::DIALECT),
            Self::MissingKeyword { keyword } => format!("add {keyword} to the top of the file"),
            Self::UnknownKeyword { .. } => format!("one of: {}", crate::reader::keyword_list()),
            Self::MisplacedKeyword { .. } => {
                "paths are declared under properties, additionalProperties and items; \
                 the name, version, rules and rights of a kind stand at the top of the file"
                    .to_owned()
            }
            Self::WrongValue { expected, .. } => format!("write {expected}"),
            Self::WrongName { .. } => {
                "a name begins with a to z, goes on with a to z, 0 to 9, _ and -, and has up to 64 characters"
                    .to_owned()
            }
            Self::NameTakenTwice { .. } => "rename one of them, or remove it".to_owned(),
            Self::RootNotObject => "write \"type\": \"object\" at the top of the file".to_owned(),
            Self::WrongType { fits, .. } => format!("declare \"type\" as {fits}, or choose another mode"),
            Self::NoEffect { keyword, .. } => format!("remove {keyword}, or choose another mode"),
            Self::InsideOfAnother { .. } => {
                "remove it here: what is inside of a path follows that path".to_owned()
            }
            Self::ClosedObject { keyword } => format!("remove {keyword}"),
            Self::ReservedName { .. } => "choose another name: these are the engine's own".to_owned(),
            Self::RefNotLocal { .. } => "refer to a schema of this file: \"#/$defs/NAME\"".to_owned(),
            Self::RefRecursive { .. } => "write out as many levels as there are".to_owned(),
            Self::Unsupported { .. } => "name schemas under $defs and refer to them with $ref".to_owned(),
            Self::ExpressionTooLong { .. } | Self::ExpressionTooManyParts => {
                "make several rules of it".to_owned()
            }
            Self::ExpressionInvalid { .. } => "write CEL that is true for a sound document".to_owned(),
            Self::ExpressionLoops => "loop over one list inside of another at most".to_owned(),
            Self::TooManyRules => "join rules that belong together".to_owned(),
            Self::RuleNameTwice { .. } => "rename one of them".to_owned(),
            Self::UndeclaredPath { .. } => {
                "name properties that this kind declares, joined by /, such as \"lines\" or \"address/city\""
                    .to_owned()
            }
        }
    }
}

/// The types of a path, as an error names them.
pub(crate) fn type_list(types: &[Type]) -> String {
    if types.is_empty() {
        return "values of any type".to_owned();
    }
    let words: Vec<_> = types.iter().map(|kind| kind.as_str()).collect();
    format!("values of type {}", words.join(" or "))
}

//! The keywords that a kind file may have, and those of JSON Schema that kinds treat in their own way.

/// The only dialect of JSON Schema that kinds are written in.
pub(crate) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What every keyword of ours begins with.
pub(super) const PREFIX: &str = "x-tiebreak-";

/// Keywords at the top of the file.
pub(super) const OF_KIND: &[&str] =
    &["x-tiebreak-kind", "x-tiebreak-version", "x-tiebreak-tell", "x-tiebreak-rules", "x-tiebreak-allow"];

/// Keywords of a path.
pub(super) const OF_PATH: &[&str] =
    &["x-tiebreak-merge", "x-tiebreak-remove", "x-tiebreak-write", "x-tiebreak-secret", "x-tiebreak-resolve"];

/// Keywords that limit the values of a path and hold no schema.
pub(crate) const LIMITS: &[&str] = &[
    "const",
    "contentEncoding",
    "contentMediaType",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "dependentRequired",
    "uniqueItems",
];

/// Keywords that hold one schema which limits values and declares no path.
pub(super) const HOLD_SCHEMA: &[&str] =
    &["not", "if", "then", "else", "contains", "propertyNames", "contentSchema", "unevaluatedItems"];
/// The same, with a list of schemas.
pub(super) const HOLD_LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
/// The same, with schemas by name.
pub(super) const HOLD_NAMED: &[&str] = &["patternProperties", "dependentSchemas"];

/// Other ways to name and find schemas than `$defs` and `$ref`.
pub(super) const UNSUPPORTED: &[&str] =
    &["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$vocabulary"];

/// All keywords of ours, as an error lists them.
pub(crate) fn keyword_list() -> String {
    let all: Vec<_> = OF_KIND.iter().chain(OF_PATH).copied().collect();
    all.join(", ")
}

/// Whether this can name a kind or a rule: `[a-z][a-z0-9_-]{0,63}`.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed)
}

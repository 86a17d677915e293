//! The soft limits of a kind: what JSON Schema says about values beyond how they merge.

use crate::limits::{MAX_BROKEN_RULES, MAX_ERRORS};
use crate::rule::BrokenRule;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// A kind's schema, compiled.
#[derive(Debug)]
pub(crate) struct Constraints {
    validator: Validator,
}

/// Something that JSON Schema does not allow in a schema: where, and what.
pub(crate) type SchemaError = (String, String);

impl Constraints {
    pub(crate) fn compile(schema: &Value) -> Result<Self, Vec<SchemaError>> {
        let locate = |error: ValidationError<'_>| (error.instance_path().to_string(), error.to_string());
        let meta = jsonschema::draft202012::meta::validator();
        let errors: Vec<_> = meta.iter_errors(schema).take(MAX_ERRORS).map(locate).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        // The linear-time engine: a pattern must not make one document take minutes.
        let options = jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .offline();
        let validator = options.build(schema).map_err(|error| vec![locate(error)])?;
        Ok(Self { validator })
    }

    pub(crate) fn broken_by<'a>(&'a self, doc: &'a Value) -> impl Iterator<Item = BrokenRule> + 'a {
        let errors = self.validator.iter_errors(doc);
        // What begins with @ is the engine's own and no field of the kind.
        errors.map(to_broken).filter(|broken| !broken.path.starts_with("/@")).take(MAX_BROKEN_RULES)
    }
}

fn to_broken(error: ValidationError<'_>) -> BrokenRule {
    BrokenRule {
        path: error.instance_path().to_string(),
        name: error.kind().keyword().to_owned(),
        message: message(&error),
        refuse: false,
    }
}

/// What a person reads, without the value: it may be a secret, and it may be long.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library has its own words for what has none here")]
fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} elements"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} elements"),
        ValidationErrorKind::MaxProperties { limit } => format!("at most {limit} entries"),
        ValidationErrorKind::MinProperties { limit } => format!("at least {limit} entries"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::UniqueItems => "no element twice".to_owned(),
        ValidationErrorKind::Required { property } => format!("{property} is missing"),
        ValidationErrorKind::Format { format } => format!("written as a {format}"),
        ValidationErrorKind::PropertyNames { .. } => "a key that this kind does not take".to_owned(),
        _ => error.masked_with("the value").to_string(),
    }
}

//! How large a kind may be.

/// Bytes of one kind file.
pub const MAX_FILE_BYTES: usize = 256 * 1024;
/// How many names lead from the root of a document to a declared path.
pub const MAX_DEPTH: usize = 64;
/// How deep brackets nest in a kind file: two for each name on a path, and what a schema needs around them.
pub const MAX_JSON_DEPTH: usize = 120;
/// Schemas in one kind, each counted as often as `$ref` brings it in.
pub const MAX_SCHEMAS: usize = 10_000;
/// Bytes of one CEL expression.
pub const MAX_EXPRESSION_BYTES: usize = 2 * 1024;
/// How deep parts nest in one CEL expression.
pub const MAX_EXPRESSION_DEPTH: u16 = 32;
/// Operators, brackets and other signs in one CEL expression: working it out goes a step down the stack for each.
pub const MAX_EXPRESSION_PARTS: usize = 200;
/// Values of a document that one CEL expression may look at, counted each time; with more it has no answer.
pub const MAX_EXPRESSION_STEPS: usize = 1_000_000;
/// Loops inside each other in one CEL expression: each one multiplies the work by the size of the document.
pub const MAX_NESTED_LOOPS: usize = 2;
/// Rules of one kind.
pub const MAX_RULES: usize = 100;
/// Rules named as broken for one document; the rest stays unsaid.
pub const MAX_BROKEN_RULES: usize = 100;
/// Errors named for one kind file; the rest shows after these are mended.
pub const MAX_ERRORS: usize = 100;

//! Expressions in CEL over a document: checked when a kind is read, the same answer on every replica.

use crate::cel_value::{Steps, to_cel};
use crate::error::Problem;
use crate::limits::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_PARTS, MAX_NESTED_LOOPS};
use cel::common::ast::Expr;
use cel::parser::Parser;
use cel::{Context, Env, IdedExpr};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// The functions and operators of CEL that an expression may use: none that reads a clock or depends on an order.
const FUNCTIONS: &[&str] = &[
    "_?_:_",
    "_&&_",
    "_||_",
    "!_",
    "_-_",
    "_+_",
    "_*_",
    "_/_",
    "_%_",
    "_==_",
    "_!=_",
    "_>=_",
    "_<=_",
    "_>_",
    "_<_",
    "-_",
    "_[_]",
    "@in",
    "@not_strictly_false",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
    "bool",
    "type",
];
/// Names that stand for types, as in `type(doc.age) == int`.
const TYPES: &[&str] = &["bool", "int", "uint", "double", "string", "list", "map", "null_type"];

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// One expression, parsed.
#[derive(Debug)]
pub(crate) struct Expression {
    source: String,
    parsed: IdedExpr,
}

impl Expression {
    /// Parses an expression that may name these variables.
    pub(crate) fn compile(source: &str, variables: &[&str]) -> Result<Self, Problem> {
        if source.len() > MAX_EXPRESSION_BYTES {
            return Err(Problem::ExpressionTooLong { bytes: source.len() });
        }
        if parts(source) > MAX_EXPRESSION_PARTS {
            return Err(Problem::ExpressionTooManyParts);
        }
        let mut parsed =
            Parser::new().max_recursion_depth(MAX_EXPRESSION_DEPTH).parse(source).map_err(|errors| {
                let error =
                    errors.errors.first().map_or_else(|| errors.to_string(), |error| error.msg.clone());
                Problem::ExpressionInvalid { error }
            })?;
        Check { names: variables.to_vec() }.part(&parsed, 0)?;
        documents_first(&mut parsed);
        Ok(Self { source: source.to_owned(), parsed })
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What the expression says; none if it has no answer within [`crate::limits::MAX_EXPRESSION_STEPS`], or one that is neither
    /// yes nor no.
    pub(crate) fn holds(&self, variables: &[(&str, &Value)]) -> Option<bool> {
        let steps = Steps::default();
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, value) in variables {
            context.add_variable_as_val(*name, to_cel(value, &steps));
        }
        match cel::Value::resolve(&self.parsed, &context) {
            Ok(cel::Value::Bool(answer)) if !steps.are_used_up() => Some(answer),
            Ok(_) | Err(_) => None,
        }
    }
}

/// How many operators and brackets a source can have at most; known before the parser goes down into them.
fn parts(source: &str) -> usize {
    let signs = source.bytes().filter(|byte| byte.is_ascii_punctuation() && !b"_\"'".contains(byte));
    signs.count() + source.matches("in").count()
}

/// Puts what comes from a document on the left of `==` and `!=`, where it is what compares: CEL's own lists know
/// only each other.
fn documents_first(part: &mut IdedExpr) {
    match &mut part.expr {
        Expr::Call(call) => {
            if let ("_==_" | "_!=_", [left, right]) = (call.func_name.as_str(), &mut *call.args)
                && is_made(left)
                && !is_made(right)
            {
                std::mem::swap(left, right);
            }
            call.target.as_deref_mut().into_iter().chain(&mut call.args).for_each(documents_first);
        }
        Expr::Comprehension(comprehension) => {
            documents_first(&mut comprehension.iter_range);
            documents_first(&mut comprehension.loop_step);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(documents_first),
        Expr::Select(select) => documents_first(&mut select.operand),
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) | Expr::Map(_) | Expr::Struct(_) => {}
    }
}

/// Whether the expression makes this value, rather than find it in the document.
fn is_made(part: &IdedExpr) -> bool {
    match &part.expr {
        Expr::List(_) | Expr::Comprehension(_) => true,
        Expr::Call(call) => call.func_name == "_+_",
        Expr::Unspecified
        | Expr::Ident(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_) => false,
    }
}

/// Names known at one place of an expression.
struct Check<'a> {
    names: Vec<&'a str>,
}

impl<'a> Check<'a> {
    fn part(&mut self, part: &'a IdedExpr, loops: usize) -> Result<(), Problem> {
        match &part.expr {
            Expr::Unspecified => Err(invalid("a part is empty".to_owned())),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.part(&select.operand, loops),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.part(element, loops)),
            Expr::Map(_) | Expr::Struct(_) => {
                Err(invalid("objects cannot be written in an expression; compare field by field".to_owned()))
            }
            Expr::Call(call) => {
                if !FUNCTIONS.contains(&call.func_name.as_str()) {
                    return Err(invalid(format!("there is no function {}", call.func_name)));
                }
                let mut parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.try_for_each(|part| self.part(part, loops))
            }
            Expr::Comprehension(comprehension) => {
                if loops == MAX_NESTED_LOOPS {
                    return Err(Problem::ExpressionLoops);
                }
                // What is looped over is worked out once, before the loop.
                self.part(&comprehension.iter_range, loops)?;
                self.part(&comprehension.accu_init, loops)?;
                let known = self.names.len();
                let names = [Some(&comprehension.iter_var), comprehension.iter_var2.as_ref()];
                self.names.extend(names.into_iter().flatten().map(String::as_str));
                self.names.push(&comprehension.accu_var);
                let inside = [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
                let checked = inside.into_iter().try_for_each(|part| self.part(part, loops + 1));
                self.names.truncate(known);
                checked
            }
        }
    }

    fn name(&self, name: &str) -> Result<(), Problem> {
        if self.names.contains(&name) || TYPES.contains(&name) {
            return Ok(());
        }
        Err(invalid(format!("there is no {name} here; the document is `doc`")))
    }
}

fn invalid(error: String) -> Problem {
    Problem::ExpressionInvalid { error }
}

#[cfg(test)]
mod tests;

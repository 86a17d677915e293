//! What a path says about merging and rights, and whether it makes sense where it stands.

use super::Reader;
use super::layers::Layers;
use crate::error::{Problem, type_list};
use crate::node::Secrecy;
use crate::words::{Merge, Resolver, Type, Word, Write};
use serde_json::Value;

/// What a path takes over from those it is inside of.
#[derive(Clone, Copy)]
pub(super) struct Outer {
    /// The mode of the path that decides for everything inside of it, and the mode that is so given.
    pub(super) merge: Option<(Merge, Merge)>,
    pub(super) secrecy: Secrecy,
    pub(super) write: Write,
    pub(super) depth: usize,
}

/// The types of a path; none: any.
pub(super) fn types_of(layers: &Layers<'_>) -> Vec<Type> {
    let word = |word: &Value| word.as_str().and_then(Type::from_word);
    match layers.get("type") {
        Some((Value::Array(words), _)) => words.iter().filter_map(word).collect(),
        Some((one, _)) => word(one).into_iter().collect(),
        None if layers.get("properties").is_some() => vec![Type::Object],
        None => Vec::new(),
    }
}

fn default_merge(types: &[Type]) -> Merge {
    match without_null(types)[..] {
        [Type::Object] => Merge::Map,
        [Type::Array] => Merge::List,
        _ => Merge::Flag,
    }
}

fn without_null(types: &[Type]) -> Vec<Type> {
    types.iter().copied().filter(|it| *it != Type::Null).collect()
}

/// What a mode needs the type to be, if it is not that.
fn misfit(merge: Merge, types: &[Type]) -> Option<&'static str> {
    let values = without_null(types);
    let (fits, needed) = match merge {
        Merge::Flag | Merge::Lww | Merge::Server => (true, "anything"),
        Merge::Counter => (types == [Type::Integer], "\"integer\""),
        Merge::Union | Merge::List => (values == [Type::Array], "\"array\""),
        Merge::Text => (values == [Type::String], "\"string\""),
        Merge::Map => (values == [Type::Object], "\"object\""),
        Merge::Max | Merge::Min => (is_ordered(&values), ORDERED),
    };
    (!fits).then_some(needed)
}

const ORDERED: &str = "\"integer\", \"number\" or \"string\"";

/// Whether of two values of these types one is the greater.
fn is_ordered(types: &[Type]) -> bool {
    let numbers = types.iter().all(|it| matches!(it, Type::Integer | Type::Number));
    !types.is_empty() && (numbers || types == [Type::String])
}

impl Reader<'_> {
    pub(super) fn merge(&mut self, layers: &Layers<'_>, types: &[Type], outer: Outer) -> Merge {
        let keyword = "x-tiebreak-merge";
        let own = self.word::<Merge>(layers, keyword);
        if let (Some(own), Some((outer, inside))) = (own, outer.merge)
            && own != inside
        {
            self.inside_of_another(layers, keyword, outer);
        }
        if let Some((_, inside)) = outer.merge {
            return inside;
        }
        let merge = own.unwrap_or_else(|| default_merge(types));
        if let (Some(fits), Some((_, path))) = (misfit(merge, types), layers.get(keyword)) {
            let mode = format!("{keyword}: {merge}");
            self.note(path, Problem::WrongType { mode, found: type_list(types), fits });
        }
        merge
    }

    pub(super) fn write(&mut self, layers: &Layers<'_>, outer: Outer) -> Write {
        let own = self.word(layers, "x-tiebreak-write");
        if own == Some(Write::Editor) && outer.write == Write::Owner {
            self.inside_of_another(layers, "x-tiebreak-write", Write::Owner);
        }
        if outer.write == Write::Owner { Write::Owner } else { own.unwrap_or(Write::Editor) }
    }

    pub(super) fn secrecy(&mut self, layers: &Layers<'_>, outer: Outer) -> Secrecy {
        let keyword = "x-tiebreak-secret";
        let own = match layers.get(keyword) {
            None => None,
            Some((Value::Bool(true), _)) => Some(Secrecy::Secret),
            Some((Value::Bool(false), _)) => Some(Secrecy::Open),
            Some((found, path)) => {
                self.wrong_value(&path, found, "true or false");
                None
            }
        };
        if own == Some(Secrecy::Open) && outer.secrecy == Secrecy::Secret {
            self.inside_of_another(layers, keyword, true);
        }
        if outer.secrecy == Secrecy::Secret { Secrecy::Secret } else { own.unwrap_or(Secrecy::Open) }
    }

    pub(super) fn resolver(&mut self, layers: &Layers<'_>, types: &[Type]) -> Option<Resolver> {
        let keyword = "x-tiebreak-resolve";
        let resolver = self.word(layers, keyword)?;
        let orders = matches!(resolver, Resolver::Largest | Resolver::Smallest);
        if let Some((_, path)) = layers.get(keyword).filter(|_| orders && !is_ordered(&without_null(types))) {
            let mode = format!("{keyword}: {resolver}");
            self.note(path, Problem::WrongType { mode, found: type_list(types), fits: ORDERED });
        }
        Some(resolver)
    }

    /// Notes the keywords that change nothing under this mode.
    pub(super) fn check_effects(&mut self, layers: &Layers<'_>, merge: Merge) {
        let effects = [
            ("x-tiebreak-remove", !matches!(merge, Merge::Server | Merge::Lww)),
            ("x-tiebreak-write", merge != Merge::Server),
            ("x-tiebreak-resolve", merge == Merge::Flag),
        ];
        for (keyword, _) in effects.into_iter().filter(|(_, has_effect)| !has_effect) {
            if let Some((_, path)) = layers.get(keyword) {
                self.note(path, Problem::NoEffect { keyword, merge });
            }
        }
    }

    /// The keyword's word; notes anything else that stands there.
    pub(super) fn word<W: Word>(&mut self, layers: &Layers<'_>, keyword: &str) -> Option<W> {
        let (found, path) = layers.get(keyword)?;
        let word = found.as_str().and_then(W::from_word);
        if word.is_none() {
            self.wrong_value(&path, found, W::LIST);
        }
        word
    }

    fn inside_of_another(&mut self, layers: &Layers<'_>, keyword: &str, outer: impl std::fmt::Display) {
        if let Some((own, path)) = layers.get(keyword) {
            let inner = format!("{keyword}: {}", own.as_str().map_or_else(|| own.to_string(), str::to_owned));
            self.note(path, Problem::InsideOfAnother { inner, outer: format!("{keyword}: {outer}") });
        }
    }
}

//! Of which kind a document is, by its own word.

use crate::{Document, OpenError};
use automerge::{ObjType, ROOT, ReadDoc, Value};

/// The key of the root that names a document's kind.
pub const KIND_KEY: &str = "@kind";

impl Document {
    /// The name that stands at [`KIND_KEY`], as a string or as the text that some libraries make of it. `None`: nothing
    /// does, or no string.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn kind_name(&mut self) -> Result<Option<String>, OpenError> {
        self.opened()?.read(|engine| match engine.automerge.get(ROOT, KIND_KEY).ok()?? {
            (Value::Scalar(scalar), _) => scalar.as_str().map(str::to_owned),
            (Value::Object(ObjType::Text), text) => engine.automerge.text(&text).ok(),
            (Value::Object(ObjType::Map | ObjType::List | ObjType::Table), _) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_change;
    use automerge::AutoCommit;
    use automerge::transaction::Transactable;
    use tiebreak_protocol::Limits;

    fn kind_after(write: impl FnOnce(&mut AutoCommit)) -> Option<String> {
        let mut author = AutoCommit::new();
        write(&mut author);
        author.commit();
        let change = author.get_last_local_change().unwrap();
        let change = check_change(change.raw_bytes().to_vec().into(), &Limits::default()).unwrap();
        let mut document = Document::new();
        document.merge(&[change]).unwrap();
        document.kind_name().unwrap()
    }

    #[test]
    fn a_kind_is_named_by_a_string_or_by_a_text() {
        assert_eq!(kind_after(|author| author.put(ROOT, KIND_KEY, "cart").unwrap()).as_deref(), Some("cart"));
        let as_text = kind_after(|author| {
            let text = author.put_object(ROOT, KIND_KEY, ObjType::Text).unwrap();
            author.splice_text(&text, 0, 0, "cart").unwrap();
        });
        assert_eq!(as_text.as_deref(), Some("cart"));
    }

    #[test]
    fn what_is_no_string_names_no_kind() {
        assert_eq!(kind_after(|author| author.put(ROOT, "title", "cart").unwrap()), None);
        assert_eq!(kind_after(|author| author.put(ROOT, KIND_KEY, 7).unwrap()), None);
        assert_eq!(kind_after(|author| drop(author.put_object(ROOT, KIND_KEY, ObjType::Map).unwrap())), None);
    }
}

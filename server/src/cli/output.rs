//! What commands print on standard output.

use serde_json::Value;
use std::io::{self, Write};

/// Prints a line.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Prints JSON for a program, on one line.
pub(super) fn json(value: &Value) -> anyhow::Result<()> {
    line(&value.to_string())
}

/// Prints bytes as they are.
pub(super) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Whether whoever read the output has read enough, as in `tiebreak doc list | head`.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// One field of an item, for a table.
pub(super) fn cell(item: &Value, name: &str) -> String {
    match item.get(name) {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        Some(Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_)) | None => "-".to_owned(),
    }
}

/// Some fields of an item, for a table.
pub(super) fn row(item: &Value, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| cell(item, name)).collect()
}

/// Some fields of all items of a list, for a table.
pub(super) fn rows(list: &Value, names: &[&str]) -> Vec<Vec<String>> {
    let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
    items.map(|item| row(item, names)).collect()
}

/// Prints rows below a head, as wide as their cells need.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|title| title.len())).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let head = head.iter().map(|title| (*title).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

//! What other devices wrote, made fit for a terminal.

/// The text in one line without control characters: a terminal would obey them, whoever wrote them. Nor with those
/// that turn the direction of writing, and of what stands beside it.
pub(crate) fn harmless(text: &str) -> String {
    let is_harmless =
        |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn commands_to_the_terminal_are_not_passed_on_and_words_are() {
        assert_eq!(harmless("milk \u{1b}[2Jand\nbread\u{202e}"), "milk \u{fffd}[2Jand\u{fffd}bread\u{fffd}");
        assert_eq!(harmless("crème brûlée 🍮"), "crème brûlée 🍮");
    }
}

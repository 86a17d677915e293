//! What a scenario found out about a server, and the median of several findings.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Named numbers.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    numbers: BTreeMap<&'static str, f64>,
    /// What went wrong, if the run went on in spite of it.
    pub(crate) note: Option<String>,
}

impl Figures {
    pub(crate) fn set(&mut self, name: &'static str, number: f64) {
        self.numbers.insert(name, number);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.numbers.iter().map(|(name, number)| (*name, *number))
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }
}

/// One scenario against one server, once.
pub(crate) struct Finding {
    pub(crate) scenario: &'static str,
    pub(crate) target: String,
    /// The figures, or why there are none.
    pub(crate) outcome: Result<Figures, String>,
}

impl Finding {
    /// One line of the results file.
    pub(crate) fn to_json(&self) -> Value {
        let mut line = Map::new();
        line.insert("scenario".to_owned(), json!(self.scenario));
        line.insert("target".to_owned(), json!(self.target));
        match &self.outcome {
            Ok(figures) => {
                for (name, number) in &figures.numbers {
                    line.insert((*name).to_owned(), json!((number * 1000.0).round() / 1000.0));
                }
                if let Some(note) = &figures.note {
                    line.insert("note".to_owned(), json!(note));
                }
            }
            Err(error) => {
                line.insert("failed".to_owned(), json!(error));
            }
        }
        Value::Object(line)
    }
}

/// The median of each figure over several runs.
pub(crate) fn medians(runs: &[&Figures]) -> Figures {
    let mut medians = Figures { note: runs.iter().find_map(|run| run.note.clone()), ..Figures::default() };
    for name in runs.iter().flat_map(|run| run.numbers.keys()) {
        let mut numbers: Vec<f64> = runs.iter().filter_map(|run| run.get(name)).collect();
        numbers.sort_by(f64::total_cmp);
        let middle = numbers.len() / 2;
        let median = if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        };
        medians.set(name, median);
    }
    medians
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_runs_lies_in_the_middle() {
        let runs: Vec<Figures> = [1.0, 10.0, 3.0, 5.0]
            .into_iter()
            .map(|number| {
                let mut figures = Figures::default();
                figures.set("x", number);
                figures
            })
            .collect();
        assert_eq!(medians(&runs.iter().collect::<Vec<_>>()).get("x"), Some(4.0));
    }
}

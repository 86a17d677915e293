//! The findings as tables of a page's width, each figure with its ratio to the broadcast of the same run.
#![expect(clippy::print_stdout, reason = "printing the tables is this file's purpose")]

use crate::report::{Figures, Finding, medians};
use crate::scenario::Scenario;

/// The name of the broadcast among the targets.
pub(crate) const BROADCAST: &str = "broadcast";

struct Column {
    title: &'static str,
    figure: &'static str,
    /// Divides by the broadcast's figure.
    is_ratio: bool,
}

const fn plain(title: &'static str, figure: &'static str) -> Column {
    Column { title, figure, is_ratio: false }
}

const fn ratio(title: &'static str, figure: &'static str) -> Column {
    Column { title, figure, is_ratio: true }
}

const LOAD: &[Column] = &[
    plain("edits/s", "edits_per_s"),
    plain("deliveries/s", "deliveries_per_s"),
    plain("p50 ms", "p50_ms"),
    plain("p99 ms", "p99_ms"),
    plain("server µs/delivery", "server_us_per_delivery"),
    plain("server CPU", "server_cpu"),
    plain("load CPU", "load_cpu"),
    plain("other CPU", "other_cpu"),
    plain("frames/s", "frames_per_s"),
    plain("RSS MiB", "server_rss_mib"),
    ratio("deliveries ÷ broadcast", "deliveries_per_s"),
    ratio("p99 ÷ broadcast", "p99_ms"),
    ratio("µs/delivery ÷ broadcast", "server_us_per_delivery"),
];

const COLD_LOAD: &[Column] = &[
    plain("seeding s", "seed_s"),
    plain("cold ms", "cold_ms"),
    plain("warm ms", "warm_ms"),
    plain("of it applying ms", "client_apply_ms"),
    plain("received KiB", "received_kib"),
    plain("library's load ms", "library_load_ms"),
    plain("bare transfer ms", "transfer_ms"),
    plain("cold ÷ (load + transfer)", "cold_by_own"),
    plain("first visit with the document ms", "first_visit_ms"),
    plain("next visit ms", "next_visit_ms"),
    plain("RSS MiB", "server_rss_mib"),
];

const IDLE: &[Column] = &[
    plain("connected", "connections"),
    plain("failed", "failed"),
    plain("dropped", "dropped"),
    plain("connected/s", "connections_per_s"),
    plain("RSS before MiB", "before_mib"),
    plain("RSS held MiB", "held_mib"),
    plain("RSS after MiB", "after_mib"),
    plain("given back after s", "returned_s"),
    plain("KiB/connection", "kib_per_connection"),
    plain("idle CPU", "idle_cpu"),
    ratio("KiB ÷ broadcast", "kib_per_connection"),
];

const KILL: &[Column] = &[
    plain("edits", "edits"),
    plain("lost", "lost"),
    plain("seen by second client ms", "seen_ms"),
    plain("read back ms", "read_ms"),
];

const LAUNCH_DAY: &[Column] = &[
    plain("people", "people"),
    plain("argon2 alone hashes/s", "hashes_per_s"),
    plain("registrations/s", "registrations_per_s"),
    plain("÷ argon2", "registrations_by_limit"),
    plain("logins/s", "logins_per_s"),
    plain("÷ argon2", "logins_by_limit"),
    plain("hashing ÷ server CPU", "hashing_part"),
    plain("sync p50 quiet ms", "quiet_p50_ms"),
    plain("sync p50 ms", "p50_ms"),
    plain("sync p99 quiet ms", "quiet_p99_ms"),
    plain("sync p99 ms", "p99_ms"),
    plain("p99 ÷ quiet", "p99_by_quiet"),
    plain("told to come back", "refused_busy"),
    plain("other refusals", "refused_otherwise"),
    plain("wrong", "wrong"),
    plain("RSS quiet MiB", "quiet_mib"),
    plain("RSS peak MiB", "peak_mib"),
    plain("server CPU", "server_cpu"),
    plain("load CPU", "load_cpu"),
    plain("other CPU", "other_cpu"),
];

fn heading(scenario: Scenario) -> (&'static str, &'static [Column]) {
    match scenario {
        Scenario::Fanout => ("Fan-out, closed loop (goal: deliveries ÷ broadcast at least 0.60)", LOAD),
        Scenario::Rate => ("Fan-out, fixed rate (goal: p99 ÷ broadcast at most 3)", LOAD),
        Scenario::Manydocs => ("Many documents, fixed rate (goal: p99 ÷ broadcast at most 2)", LOAD),
        Scenario::Coldload => {
            ("Cold load (goal: at most 1.5 times the library's load and the transfer)", COLD_LOAD)
        }
        Scenario::Idle => ("Idle connections (goal: 10,000 in 400 MiB, given back)", IDLE),
        Scenario::Kill => ("kill -9 after the last edit was seen (goal: 0 lost)", KILL),
        Scenario::LaunchDay => (
            "Launch day (goal: logins ÷ argon2 at least 0.85, sync p99 ÷ quiet at most 2, 0 wrong)",
            LAUNCH_DAY,
        ),
    }
}

/// Prints the table of one scenario, the targets in the order of their first finding.
pub(crate) fn print(scenario: Scenario, findings: &[Finding]) {
    let findings: Vec<&Finding> =
        findings.iter().filter(|finding| finding.scenario == scenario.name()).collect();
    let mut targets: Vec<&str> = Vec::new();
    for finding in &findings {
        if !targets.contains(&finding.target.as_str()) {
            targets.push(&finding.target);
        }
    }
    let (title, columns) = heading(scenario);
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    println!("\n### {title}\n\n| target | runs | {} | |", titles.join(" | "));
    println!("|{}", " --- |".repeat(columns.len() + 3));
    let limit = median_of(&findings, BROADCAST);
    for target in targets {
        let figures = median_of(&findings, target);
        let cells: Vec<String> = columns.iter().map(|column| cell(column, &figures, &limit)).collect();
        let runs =
            findings.iter().filter(|finding| finding.target == target && finding.outcome.is_ok()).count();
        println!("| {target} | {runs} | {} | {} |", cells.join(" | "), remarks(&findings, target, &figures));
    }
}

/// One line for a finding as it comes in.
pub(crate) fn progress(finding: &Finding) -> String {
    let Finding { scenario, target, outcome } = finding;
    match outcome {
        Err(error) => format!("{scenario:9} {target}: failed: {error}"),
        Ok(figures) => {
            let telling = [
                "deliveries_per_s",
                "p99_ms",
                "cold_by_own",
                "kib_per_connection",
                "lost",
                "logins_by_limit",
                "p99_by_quiet",
            ];
            let shown: Vec<String> = telling
                .iter()
                .filter_map(|name| figures.get(name).map(|number| format!("{name} {}", format(number))))
                .collect();
            format!("{scenario:9} {target}: {}", shown.join(", "))
        }
    }
}

fn median_of(findings: &[&Finding], target: &str) -> Figures {
    let of_target = findings.iter().filter(|finding| finding.target == target);
    medians(&of_target.filter_map(|finding| finding.outcome.as_ref().ok()).collect::<Vec<_>>())
}

fn cell(column: &Column, figures: &Figures, limit: &Figures) -> String {
    let number = figures.get(column.figure).and_then(|number| {
        if !column.is_ratio {
            return Some(number);
        }
        limit.get(column.figure).map(|limit| number / limit)
    });
    number.map_or_else(|| "-".to_owned(), format)
}

fn format(number: f64) -> String {
    match number.abs() {
        1000.0.. => thousands(number),
        100.0..1000.0 => format!("{number:.0}"),
        10.0..100.0 => format!("{number:.1}"),
        _small => {
            if number.fract() == 0.0 {
                format!("{number:.0}")
            } else {
                format!("{number:.2}")
            }
        }
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What the figures do not show: failures, missing edits, broken connections.
fn remarks(findings: &[&Finding], target: &str, figures: &Figures) -> String {
    let mut remarks = Vec::new();
    let of_target = || findings.iter().filter(|finding| finding.target == target);
    let failures: Vec<&String> = of_target().filter_map(|finding| finding.outcome.as_ref().err()).collect();
    if let Some(first) = failures.first() {
        remarks.push(format!("{} failed: {first}", failures.len()));
    }
    let sum = |name| of_target().filter_map(|finding| finding.outcome.as_ref().ok()?.get(name)).sum::<f64>();
    let (wanted, got) = (sum("verified_wanted"), sum("verified_got"));
    if wanted > 0.0 {
        let all =
            if got >= wanted { "verified".to_owned() } else { format!("a new client got {got} of {wanted}") };
        remarks.push(all);
    }
    for (name, words) in
        [("undelivered", "undelivered"), ("broken", "connections broken"), ("wrong", "wrong outcomes")]
    {
        if sum(name) > 0.0 {
            remarks.push(format!("{} {words}", sum(name)));
        }
    }
    remarks.extend(figures.note.clone());
    remarks.join("; ")
}

/// Whether every finding is one to be content with.
pub(crate) fn is_flawless(findings: &[Finding], counts: impl Fn(&str) -> bool) -> bool {
    findings.iter().filter(|finding| counts(&finding.target)).all(|finding| {
        finding.outcome.as_ref().is_ok_and(|figures| {
            let figure = |name| figures.get(name).unwrap_or(0.0);
            figure("verified_got") >= figure("verified_wanted")
                && figure("lost") == 0.0
                && figure("broken") == 0.0
                && figure("wrong") == 0.0
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_or_four_digits_that_matter() {
        let shown: Vec<String> = [1_234_567.8, 4321.0, 321.4, 32.14, 3.214, 0.0, 0.004].map(format).into();
        assert_eq!(shown, ["1,234,568", "4,321", "321", "32.1", "3.21", "0", "0.00"]);
    }
}

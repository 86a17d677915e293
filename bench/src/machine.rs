//! What the operating system tells of processes, and the processors and descriptors it gives them.

use std::fs::read_to_string;
use std::process::{Command, Stdio};

/// `/proc` counts processor time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time that a process has used, seconds. 0 when it is gone.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program, in parentheses, may hold spaces: count from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// Processor time used by the whole machine since it started, seconds.
pub(crate) fn busy_seconds() -> f64 {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    let all: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|text| text.parse().ok())
        .collect();
    // user, nice, system, irq, softirq, steal
    [0, 1, 2, 5, 6, 7].iter().filter_map(|index| all.get(*index)).sum::<f64>() / TICKS_PER_SECOND
}

/// Resident memory of a process, KiB. 0 when it is gone.
pub(crate) fn resident_kib(pid: u32) -> f64 {
    status_kib(pid, "VmRSS:")
}

/// The most that its resident memory ever was, KiB. 0 when it is gone.
pub(crate) fn resident_peak_kib(pid: u32) -> f64 {
    status_kib(pid, "VmHWM:")
}

fn status_kib(pid: u32, field: &str) -> f64 {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// Puts this process on processor 1 and says whether servers can have processor 0 for themselves.
pub(crate) fn take_second_processor() -> bool {
    let is_wide = std::thread::available_parallelism().is_ok_and(|processors| processors.get() >= 2);
    is_wide && runs_well(Command::new("taskset").args(["-cp", "1", &std::process::id().to_string()]))
}

/// Lifts the soft limit of open descriptors to the hard one; servers started later inherit it.
pub(crate) fn raise_descriptor_limit() {
    let limits = read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    if let Some(hard) = line.and_then(|line| line.split_whitespace().nth(4)) {
        let pid = std::process::id().to_string();
        runs_well(Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]));
    }
}

/// How many descriptors this process may open.
pub(crate) fn descriptors_max() -> usize {
    let limits = read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)).and_then(|text| text.parse().ok()).unwrap_or(1024)
}

fn runs_well(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

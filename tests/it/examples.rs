//! The examples, as a reader of the README runs them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tiebreak_tests::server_process::{ServerProcess, binary};
use tiebreak_tests::wait::until;

fn example(name: &str) -> Command {
    let program = binary().with_file_name(name);
    assert!(program.exists(), "{} is missing; build it with: cargo build -p {name}", program.display());
    Command::new(program)
}

fn address(server: &ServerProcess) -> String {
    format!("ws://{}/automerge", server.address())
}

/// Notes in a terminal, with somebody typing.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn open(folder: &Path, server: &str, notebook: Option<&str>) -> Self {
        let mut command = example("offline-notes");
        command.arg(folder).args(notebook).arg("--server").arg(server);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
        let screen = Arc::new(Mutex::new(String::new()));
        let (output, shown) = (child.stdout.take().expect("piped"), Arc::clone(&screen));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                shown.lock().unwrap_or_else(PoisonError::into_inner).push_str(&format!("{line}\n"));
            }
        });
        let keyboard = child.stdin.take().expect("piped");
        Self { child, keyboard, screen }
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").expect("it listens");
    }

    fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a state of which the last line with a status says so.
    fn wait_for_status(&self, words: &str) {
        until(words, || {
            let screen = self.screen();
            let last = screen.lines().rfind(|line| line.starts_with('['))?;
            last.contains(words).then_some(())
        });
    }

    /// Waits for words on the screen.
    fn wait_for(&self, words: &str) {
        until(words, || self.screen().contains(words).then_some(()));
    }

    /// The notebook's name, as it tells the next device.
    fn notebook(&self) -> String {
        until("the notebook's name", || {
            let screen = self.screen();
            let (_, rest) = screen.split_once("./laptop ")?;
            Some(rest.split_whitespace().next()?.to_owned())
        })
    }

    fn quit(mut self) {
        self.type_line("quit");
        until("the notes to end", || self.child.try_wait().expect("a child can be waited for"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_profile_edited_on_three_devices_offline_ends_the_same_on_all() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path(), &[]);
    let output = example("profile-sync").arg(address(&server)).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let profile =
        r#"Profile { display_name: "Ann B.", bio: "I run. Slowly.", goals: {"steps a day": 9000} }"#;
    for device in ["phone", "watch", "laptop"] {
        assert!(printed.contains(&format!("{device}: {profile}")), "{printed}");
    }
}

#[test]
fn an_inbox_of_disagreements_is_settled_offline_and_both_devices_end_with_what_was_chosen() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path(), &[]);
    let play = |answers: &str| {
        let mut inbox = example("conflict-inbox");
        let mut child =
            inbox.arg(address(&server)).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
        child.stdin.take().expect("piped").write_all(answers.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{printed}");
        printed
    };
    let printed = play("Annie\n1\n");
    assert!(printed.contains("Profile: display_name") && printed.contains("before: \"Ann\""), "{printed}");
    assert!(printed.contains("Cart: lines, tent") && printed.contains(": nothing"), "{printed}");
    assert!(
        printed.contains("Profile, 0 open: ") && printed.contains("\"display_name\":\"Annie\""),
        "{printed}"
    );
    assert!(printed.contains("Cart, 0 open: "), "{printed}");
    assert!(
        printed.contains("Group, 0 open: ") && !printed.contains("Group: "),
        "nobody is asked: {printed}"
    );
    let printed = play("");
    assert!(printed.contains("It stays open.") && printed.contains("Profile, 1 open: "), "{printed}");
}

#[test]
fn without_a_server_the_profile_says_so_and_goes_on_when_there_is_one() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path(), &[]);
    let (at, url) = (server.address(), address(&server));
    server.kill();
    let mut child = example("profile-sync").arg(&url).stdout(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("it says something").unwrap();
    assert!(first.contains(&format!("There is no server at {url}")), "{first}");
    let _server = ServerProcess::start_at(at, data.path(), &[]);
    let printed: String = lines.map_while(Result::ok).collect();
    assert!(child.wait().unwrap().success() && printed.contains("laptop: Profile"), "{printed}");
}

#[test]
fn the_notes_explain_what_they_do_not_do_and_pass_no_commands_to_the_terminal() {
    let folders = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(&folders.path().join("data"), &[]);
    let mut phone = Terminal::open(&folders.path().join("phone"), &address(&server), None);
    phone.wait_for("cargo run --package offline-notes -- ./laptop ");
    phone.type_line("add");
    phone.wait_for("what is to be noted?");
    phone.type_line("sing");
    phone.wait_for("there is no command \"sing\"");
    phone.type_line("add red \u{1b}[31mink");
    phone.wait_for("red \u{fffd}[31mink");
    assert!(!phone.screen().contains('\u{1b}'));
    phone.quit();
}

#[test]
fn notes_written_apart_while_the_server_dies_are_all_there_in_the_end() {
    let folders = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(&folders.path().join("data"), &[]);
    let url = address(&server);
    let mut phone = Terminal::open(&folders.path().join("phone"), &url, None);
    phone.type_line("add milk");
    phone.wait_for("1. [ ] milk");
    phone.wait_for_status("[online, the server has everything]");
    let mut laptop = Terminal::open(&folders.path().join("laptop"), &url, Some(&phone.notebook()));
    laptop.wait_for("1. [ ] milk");

    phone.type_line("offline");
    phone.wait_for("[offline");
    phone.type_line("add bread");
    phone.wait_for("[offline, 1 change is only here]");
    let at = server.address();
    server.kill();
    laptop.wait_for("[looking for the server");
    laptop.type_line("done 1");
    laptop.wait_for("[looking for the server, 1 change is only here]");
    phone.quit();

    let _server = ServerProcess::start_at(at, &folders.path().join("data"), &[]);
    let phone = Terminal::open(&folders.path().join("phone"), &url, None);
    for device in [&phone, &laptop] {
        device.wait_for("1. [x] milk\n  2. [ ] bread");
    }
    phone.wait_for("the server has everything]");
}

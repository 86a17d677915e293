//! What keeps a server from starting, and what it says then.

use crate::support::{Api, complaint, output, text, tiebreak};
use tiebreak_tests::server_process::ServerProcess;

#[test]
fn without_a_command_it_serves() {
    let data = tempfile::tempdir().unwrap();
    let mut command = tiebreak(&["--listen", "127.0.0.1:0", "--data", text(data.path())]);
    command.arg("--log=warn");
    let server = ServerProcess::launch(command);
    assert_eq!(server.get("/healthz"), "ok\n");
}

#[test]
fn a_second_server_on_the_same_data_is_refused_with_words() {
    let api = Api::start(&[]);
    let data = text(api.data.path());
    let said = complaint(&mut tiebreak(&["serve", "--listen", "127.0.0.1:0", "--data", data]));
    assert!(said.contains("another process is using the data directory") && said.contains(data), "{said}");
    assert_eq!(api.server.get("/healthz"), "ok\n");
}

#[test]
fn an_open_server_for_everybody_refuses_to_start() {
    let data = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let arguments = ["--auth", "open", "--listen", address, "--data", text(data.path())];
        let said = complaint(&mut tiebreak(&arguments));
        assert!(said.contains("refusing to start") && said.contains("127.0.0.1"), "{said}");
    }
    assert!(data.path().read_dir().unwrap().next().is_none(), "nothing was begun");
}

#[test]
fn a_server_that_strangers_could_listen_in_on_refuses_to_start() {
    let data = tempfile::tempdir().unwrap();
    let jwt = ["--jwt-issuer=https://id.example", "--jwt-audience=tiebreak", "--jwt-jwks=keys.json"];
    for auth in [&["--auth=accounts"][..], &[&["--auth=jwt"][..], &jwt].concat()] {
        let arguments = [auth, &["--listen=0.0.0.0:0", "--data", text(data.path())]].concat();
        let said = complaint(&mut tiebreak(&arguments));
        for way_out in ["refusing to start", "--tls-cert", "--behind-proxy", "127.0.0.1"] {
            assert!(said.contains(way_out), "{said}");
        }
    }
    let said = complaint(&mut tiebreak(&["--behind-proxy", "--data", text(data.path())]));
    assert!(said.contains("--auth open lets in anybody whom the proxy lets through"), "{said}");
    let said = complaint(&mut tiebreak(&["--auth=jwt", "--data", text(data.path())]));
    assert!(said.contains("--jwt-issuer is missing"), "{said}");
    assert!(data.path().read_dir().unwrap().next().is_none(), "nothing was begun");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let api = Api::start(&[]);
    let (data, address) = (tempfile::tempdir().unwrap(), api.server.address().to_string());
    let said = complaint(&mut tiebreak(&["serve", "--listen", &address, "--data", text(data.path())]));
    assert!(said.contains(&format!("could not listen on {address}")), "{said}");
}

#[test]
fn help_shows_settings_once_and_only_where_they_matter() {
    let top = output(&mut tiebreak(&["--help"]));
    assert!(top.contains("serve") && !top.contains("--heads-max"), "{top}");
    let serve = output(&mut tiebreak(&["serve", "--help"]));
    assert_eq!(serve.matches("--heads-max ").count(), 1, "{serve}");
    let list = output(&mut tiebreak(&["doc", "list", "--help"]));
    assert!(list.contains("--data") && !list.contains("--heads-max"), "{list}");
    assert!(output(&mut tiebreak(&["--version"])).starts_with("tiebreak "));
}

//! The page of the demo, as the server hands it out. These tests need it built: `make web`.

use crate::support::{Api, Reply};

const GZIP: &str = "accept-encoding: gzip, deflate, br";

/// The page, and the names of the files that it asks for.
fn page(api: &Api) -> (Reply, Vec<String>) {
    let page = api.get("/demo/");
    assert_eq!(page.status, 200, "is the page built? `make web` does it");
    let text = String::from_utf8(page.body.clone()).unwrap();
    let names = text.split('"').filter_map(|part| part.strip_prefix("./assets/"));
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(names.iter().any(|name| name.ends_with(".js")), "{text}");
    (page, names)
}

#[test]
fn the_page_and_all_that_it_asks_for_are_there() {
    let api = Api::start(&[]);
    let (page, names) = page(&api);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for name in names {
        let file = api.get(&format!("/demo/assets/{name}")).expect(200);
        let content_type = match name.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("the page asks for a file of an unknown kind: {other}"),
        };
        assert_eq!(file.header("content-type"), content_type);
        assert!(!file.body.is_empty());
    }
}

#[test]
fn who_types_the_address_without_its_slash_is_led_on() {
    let api = Api::start(&[]);
    assert_eq!(api.get("/demo").expect(308).header("location"), "/demo/");
}

#[test]
fn files_are_compressed_for_those_who_take_that() {
    let api = Api::start(&[]);
    let (_, names) = page(&api);
    for name in names {
        let address = format!("/demo/assets/{name}");
        let plain = api.get(&address).expect(200);
        let compressed = api.request("GET", &address, &[GZIP], b"").expect(200);
        assert_eq!(compressed.header("content-encoding"), "gzip");
        assert!(compressed.body.starts_with(&[0x1f, 0x8b]) && compressed.body.len() < plain.body.len());
        assert_eq!(compressed.header("content-type"), plain.header("content-type"));
        assert!(!plain.headers.contains_key("content-encoding"));
        for reply in [plain, compressed] {
            assert!(reply.header("vary").contains("accept-encoding"));
        }
    }
}

#[test]
fn files_are_kept_for_ever_and_the_page_is_asked_for_anew() {
    let api = Api::start(&[]);
    let (page, names) = page(&api);
    assert_eq!(page.header("cache-control"), "no-cache");
    let file = api.get(&format!("/demo/assets/{}", names[0]));
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
}

#[test]
fn the_page_runs_its_own_scripts_and_speaks_to_its_own_server_only() {
    let api = Api::start(&[]);
    let (page, _) = page(&api);
    let policy = page.header("content-security-policy");
    let address = api.server.address();
    for directive in [
        "default-src 'none'".to_owned(),
        "script-src 'self' 'wasm-unsafe-eval'".to_owned(),
        format!("connect-src 'self' ws://{address} wss://{address}"),
        "frame-ancestors 'none'".to_owned(),
    ] {
        assert!(policy.split("; ").any(|part| part == directive), "{directive} is not in {policy}");
    }
}

#[test]
fn nothing_else_is_served_below_the_demo() {
    let api = Api::start(&[]);
    for path in [
        "/demo/nothing",
        "/demo/index.html",
        "/demo/index.html.gz",
        "/demo/assets/",
        "/demo/../Cargo.toml",
        "/demo/%2e%2e/%2e%2e/Cargo.toml",
        "/demo/..%2f..%2fbuild.rs",
    ] {
        assert_eq!(api.get(path).expect(404).code(), "not_found", "{path}");
    }
    assert_eq!(api.request("POST", "/demo/", &[], b"").expect(405).code(), "method_not_allowed");
}

#[test]
fn a_page_from_elsewhere_does_not_reach_it() {
    let api = Api::start(&[]);
    let refused = api.request("GET", "/demo/", &["host: evil.example"], b"").expect(403);
    assert_eq!(refused.code(), "host_not_allowed");
}

#[test]
fn the_server_says_where_the_demo_is() {
    let api = Api::start(&[]);
    let (_, _) = page(&api);
    let said = format!("the demo is at http://{}/demo/", api.server.address());
    assert!(api.server.log().contains(&said), "{}", api.server.log());
}

#[test]
fn it_can_be_left_out() {
    let api = Api::start(&["--no-demo"]);
    for path in ["/demo", "/demo/", "/demo/assets/index.js"] {
        assert_eq!(api.get(path).expect(404).code(), "not_found", "{path}");
    }
    assert!(!api.server.log().contains("/demo/"), "{}", api.server.log());
}

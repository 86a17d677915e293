//! `GET /demo/`: the page that shows two devices at work. It is built from `server/web` and embedded.

use super::problem::Fault;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use std::borrow::Cow;

/// Where the page is, as a person types it.
pub(crate) const ADDRESS: &str = "/demo/";

const INDEX: &str = "index.html";

/// The build gives these names that change with their content.
const HASHED: &str = "assets/";

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Page;

/// Whether the page was there when the server was built.
pub(crate) fn is_built() -> bool {
    Page::get(INDEX).is_some()
}

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/demo", get(async || Redirect::permanent(ADDRESS)))
        .route(ADDRESS, get(index))
        .route("/demo/{*file}", get(file))
}

async fn index(headers: HeaderMap) -> Result<Response, Fault> {
    let mut response = answer(INDEX, &headers).ok_or(Fault::DemoNotBuilt)?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let policy = HeaderValue::try_from(content_security_policy(host)).map_err(|_| Fault::HostNotAllowed)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Fault> {
    // The index is at its own address, with the headers of a page.
    if name == INDEX {
        return Err(Fault::NotFound);
    }
    answer(&name, &headers).ok_or(Fault::NotFound)
}

/// The page runs its own scripts and speaks to the server it came from, and nothing else.
fn content_security_policy(host: &str) -> String {
    // Not every browser counts WebSockets to the page's own server as `'self'`.
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// A file of the page, compressed for whoever takes that.
fn answer(name: &str, headers: &HeaderMap) -> Option<Response> {
    let content_type = content_type(name)?;
    let plain = Page::get(name)?;
    let compressed = Page::get(&format!("{name}.gz")).filter(|_| takes_gzip(headers));
    let encoding = compressed.is_some().then_some([(CONTENT_ENCODING, "gzip")]);
    let caching = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let body = bytes(compressed.unwrap_or(plain).data);
    let head = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, caching), (VARY, "accept-encoding")];
    let mut response = (head, body).into_response();
    for (header, value) in encoding.into_iter().flatten() {
        response.headers_mut().insert(header, HeaderValue::from_static(value));
    }
    Some(response)
}

/// What is embedded is served from where it is, not from a copy for each request.
fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => read.into(),
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(is_gzip)
}

/// Whether one item of `Accept-Encoding`, as in `gzip;q=0.5`, asks for gzip; a weight of zero forbids it.
fn is_gzip(item: &str) -> bool {
    let (coding, weight) = item.split_once(';').unwrap_or((item, "q=1"));
    let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
    matches!(coding.trim(), "gzip" | "*") && weight.is_some_and(|weight| weight > 0.0)
}

/// Of the kinds of files that the page is made of; nothing else is served.
fn content_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        _other => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_ask_for_it() {
        for accepted in ["gzip", "br, gzip", "deflate,gzip;q=0.5", "*", "gzip; q=1"] {
            assert!(accepted.split(',').any(is_gzip), "{accepted}");
        }
        for refused in ["", "br", "gzip;q=0", "gzip;q=0.0, br", "*;q=0", "xgzip", "gzip;q=much"] {
            assert!(!refused.split(',').any(is_gzip), "{refused}");
        }
    }

    #[test]
    fn only_kinds_of_files_that_the_page_needs_are_served() {
        assert_eq!(content_type("assets/automerge-x.wasm"), Some("application/wasm"));
        for name in ["assets/index.js.gz", "assets/index.js.map", "README", ".env"] {
            assert_eq!(content_type(name), None, "{name}");
        }
    }
}

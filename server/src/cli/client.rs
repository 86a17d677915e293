//! The way of commands to the data. All speak HTTP: to a server, or to its router in this process
//! when no server has the data open, so that both ways hold the same rules.

mod local;
mod pages;

pub(super) use pages::Range;

use crate::config::{Config, DEFAULT_DATA, StoreChoice};
use crate::http::health::STORAGE_ID;
use crate::kinds;
use crate::server::{AddressFile, ServerAddress};
use anyhow::{Context, anyhow, bail};
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use clap::Args;
use hyper_util::rt::TokioIo;
use local::Local;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tiebreak_protocol::Secret;
use tiebreak_storage::{OpenError, SqliteStore};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Somewhat longer than a server takes over a request, so that it is the server that explains.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(90);

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub(super) struct Source {
    /// Ask this server, as in http://127.0.0.1:7070, whatever has the data directory open
    #[arg(long, value_name = "URL", env = "TIEBREAK_SERVER")]
    server: Option<String>,
    #[command(flatten)]
    config: Config,
}

/// Runs a command with a way to the data, and waits until all that it asked for is done.
pub(super) fn run(
    source: &Source,
    command: impl AsyncFnOnce(&Client) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::open(&source.config, source.server.as_deref()).await?;
        let done = command(&client).await;
        let closed = client.close().await;
        done.and_then(|code| closed.map(|()| code))
    })
}

/// A way to documents, and to all else that operators look after.
pub(super) enum Client {
    Server { authority: String, operator: Option<Secret> },
    Local(Box<Local>),
}

/// What came back, when it was no problem.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The server says no, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("{detail} ({code})")]
pub(super) struct Problem {
    pub(super) code: String,
    detail: String,
}

impl Client {
    /// Finds the documents: at the server that was named; else in the data directory, whose lock tells whether
    /// a server has it open; else at the configured address.
    pub(super) async fn open(config: &Config, server: Option<&str>) -> anyhow::Result<Self> {
        if let Some(url) = server {
            return Self::at(url);
        }
        let configured = reachable(config.listen).to_string();
        if config.store == StoreChoice::Sqlite && SqliteStore::database_in(&config.data).exists() {
            let kinds = kinds::load(config.kinds.as_deref())?;
            match Local::open(config, kinds) {
                Ok(local) => return Ok(Self::Local(Box::new(local))),
                Err(OpenError::InUse { directory }) => return Self::in_use(&directory).await,
                Err(error) => return Err(error.into()),
            }
        }
        // Who names a directory means what is in it, not what some server has elsewhere.
        let is_named = config.store == StoreChoice::Sqlite && config.data != Path::new(DEFAULT_DATA);
        if is_named || connect(&configured).await.is_err() {
            match &config.store {
                StoreChoice::Sqlite => bail!(
                    "there is no data in {}{}; name a directory with --data or a server with --server",
                    config.data.display(),
                    if is_named {
                        String::new()
                    } else {
                        format!(" and no server answers at http://{configured}")
                    }
                ),
                StoreChoice::Postgres(_) => bail!(
                    "no server answers at http://{configured}; documents in {} are reached through a server: \
                     start one, or name it with --server",
                    config.store
                ),
            }
        }
        super::note(&format!(
            "there is no data in {}; asking the server at http://{configured}",
            config.data.display()
        ));
        Ok(Self::Server { authority: configured, operator: None })
    }

    /// The server that has the directory open, if it is certain to be that one.
    async fn in_use(directory: &Path) -> anyhow::Result<Self> {
        let Some(ServerAddress { address, storage, operator }) = AddressFile::read(directory) else {
            bail!(
                "another process has {} open and does not say where it listens; \
                 try again in a moment, or name the server with --server",
                directory.display()
            );
        };
        let authority = reachable(address).to_string();
        // Not with the secret yet: it may be another server.
        let stranger = Self::Server { authority: authority.clone(), operator: None };
        let answer = stranger.request(Method::GET, "/healthz", &[], Bytes::new()).await?;
        if answer.headers.get(STORAGE_ID).is_none_or(|id| id.as_bytes() != storage.as_str().as_bytes()) {
            bail!(
                "the server at http://{address} has other data than {}; name the right one with --server",
                directory.display()
            );
        }
        Ok(Self::Server { authority, operator: Some(operator) })
    }

    fn at(url: &str) -> anyhow::Result<Self> {
        let wrong = || anyhow!("--server takes an address such as http://127.0.0.1:7070, not {url}");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) if matches!(uri.path(), "" | "/") => {
                let port = authority.port_u16().unwrap_or(80);
                Ok(Self::Server { authority: format!("{}:{port}", authority.host()), operator: None })
            }
            (Some("https"), _) => bail!("this command does not speak TLS; name the server behind the proxy"),
            (_, Some(_) | None) => Err(wrong()),
        }
    }

    /// Makes a request. `path` begins behind the authority.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &'static str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder().method(method).uri(path).header(CONTENT_LENGTH, body.len());
        for (name, value) in headers {
            request = request.header(name, HeaderValue::from_static(value));
        }
        if let Self::Server { operator: Some(operator), .. } = self {
            request = request.header(AUTHORIZATION, format!("Bearer {}", operator.expose()));
        }
        let request = request.body(Body::from(body))?;
        let response = match self {
            Self::Server { authority, .. } => {
                let asked = timeout(ANSWER_TIME_MAX, ask(authority, request)).await;
                let asked =
                    asked.map_err(|_| anyhow!("it took too long to answer")).and_then(|answer| answer);
                asked.with_context(|| format!("could not ask the server at http://{authority}"))?
            }
            Self::Local(local) => local.ask(request).await,
        };
        read(response).await.map_err(|error| match self {
            Self::Server { operator: None, .. } if is_for_operators(&error) => error.context(
                "only the operator may ask this: run the command on the server's machine, with --data and the \
                 server's data directory",
            ),
            Self::Server { .. } | Self::Local(_) => error,
        })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.request(Method::GET, path, &[], Bytes::new()).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Sends JSON. Answers JSON, or null.
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let headers = [(CONTENT_TYPE, "application/json")];
        let answer = self.request(method, path, &headers, Bytes::from(body.to_string())).await?;
        if answer.body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer.body)?) }
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.request(Method::DELETE, path, &[], Bytes::new()).await.map(|_answer| ())
    }

    /// Waits until everything that was asked for is done.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Server { .. } => Ok(()),
            Self::Local(local) => Ok(local.close().await?),
        }
    }
}

async fn ask(authority: &str, mut request: Request<Body>) -> anyhow::Result<Response<Body>> {
    let stream = connect(authority).await?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (parts, body) = response.into_parts();
    // The whole body, while the connection is certain to be there.
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await?;
    connection.abort();
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn connect(authority: &str) -> anyhow::Result<TcpStream> {
    timeout(CONNECT_TIME_MAX, TcpStream::connect(authority))
        .await
        .context("it does not answer")?
        .map_err(Into::into)
}

async fn read(response: Response<Body>) -> anyhow::Result<Answer> {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    if parts.status.is_success() {
        return Ok(Answer { headers: parts.headers, body });
    }
    Err(problem(parts.status, &body).into())
}

fn problem(status: StatusCode, body: &[u8]) -> Problem {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    Problem {
        code: text("code").unwrap_or_else(|| status.as_u16().to_string()),
        detail: text("detail")
            .unwrap_or_else(|| format!("this does not answer as a Tiebreak server does: {status}")),
    }
}

/// Whether the server would do it for the command line that may read its data directory.
fn is_for_operators(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Problem>().map(|problem| problem.code.as_str());
    matches!(code, Some("unauthorized" | "access_denied" | "accounts_off"))
}

/// Where a server that listens on this address is reached from its own machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

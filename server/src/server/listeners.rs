//! Where the server can be reached, and what it serves at each place.

use super::ServerError;
use crate::config::{Auth, Config, Demo, LogFormat, Proxy, StoreChoice};
use crate::http::listener::{Patience, serve};
use crate::http::tls::Tls;
use crate::http::{self, Addresses, App, Callers, Guard, LocalPages, Strangers};
use crate::memory::Memory;
use axum::Router;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// Any free port of this machine.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The listeners of one server.
pub(super) struct Listeners {
    main: TcpListener,
    /// What the main listener speaks.
    tls: Option<Tls>,
    admin: Option<TcpListener>,
    /// For commands on this machine, which speak no TLS: nobody else reaches it.
    local: Option<TcpListener>,
}

impl Listeners {
    pub(super) async fn open(config: &Config, tls: Option<Tls>) -> Result<Self, ServerError> {
        let main = listen(config.listen).await?;
        let admin = match config.admin_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let local = match &tls {
            Some(_) => Some(listen(LOCAL).await?),
            None => None,
        };
        Ok(Self { main, tls, admin, local })
    }

    /// Where commands on this machine reach the server.
    pub(super) fn address_for_commands(&self) -> io::Result<SocketAddr> {
        self.local.as_ref().unwrap_or(&self.main).local_addr()
    }

    /// Serves until `closing` is cancelled: beside the main listener, whose end is the server's, on tasks of their own.
    pub(super) fn serve(
        self,
        config: &Config,
        app: App,
        memory: &Memory,
        (tasks, closing): (&TaskTracker, &CancellationToken),
    ) -> impl Future<Output = io::Result<()>> + use<> {
        let Self { main, tls, admin, local } = self;
        let guard = |listener: &TcpListener| guard(config, listener, memory);
        // Each listener counts its own: strangers at the main one keep no operator from the others.
        let patience = || patience(config);
        if let Some(admin) = admin {
            let router = http::operations(app.health.clone(), guard(&admin));
            tasks.spawn(serve_beside(admin, router, patience(), closing.clone()));
        }
        if let Some(local) = local {
            let router = http::router(app.clone(), Demo::LeftOut, guard(&local));
            tasks.spawn(serve_beside(local, router, patience(), closing.clone()));
        }
        if let Some(tls) = tls.clone() {
            let closing = closing.clone();
            tasks.spawn(async move { closing.run_until_cancelled(tls.look_after()).await });
        }
        let router = http::router(app, config.demo(), guard(&main));
        serve(main, router, patience(), tls, closing.clone())
    }

    #[expect(clippy::print_stderr, reason = "the first lines tell a person at the terminal where to go")]
    pub(super) fn announce(&self, config: &Config) {
        let Ok(address) = self.main.local_addr() else { return };
        if config.log_format == LogFormat::Json {
            return info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        }
        let (http, ws) = if self.tls.is_some() { ("https", "wss") } else { ("http", "ws") };
        eprintln!("tiebreak {} is listening on {http}://{address}", env!("CARGO_PKG_VERSION"));
        eprintln!("  automerge-repo clients connect to {ws}://{address}/automerge");
        if config.demo() == Demo::Served && http::demo::is_built() {
            eprintln!("  the demo is at {http}://{address}{}", http::demo::ADDRESS);
        }
        match config.auth {
            Auth::Open => {
                eprintln!("  --auth open: anybody on this machine may read and write every document")
            }
            Auth::Accounts => eprintln!("  --auth accounts: sign up with POST /v1/accounts"),
            Auth::Jwt => {
                let issuer = config.jwt.jwt_issuer.as_deref().unwrap_or_default();
                eprintln!("  --auth jwt: who brings a token of {issuer}");
            }
        }
        match &config.store {
            StoreChoice::Sqlite => eprintln!("  documents are in {}", config.data.display()),
            StoreChoice::Postgres(_) => eprintln!("  documents are in {}", config.store),
        }
    }
}

fn patience(config: &Config) -> Patience {
    let proxy = config.transport.proxy();
    let addresses = match proxy {
        Proxy::None => Addresses::Own,
        Proxy::InFront => Addresses::OfAProxy,
    };
    Patience {
        head_time_max: config.http.head_time_max(),
        write_time_max: config.http.write_time_max(),
        proxy,
        strangers: Strangers::new(&config.http, addresses),
    }
}

/// What every request at this listener has to pass.
fn guard(config: &Config, listener: &TcpListener, memory: &Memory) -> Guard {
    let ip = listener.local_addr().map_or(config.listen.ip(), |address| address.ip());
    let local_pages = match config.auth {
        Auth::Open => LocalPages::Taken,
        Auth::Accounts | Auth::Jwt => LocalPages::Refused,
    };
    let callers = Callers::of_listener(ip, local_pages, &config.allow_origin, &config.allow_host);
    Guard::new(Some(callers), memory.clone(), &config.http)
}

/// Serves at a listener that the server can do without.
async fn serve_beside(listener: TcpListener, router: Router, patience: Patience, closing: CancellationToken) {
    if let Err(error) = serve(listener, router, patience, None, closing).await {
        warn!(%error, "a listener beside the main one failed");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })
}

//! What a server refuses to start with: nobody opens a server to strangers by leaving a flag out.

use super::{Auth, Config, Proxy};
use std::net::SocketAddr;

/// Why not, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartUpError {
    #[error(
        "refusing to start: --auth open lets in anybody who reaches {0}; listen on 127.0.0.1 or [::1] instead, or \
         let people sign in with --auth accounts"
    )]
    OpenToTheWorld(SocketAddr),
    #[error(
        "refusing to start: --auth open lets in anybody whom the proxy lets through; leave --behind-proxy out, or \
         let people sign in with --auth accounts"
    )]
    OpenBehindProxy,
    #[error(
        "refusing to start: passwords and tokens would come to {0} in the clear; give the server a certificate with \
         --tls-cert and --tls-key, or put a proxy that has one in front and say --behind-proxy, or listen on \
         127.0.0.1"
    )]
    InTheClear(SocketAddr),
    #[error("refusing to start: TLS takes a certificate and its key; {0} is missing")]
    HalfOfTls(&'static str),
    #[error(
        "refusing to start: --auth jwt takes --jwt-issuer, --jwt-audience and --jwt-jwks; {0} is missing, and \
         without it tokens made for others would be taken"
    )]
    UnknownProvider(&'static str),
    #[error(
        "refusing to start: {0} says whose tokens to take, but only --auth jwt takes any; say it, or leave {0} out"
    )]
    ProviderNotAsked(&'static str),
}

pub(super) fn check(config: &Config) -> Result<(), StartUpError> {
    if let Some(missing) = config.transport.half() {
        return Err(StartUpError::HalfOfTls(missing));
    }
    match (config.auth, config.jwt.identity_provider(), config.jwt.given()) {
        (Auth::Jwt, Err(missing), _) => return Err(StartUpError::UnknownProvider(missing)),
        (Auth::Open | Auth::Accounts, _, Some(given)) => return Err(StartUpError::ProviderNotAsked(given)),
        (Auth::Jwt, Ok(_), _) | (Auth::Open | Auth::Accounts, _, None) => {}
    }
    let is_local = config.listen.ip().is_loopback();
    match (config.auth, config.transport.proxy()) {
        (Auth::Open, _) if !is_local => Err(StartUpError::OpenToTheWorld(config.listen)),
        // A proxy on this machine comes from loopback, with everybody behind it.
        (Auth::Open, Proxy::InFront) => Err(StartUpError::OpenBehindProxy),
        (Auth::Accounts | Auth::Jwt, Proxy::None) if !is_local && config.transport.tls().is_none() => {
            Err(StartUpError::InTheClear(config.listen))
        }
        (Auth::Open | Auth::Accounts | Auth::Jwt, Proxy::None | Proxy::InFront) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, Command, FromArgMatches};

    const JWT: [&str; 3] =
        ["--jwt-issuer=https://id.example", "--jwt-audience=tiebreak", "--jwt-jwks=keys.json"];
    const TLS: [&str; 2] = ["--tls-cert=cert.pem", "--tls-key=key.pem"];
    const PROXY: &str = "--behind-proxy";

    fn verdict(flags: &[&str]) -> Result<(), StartUpError> {
        let command = Config::augment_args(Command::new("tiebreak"));
        let arguments = std::iter::once("tiebreak").chain(flags.iter().copied());
        Config::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap().check()
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Outcome {
        Starts,
        OpenToTheWorld,
        OpenBehindProxy,
        InTheClear,
    }

    fn outcome(verdict: &Result<(), StartUpError>) -> Outcome {
        match verdict {
            Ok(()) => Outcome::Starts,
            Err(StartUpError::OpenToTheWorld(_)) => Outcome::OpenToTheWorld,
            Err(StartUpError::OpenBehindProxy) => Outcome::OpenBehindProxy,
            Err(StartUpError::InTheClear(_)) => Outcome::InTheClear,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_starts_and_what_does_not() {
        use Outcome::{InTheClear, OpenBehindProxy, OpenToTheWorld, Starts};
        let transports: [&[&str]; 4] = [&[], &TLS, &[PROXY], &[TLS[0], TLS[1], PROXY]];
        //                          plain           TLS             proxy            TLS and proxy
        let open_here = [Starts, Starts, OpenBehindProxy, OpenBehindProxy];
        let open_there = [OpenToTheWorld; 4];
        let asking_here = [Starts; 4];
        let asking_there = [InTheClear, Starts, Starts, Starts];
        for (listen, open, asking) in [
            ("127.0.0.1:7070", open_here, asking_here),
            ("127.9.9.9:7070", open_here, asking_here),
            ("[::1]:7070", open_here, asking_here),
            ("0.0.0.0:7070", open_there, asking_there),
            ("[::]:7070", open_there, asking_there),
            ("192.0.2.1:7070", open_there, asking_there),
            ("[::ffff:127.0.0.1]:7070", open_there, asking_there),
        ] {
            for (number, transport) in transports.into_iter().enumerate() {
                let with = |auth: &[&str]| {
                    let listen = format!("--listen={listen}");
                    outcome(&verdict(&[&[listen.as_str()], auth, transport].concat()))
                };
                assert_eq!(with(&[]), open[number], "{listen} {transport:?}");
                assert_eq!(with(&["--auth=open"]), open[number], "{listen} {transport:?}");
                assert_eq!(with(&["--auth=accounts"]), asking[number], "{listen} {transport:?}");
                let jwt = [&["--auth=jwt"][..], &JWT].concat();
                assert_eq!(with(&jwt), asking[number], "{listen} {transport:?}");
            }
        }
    }

    #[test]
    fn half_of_something_is_refused_with_what_is_missing() {
        assert_eq!(verdict(&TLS[..1]), Err(StartUpError::HalfOfTls("--tls-key")));
        assert_eq!(verdict(&TLS[1..]), Err(StartUpError::HalfOfTls("--tls-cert")));
        for (number, missing) in ["--jwt-issuer", "--jwt-audience", "--jwt-jwks"].into_iter().enumerate() {
            let mut flags = [&["--auth=jwt"][..], &JWT].concat();
            let left_out = flags.remove(number + 1);
            assert_eq!(verdict(&flags), Err(StartUpError::UnknownProvider(missing)));
            for auth in ["--auth=open", "--auth=accounts"] {
                assert_eq!(verdict(&[auth, left_out]), Err(StartUpError::ProviderNotAsked(missing)));
            }
        }
    }

    #[test]
    fn every_refusal_names_a_way_out() {
        for flags in [
            &["--listen=0.0.0.0:1"][..],
            &[PROXY],
            &["--auth=accounts", "--listen=0.0.0.0:1"],
            &["--tls-cert=a"],
            &["--auth=jwt"],
            &["--jwt-issuer=a"],
        ] {
            let words = verdict(flags).unwrap_err().to_string();
            assert!(words.starts_with("refusing to start: ") && words.contains("--"), "{words}");
        }
    }
}

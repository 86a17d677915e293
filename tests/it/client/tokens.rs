//! Tokens and close codes, against a server that answers as the test says.

use super::{SOON, config, folder, until_status};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tiebreak_client::{ConnectionState, Tiebreak, TiebreakConfig, TokenError, TokenFuture};
use tiebreak_client::{TokenProvider, TokenReason};
use tiebreak_tests::scripted_server::{Answer, ScriptedServer};

/// Hands out a new token each time, and notes why it was asked.
#[derive(Clone, Default)]
struct Purse {
    reasons: Arc<Mutex<Vec<TokenReason>>>,
}

impl Purse {
    fn reasons(&self) -> Vec<TokenReason> {
        self.reasons.lock().unwrap().clone()
    }
}

impl TokenProvider for Purse {
    fn fetch_token(&self, reason: TokenReason) -> TokenFuture<'_> {
        let mut reasons = self.reasons.lock().unwrap();
        reasons.push(reason);
        let token = format!("token-{}", reasons.len());
        Box::pin(async { Ok(Some(token)) })
    }
}

/// Opens a client with a purse on a server that answers its visits in this order, then lets it in.
async fn visit(
    folder: &tempfile::TempDir,
    answers: &'static [fn() -> Answer],
) -> (ScriptedServer, Purse, Tiebreak) {
    let server = ScriptedServer::start(|visit| match answers.get(visit.number) {
        Some(answer) => answer(),
        None => Answer::talk(|_| {}),
    });
    let purse = Purse::default();
    let config = quick(folder, &server).token_provider(purse.clone());
    let client = Tiebreak::open(config).await.expect("opens");
    (server, purse, client)
}

fn quick(folder: &tempfile::TempDir, server: &ScriptedServer) -> TiebreakConfig {
    config(folder, server.address()).backoff(Duration::from_millis(5), Duration::from_millis(20))
}

fn shown(server: &ScriptedServer) -> Vec<String> {
    server.visits().into_iter().map(|visit| visit.authorization.unwrap_or_default()).collect()
}

async fn until_connected(client: &Tiebreak) {
    until_status(client, "the connection", |status| status.state == ConnectionState::Connected).await;
}

#[tokio::test]
async fn a_token_is_asked_for_afresh_before_every_connection() {
    let local = folder();
    let (server, purse, client) = visit(
        &local,
        &[|| Answer::Close(1012), || Answer::Close(4503), || Answer::Status(503), || Answer::Status(429)],
    )
    .await;
    until_connected(&client).await;
    let tokens = ["Bearer token-1", "Bearer token-2", "Bearer token-3", "Bearer token-4", "Bearer token-5"];
    assert_eq!(shown(&server), tokens);
    let mut reasons = vec![TokenReason::Initial];
    reasons.extend([TokenReason::Retry; 4]);
    assert_eq!(purse.reasons(), reasons);
    client.close().await;
}

#[tokio::test]
async fn an_expired_token_is_replaced_once_and_at_once() {
    for refusal in [|| Answer::Close(4401), || Answer::Status(401)] {
        let local = folder();
        let server = ScriptedServer::start(move |visit| match visit.number {
            0 => refusal(),
            1.. => Answer::talk(|_| {}),
        });
        let purse = Purse::default();
        // A wait would never end.
        let hour = Duration::from_secs(3600);
        let config = config(&local, server.address()).backoff(hour, hour).token_provider(purse.clone());
        let client = Tiebreak::open(config).await.expect("opens");
        until_connected(&client).await;
        assert_eq!(purse.reasons(), [TokenReason::Initial, TokenReason::Expired]);
        assert_eq!(shown(&server), ["Bearer token-1", "Bearer token-2"]);
        client.close().await;
    }
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_as_well_stops_the_client_until_somebody_signs_in() {
    for refusals in [
        &[|| Answer::Close(4401), || Answer::Close(4401)] as &'static [fn() -> Answer],
        &[|| Answer::Status(401), || Answer::Status(401)],
    ] {
        let local = folder();
        let (server, purse, client) = visit(&local, refusals).await;
        until_status(&client, "the client to stop", |status| {
            matches!(status.state, ConnectionState::Unauthorized { .. })
        })
        .await;
        assert_eq!((server.visits().len(), purse.reasons().len()), (2, 2));
        client.network_changed();
        client.connect();
        until_connected(&client).await;
        let reasons = [TokenReason::Initial, TokenReason::Expired, TokenReason::Initial];
        assert_eq!(purse.reasons(), reasons);
        client.close().await;
    }
}

#[tokio::test]
async fn a_server_that_wants_the_client_to_stop_is_not_visited_again() {
    for (answer, code) in [
        ((|| Answer::Close(4403)) as fn() -> Answer, 4403),
        (|| Answer::Close(4413), 4413),
        (|| Answer::Status(403), 403),
        (|| Answer::Status(410), 410),
    ] {
        let local = folder();
        let server = ScriptedServer::start(move |_| answer());
        let client = Tiebreak::open(quick(&local, &server)).await.expect("opens");
        let status = until_status(&client, "the client to stop", |status| {
            matches!(status.state, ConnectionState::Rejected { .. })
        })
        .await;
        assert!(matches!(status.state, ConnectionState::Rejected { code: said, .. } if said == code));
        // Neither does another network change what the server said.
        client.network_changed();
        client.connect();
        until_status(&client, "another try", |status| status.state.is_stopped()).await;
        let visits = server.visits();
        assert!(visits.len() <= 2 && visits.iter().all(|visit| visit.authorization.is_none()), "{visits:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn who_is_signed_out_visits_nobody_and_goes_on_offline() {
    let local = folder();
    let server = ScriptedServer::start(|_| Answer::talk(|_| {}));
    let config = quick(&local, &server).token_provider(|_: TokenReason| async { Ok(None) });
    let client = Tiebreak::open(config).await.expect("opens");
    until_status(&client, "the client to stop", |status| {
        matches!(status.state, ConnectionState::Unauthorized { .. })
    })
    .await;
    client.create(&serde_json::json!({ "made": "alone" })).await.expect("made");
    assert_eq!((server.visits().len(), client.status().pending_changes), (0, 1));
    client.close().await;
}

#[tokio::test]
async fn a_token_that_cannot_be_had_or_sent_is_tried_for_again() {
    let local = folder();
    let server = ScriptedServer::start(|_| Answer::talk(|_| {}));
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let config = quick(&local, &server).token_provider(move |_: TokenReason| {
        let mut asked = counted.lock().unwrap();
        *asked += 1;
        let answer = match *asked {
            1 => Err(TokenError::new("the network is away")),
            2 => Ok(Some("no header\ncan carry this".to_owned())),
            3.. => Ok(Some("good".to_owned())),
            i32::MIN..1 => unreachable!("counted"),
        };
        async { answer }
    });
    let client = Tiebreak::open(config).await.expect("opens");
    until_connected(&client).await;
    assert_eq!((*asked.lock().unwrap(), shown(&server)), (3, vec!["Bearer good".to_owned()]));
    assert!(client.status().last_error.expect("said").to_string().contains("header"));
    client.close().await;
}

#[tokio::test]
async fn a_provider_that_never_answers_does_not_keep_the_client_from_closing() {
    let local = folder();
    let server = ScriptedServer::start(|_| Answer::talk(|_| {}));
    let asked = Arc::new(tokio::sync::Notify::new());
    let noted = Arc::clone(&asked);
    let config = quick(&local, &server).token_provider(move |_: TokenReason| {
        noted.notify_one();
        std::future::pending()
    });
    let client = Tiebreak::open(config).await.expect("opens");
    tokio::time::timeout(SOON, asked.notified()).await.expect("asked");
    tokio::time::timeout(SOON, client.close()).await.expect("closed");
    assert_eq!(server.visits(), []);
}

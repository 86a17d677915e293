//! People who sign in with the Rust client, on the built server.

use super::{SOON, folder, until_json, until_status};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tiebreak_client::{
    Account, AccountConfig, AccountError, ConnectionState, CredentialFile, FindError, NewAccount, Role,
    Tiebreak, TiebreakConfig, TokenProvider, TokenReason,
};
use tiebreak_tests::server_process::ServerProcess;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "a password that nobody guesses";

/// A server that asks who comes.
struct Town {
    server: ServerProcess,
    _data: TempDir,
}

impl Town {
    fn new() -> Self {
        let data = folder();
        Self { server: ServerProcess::start(data.path(), &["--auth", "accounts"]), _data: data }
    }

    /// Signs somebody up on a device of its own.
    async fn person(&self, name: &str) -> Phone {
        let home = folder();
        let config = accounts(&home, self.server.address());
        let account = Account::sign_up(config, NewAccount::new(name, PASSWORD, "phone")).await.unwrap();
        self.open(home, account).await
    }

    /// Signs somebody in on another device.
    async fn another_device(&self, name: &str) -> Phone {
        let home = folder();
        let config = accounts(&home, self.server.address());
        let account = Account::sign_in(config, name, PASSWORD, "laptop").await.unwrap();
        self.open(home, account).await
    }

    async fn open(&self, home: TempDir, account: Account) -> Phone {
        let config = documents(&home, self.server.address()).account(account.clone());
        Phone { tiebreak: Tiebreak::open(config).await.unwrap(), account, home }
    }
}

/// A device with somebody signed in.
struct Phone {
    account: Account,
    tiebreak: Tiebreak,
    home: TempDir,
}

fn accounts(home: &TempDir, server: SocketAddr) -> AccountConfig {
    AccountConfig::new(format!("http://{server}"), CredentialFile::at(home.path().join("credentials")))
}

fn documents(home: &TempDir, server: SocketAddr) -> TiebreakConfig {
    TiebreakConfig::new(home.path().join("documents"))
        .url(format!("ws://{server}/automerge"))
        .backoff(Duration::from_millis(50), Duration::from_millis(500))
        .find_time(Duration::from_secs(5))
}

async fn token(account: &Account, reason: TokenReason) -> Option<String> {
    account.fetch_token(reason).await.unwrap()
}

/// What is on a device of an account, and nothing else.
fn files(home: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(home.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn two_devices_of_one_account_are_in_step_and_come_back_without_the_password() {
    let town = Town::new();
    let phone = town.person("ann").await;
    let laptop = town.another_device("ann").await;
    assert_eq!(phone.account.id(), laptop.account.id());
    let list = phone.tiebreak.create(&json!({ "items": ["bread"] })).await.unwrap();
    phone.tiebreak.wait_for_upload(SOON).await.unwrap();
    until_json(&laptop.tiebreak.find(list.id()).await.unwrap(), json!({ "items": ["bread"] })).await;
    // The app starts again.
    phone.tiebreak.close().await;
    let resumed = Account::resume(accounts(&phone.home, town.server.address())).await.unwrap().unwrap();
    assert_eq!((resumed.id(), resumed.username()), (phone.account.id(), "ann"));
    let phone = town.open(phone.home, resumed).await;
    let list = phone.tiebreak.find(list.id()).await.unwrap();
    list.change(|edit| edit.push("items", "milk")).await.unwrap();
    phone.tiebreak.wait_for_upload(SOON).await.unwrap();
}

#[tokio::test]
async fn what_is_shared_arrives_and_what_is_taken_back_stops() {
    let town = Town::new();
    let (ann, bob) = (town.person("ann").await, town.person("bob").await);
    let group = ann.tiebreak.create(&json!({ "name": "runners" })).await.unwrap();
    ann.tiebreak.wait_for_upload(SOON).await.unwrap();
    let unknown = bob.tiebreak.find(group.id()).await.unwrap_err();
    assert_eq!(unknown, FindError::NotFound(group.id()));
    ann.account.share(group.id(), "bob", Role::Editor).await.unwrap();
    let his = bob.tiebreak.find(group.id()).await.unwrap();
    his.change(|edit| edit.put("name", "night runners")).await.unwrap();
    until_json(&group, json!({ "name": "night runners" })).await;
    let roles: Vec<_> =
        ann.account.grants(group.id()).await.unwrap().iter().map(|grant| grant.role).collect();
    assert!(roles.contains(&Role::Owner) && roles.contains(&Role::Editor) && roles.len() == 2);
    ann.account.unshare(group.id(), bob.account.id()).await.unwrap();
    his.change(|edit| edit.put("name", "his own")).await.unwrap();
    let refused = bob.tiebreak.wait_for_upload(SOON).await.unwrap_err();
    assert!(refused.to_string().contains("access_denied"), "{refused}");
    assert_eq!(group.to_json().await.unwrap(), json!({ "name": "night runners" }));
    // An invitation instead.
    let invitation = ann.account.invite(group.id(), Role::Viewer, Duration::from_secs(600), 1).await.unwrap();
    assert!(!format!("{invitation:?}").contains(invitation.secret()));
    let accepted = bob.account.accept(invitation.secret()).await.unwrap();
    assert_eq!(accepted, (group.id(), Role::Viewer));
    bob.account.leave(group.id()).await.unwrap();
    assert_eq!(bob.account.accept(invitation.secret()).await, Err(AccountError::InvitationOver));
}

#[tokio::test]
async fn a_device_that_is_revoked_is_signed_out_and_stays_calm() {
    let town = Town::new();
    let (phone, laptop) = (town.person("ann").await, town.another_device("ann").await);
    until_status(&phone.tiebreak, "a connection", |status| status.state == ConnectionState::Connected).await;
    laptop.account.revoke_device(phone.account.device_id()).await.unwrap();
    let is_out = |state: &ConnectionState| matches!(state, ConnectionState::Unauthorized { .. });
    until_status(&phone.tiebreak, "the end", |status| is_out(&status.state)).await;
    assert_eq!(token(&phone.account, TokenReason::Retry).await, None);
    assert_eq!(phone.account.devices().await, Err(AccountError::SignedOut));
    assert_eq!(files(&phone.home), ["documents"], "its credentials are worth nothing any more");
    // Documents stay, and go on.
    phone.tiebreak.create(&json!({})).await.unwrap();
    let devices = laptop.account.devices().await.unwrap();
    let signed_in = |device: &tiebreak_client::DeviceInfo| device.is_signed_in;
    assert_eq!(devices.iter().filter(|device| signed_in(device)).count(), 1);
    let again = laptop.account.revoke_device(phone.account.device_id()).await.unwrap_err();
    assert!(matches!(again, AccountError::NotFound { .. }), "{again:?}");
}

#[tokio::test]
async fn whoever_signs_out_leaves_nothing_behind_with_and_without_a_network() {
    let town = Town::new();
    let (online, offline) = (town.person("ann").await, town.person("bob").await);
    let credentials = std::fs::read_to_string(online.home.path().join("credentials")).unwrap();
    online.tiebreak.create(&json!({ "title": "uploaded" })).await.unwrap();
    online.tiebreak.wait_for_upload(SOON).await.unwrap();
    assert_eq!(online.tiebreak.sign_out(&online.account).await.unwrap().discarded_changes, 0);
    assert!(files(&online.home).is_empty(), "{:?}", files(&online.home));
    // A copy that somebody made is worth nothing.
    std::fs::write(online.home.path().join("credentials"), credentials).unwrap();
    let copied = Account::resume(accounts(&online.home, town.server.address())).await.unwrap().unwrap();
    assert_eq!(token(&copied, TokenReason::Initial).await, None);
    until_status(&offline.tiebreak, "a connection", |status| status.state == ConnectionState::Connected)
        .await;
    town.server.kill();
    offline.tiebreak.create(&json!({ "title": "here alone" })).await.unwrap();
    assert_eq!(offline.tiebreak.sign_out(&offline.account).await.unwrap().discarded_changes, 1);
    assert!(files(&offline.home).is_empty());
}

#[tokio::test]
async fn each_refusal_is_an_error_that_a_person_can_act_on() {
    let town = Town::new();
    let ann = town.person("ann").await;
    let home = folder();
    let config = || accounts(&home, town.server.address());
    let sign_up = async |name: &str, password: &str| {
        Account::sign_up(config(), NewAccount::new(name, password, "phone")).await.unwrap_err()
    };
    assert_eq!(sign_up("Ann", PASSWORD).await, AccountError::UsernameTaken);
    assert!(matches!(sign_up("a b", PASSWORD).await, AccountError::InvalidUsername { .. }));
    assert!(matches!(sign_up("carl", "short").await, AccountError::InvalidPassword { .. }));
    let sign_in =
        async |name: &str, password: &str| Account::sign_in(config(), name, password, "phone").await;
    for name in ["ann", "nobody"] {
        assert_eq!(sign_in(name, "wrong").await.unwrap_err(), AccountError::WrongCredentials);
    }
    let throttled = loop {
        let refusal = sign_in("ann", "wrong again").await.unwrap_err();
        if refusal != AccountError::WrongCredentials {
            break refusal;
        }
    };
    assert!(matches!(throttled, AccountError::TooManyAttempts { .. }), "{throttled:?}");
    let document = ann.tiebreak.create(&json!({})).await.unwrap().id();
    ann.tiebreak.wait_for_upload(SOON).await.unwrap();
    assert_eq!(ann.account.share(document, "nobody", Role::Viewer).await, Err(AccountError::NoSuchAccount));
    assert!(matches!(ann.account.leave(document).await, Err(AccountError::LastOwner { .. })));
    let long = ann.account.invite(document, Role::Viewer, Duration::from_secs(1 << 40), 1).await;
    assert!(matches!(long, Err(AccountError::InvalidArgument { .. })), "{long:?}");
    let elsewhere = AccountConfig::new("http://sync.example", CredentialFile::at(home.path().join("x")));
    assert!(matches!(Account::resume(elsewhere).await, Err(AccountError::Exposed { .. })));
    let nobody = accounts(&home, "127.0.0.1:9".parse().unwrap());
    assert!(matches!(
        Account::sign_in(nobody, "ann", PASSWORD, "phone").await,
        Err(AccountError::Offline { .. })
    ));
    std::fs::write(home.path().join("credentials"), "{\"server\":").unwrap();
    assert!(matches!(Account::resume(config()).await, Err(AccountError::UnreadableCredentials)));
}

#[tokio::test]
async fn another_password_signs_the_other_devices_out_and_a_deleted_account_is_gone() {
    let town = Town::new();
    let (phone, laptop) = (town.person("ann").await, town.another_device("ann").await);
    let wrong = phone.account.change_password("not it", "quite another password").await;
    assert_eq!(wrong, Err(AccountError::WrongCredentials));
    phone.account.change_password(PASSWORD, "quite another password").await.unwrap();
    assert_eq!(token(&laptop.account, TokenReason::Expired).await, None);
    assert!(token(&phone.account, TokenReason::Expired).await.is_some());
    phone.account.delete().await.unwrap();
    assert_eq!(phone.account.devices().await, Err(AccountError::SignedOut));
    let home = folder();
    let gone =
        Account::sign_in(accounts(&home, town.server.address()), "ann", "quite another password", "phone");
    assert_eq!(gone.await.unwrap_err(), AccountError::WrongCredentials);
}

/// A way to a server on which the answers to some requests are lost.
struct LossyWay {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl LossyWay {
    /// Loses the first so many answers to requests for this path.
    async fn to(server: SocketAddr, path: &'static str, lost: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut inside = TcpStream::connect(server).await.unwrap();
                    let mut head = vec![0; 16 * 1024];
                    let read = outside.read(&mut head).await.unwrap();
                    inside.write_all(&head[..read]).await.unwrap();
                    let is_it = String::from_utf8_lossy(&head[..read]).contains(path);
                    if is_it && count.fetch_add(1, Ordering::SeqCst) < lost {
                        // The server has done it, and its answer goes nowhere.
                        assert!(inside.read(&mut head).await.unwrap() > 0);
                        return;
                    }
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok();
                });
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_sign_up_whose_answer_is_lost_is_repeated_and_is_one_sign_up() {
    let town = Town::new();
    let way = LossyWay::to(town.server.address(), "POST /v1/accounts ", 1).await;
    let home = folder();
    let new = NewAccount::new("ann", PASSWORD, "phone");
    let account = Account::sign_up(accounts(&home, way.address), new).await.unwrap();
    assert_eq!((account.username(), way.asked()), ("ann", 2));
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_loses_nobody_and_is_made_by_one_for_all() {
    let town = Town::new();
    let way = LossyWay::to(town.server.address(), "POST /v1/sessions/refresh ", 1).await;
    let home = folder();
    let new = NewAccount::new("ann", PASSWORD, "phone");
    drop(Account::sign_up(accounts(&home, way.address), new).await.unwrap());
    let account = Account::resume(accounts(&home, way.address)).await.unwrap().unwrap();
    let lost = account.fetch_token(TokenReason::Initial).await.unwrap_err();
    assert!(lost.reason.contains("cannot be reached"), "{lost}");
    let all = (0..20).map(|_| token(&account, TokenReason::Retry));
    let tokens = futures_util::future::join_all(all).await;
    assert!(tokens.iter().all(|token| token.is_some() && *token == tokens[0]));
    assert_eq!(way.asked(), 2, "the lost one, and one for all twenty");
    let all = (0..20).map(|_| token(&account, TokenReason::Expired));
    let fresh = futures_util::future::join_all(all).await;
    assert!(fresh.iter().all(|token| token.is_some() && *token == fresh[0]));
    assert_eq!(way.asked(), 3, "and one for all whose token was not taken");
}

#[tokio::test]
async fn somebody_with_a_copy_of_the_credentials_is_noticed() {
    let town = Town::new();
    let ann = town.person("ann").await;
    let thief = folder();
    let credentials = ann.home.path().join("credentials");
    std::fs::copy(&credentials, thief.path().join("credentials")).unwrap();
    assert!(token(&ann.account, TokenReason::Expired).await.is_some());
    assert!(token(&ann.account, TokenReason::Expired).await.is_some());
    let copied = Account::resume(accounts(&thief, town.server.address())).await.unwrap().unwrap();
    assert_eq!(token(&copied, TokenReason::Initial).await, None);
    assert_eq!(token(&ann.account, TokenReason::Expired).await, None, "nobody can tell who is who");
    let is_out = |state: &ConnectionState| matches!(state, ConnectionState::Unauthorized { .. });
    until_status(&ann.tiebreak, "the end", |status| is_out(&status.state)).await;
}

#[tokio::test]
async fn signing_out_waits_for_no_server_that_does_not_answer() {
    let town = Town::new();
    let home = folder();
    let config = accounts(&home, town.server.address());
    drop(Account::sign_up(config, NewAccount::new("ann", PASSWORD, "phone")).await.unwrap());
    tiebreak_tests::server_process::signal(town.server.pid(), "STOP");
    let account = Account::resume(accounts(&home, town.server.address())).await.unwrap().unwrap();
    let waiting = tokio::spawn({
        let account = account.clone();
        async move { account.fetch_token(TokenReason::Initial).await }
    });
    // The server's own time for a request is longer than this.
    tokio::time::timeout(Duration::from_secs(15), account.sign_out()).await.expect("in time").unwrap();
    assert!(files(&home).is_empty());
    assert_eq!(waiting.await.unwrap(), Ok(None));
    tiebreak_tests::server_process::signal(town.server.pid(), "CONT");
}

//! A TCP proxy for bad networks: slow, stalling, cutting, freezing, refusing; by seed, and by order of the test.

use crate::dice::Dice;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// Bytes that travel together.
const PIECE_BYTES: usize = 4096;

/// Whether bytes of one direction travel. Frozen, the sockets stay open and nobody hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Flowing,
    Frozen,
}

/// Whether who comes is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Shut,
}

/// What the network does at present.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// From the client to the server.
    pub up: Flow,
    /// From the server to the client.
    pub down: Flow,
    /// The longest that a piece takes; each takes a random part of it.
    pub latency_max: Duration,
    /// One piece in so many is lost, which TCP mends after `retransmission`; 0: none.
    pub lost_one_in: u64,
    /// How long nothing moves after a loss.
    pub retransmission: Duration,
    /// Connections made from now on are cut after a random number of bytes below this, in either direction; 0:
    /// never.
    pub cut_bytes_max: u64,
    door: Door,
    /// Connections of an earlier epoch are cut.
    epoch: u64,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            up: Flow::Flowing,
            down: Flow::Flowing,
            latency_max: Duration::ZERO,
            lost_one_in: 0,
            retransmission: Duration::from_millis(200),
            cut_bytes_max: 0,
            door: Door::Open,
            epoch: 0,
        }
    }
}

/// A proxy on a thread of its own; ends when dropped.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepted: watch::Receiver<u64>,
    _end: oneshot::Sender<()>,
}

impl TcpProxy {
    /// Listens on a free port, for a server that need not be there yet.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(upstream: SocketAddr, seed: u64) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("bound");
        let (weather, forecast) = watch::channel(Weather::default());
        let (count, accepted) = watch::channel(0);
        let (end, ended) = oneshot::channel();
        let dice = Arc::new(Mutex::new(Dice::new(seed)));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = listen(listener, upstream, &forecast, &count, &dice) => {}
                    _dropped = ended => {}
                }
            });
        });
        Self { address, weather, accepted, _end: end }
    }

    /// Where clients come.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather.
    pub fn set(&self, change: impl FnOnce(&mut Weather)) {
        self.weather.send_modify(change);
    }

    /// Cuts all connections that there are.
    pub fn cut(&self) {
        self.set(|weather| weather.epoch += 1);
    }

    /// Resets connections as they come.
    pub fn refuse(&self) {
        self.set(|weather| weather.door = Door::Shut);
    }

    /// Lets them in again.
    pub fn accept(&self) {
        self.set(|weather| weather.door = Door::Open);
    }

    /// How many came so far, those that were refused included.
    pub fn connections(&self) -> u64 {
        *self.accepted.borrow()
    }
}

async fn listen(
    listener: std::net::TcpListener,
    upstream: SocketAddr,
    forecast: &watch::Receiver<Weather>,
    count: &watch::Sender<u64>,
    dice: &Arc<Mutex<Dice>>,
) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((client, _)) = listener.accept().await {
        count.send_modify(|count| *count += 1);
        let weather = *forecast.borrow();
        if weather.door == Door::Open {
            tokio::spawn(carry(client, upstream, forecast.clone(), Arc::clone(dice)));
        }
    }
}

/// Carries one connection until either side, the weather or its fate ends it.
async fn carry(
    client: TcpStream,
    upstream: SocketAddr,
    forecast: watch::Receiver<Weather>,
    dice: Arc<Mutex<Dice>>,
) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let (epoch, cut_bytes_max) = {
        let weather = forecast.borrow();
        (weather.epoch, weather.cut_bytes_max)
    };
    let fate = |max: u64| if max == 0 { u64::MAX } else { roll(&dice, max) };
    let (fate_up, fate_down) = (fate(cut_bytes_max), fate(cut_bytes_max));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut changes = forecast.clone();
    tokio::select! {
        () = pump((from_client, to_server), fate_up, forecast.clone(), |weather| weather.up, &dice) => {}
        () = pump((from_server, to_client), fate_down, forecast, |weather| weather.down, &dice) => {}
        _cut = changes.wait_for(|weather| weather.epoch > epoch) => {}
    }
}

/// Carries one direction, up to as many bytes as it is fated to.
async fn pump(
    (mut from, mut to): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    mut bytes_left: u64,
    mut forecast: watch::Receiver<Weather>,
    flow: impl Fn(&Weather) -> Flow,
    dice: &Arc<Mutex<Dice>>,
) {
    let mut piece = [0; PIECE_BYTES];
    loop {
        if forecast.wait_for(|weather| flow(weather) == Flow::Flowing).await.is_err() {
            return;
        }
        let Ok(read @ 1..) = from.read(&mut piece).await else { return };
        let weather = *forecast.borrow();
        tokio::time::sleep(delay(&weather, dice)).await;
        if forecast.wait_for(|weather| flow(weather) == Flow::Flowing).await.is_err() {
            return;
        }
        let carried = usize::try_from(bytes_left).unwrap_or(usize::MAX).min(read);
        bytes_left -= carried as u64;
        if to.write_all(&piece[..carried]).await.is_err() || carried < read {
            return;
        }
    }
}

fn delay(weather: &Weather, dice: &Arc<Mutex<Dice>>) -> Duration {
    let latency_us = u64::try_from(weather.latency_max.as_micros()).unwrap_or(u64::MAX);
    let latency = Duration::from_micros(if latency_us == 0 { 0 } else { roll(dice, latency_us) });
    let is_lost = weather.lost_one_in > 0 && roll(dice, weather.lost_one_in) == 0;
    latency + if is_lost { weather.retransmission } else { Duration::ZERO }
}

fn roll(dice: &Arc<Mutex<Dice>>, end: u64) -> u64 {
    dice.lock().unwrap_or_else(PoisonError::into_inner).below(end)
}

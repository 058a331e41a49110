//! A model's server as OpenAI's protocol has it, which keeps its own ledger of what it bills.
//!
//! It bills for as many tokens as it may answer with, as soon as a request is there, whatever comes
//! of it: an answer, one that breaks off, status 500 or nothing at all. Only a request that it
//! refuses as busy is free.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::model::{refusal, streamed_for};
use super::serving::{request, whole};

/// Tokens that it names its price for.
pub(crate) const LOT: u64 = 4_096;

/// Tokens of an answer that nobody bounded.
const UNBOUNDED: u64 = 1_000_000;

/// How long it takes to answer.
const WORK: Duration = Duration::from_millis(20);

/// What it has billed and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// In millionths of a dollar.
    pub(crate) billed_micros: u64,
    /// Requests that it billed for.
    pub(crate) calls: u64,
    /// Those that it answered as a whole.
    pub(crate) answered: u64,
    /// Those that broke off, failed or hung.
    pub(crate) faults: u64,
    /// Calls in hand now, and at most so far.
    pub(crate) in_hand: u64,
    pub(crate) in_hand_max: u64,
}

/// What it does with a request.
#[derive(Clone, Copy)]
enum Act {
    Answer,
    BreakOff,
    Fail,
    Hang,
    Refuse,
}

struct Desk {
    ledger: watch::Sender<Ledger>,
    chance: Mutex<StdRng>,
    has_faults: bool,
    price: u64,
}

/// The server. Dropped, it is gone.
pub(crate) struct Biller {
    address: SocketAddr,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl Biller {
    /// A server that bills so many millionths of a dollar for each [`LOT`] of tokens written.
    pub(crate) async fn start(seed: u64, has_faults: bool, price: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            ledger: watch::Sender::default(),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            has_faults,
            price,
        });
        let shared = Arc::clone(&desk);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = Arc::clone(&shared);
                tokio::spawn(async move { serve(stream, &desk).await.unwrap_or_default() });
            }
        });
        Self { address, desk, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn ledger(&self) -> Ledger {
        *self.desk.ledger.borrow()
    }

    /// Waits until so many calls were billed.
    pub(crate) async fn has_billed(&self, calls: u64) {
        let mut ledger = self.desk.ledger.subscribe();
        let billed =
            tokio::time::timeout(super::PATIENCE, ledger.wait_for(|ledger| ledger.calls >= calls));
        billed.await.expect("nobody calls").unwrap();
    }
}

impl Drop for Biller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Desk {
    fn act(&self) -> Act {
        if !self.has_faults {
            return Act::Answer;
        }
        match self.chance.lock().unwrap().random_range(0..100) {
            0..8 => Act::BreakOff,
            8..16 => Act::Fail,
            16..19 => Act::Hang,
            19..27 => Act::Refuse,
            _ => Act::Answer,
        }
    }

    fn bill(&self, tokens: u64, is_fault: bool) {
        self.ledger.send_modify(|ledger| {
            ledger.billed_micros += (tokens * self.price).div_ceil(LOT);
            ledger.calls += 1;
            ledger.faults += u64::from(is_fault);
            ledger.answered += u64::from(!is_fault);
            ledger.in_hand += 1;
            ledger.in_hand_max = ledger.in_hand_max.max(ledger.in_hand);
        });
    }

    fn done(&self) {
        self.ledger.send_modify(|ledger| ledger.in_hand -= 1);
    }
}

/// One connection: requests one after another.
async fn serve(mut stream: TcpStream, desk: &Desk) -> Result<()> {
    let mut heard = Vec::new();
    let mut more = vec![0; 16 * 1024];
    loop {
        let Some((_, body, length)) = request(&heard) else {
            let count = stream.read(&mut more).await?;
            if count == 0 {
                return Ok(());
            }
            heard.extend_from_slice(&more[..count]);
            continue;
        };
        heard.drain(..length);
        let act = desk.act();
        if matches!(act, Act::Refuse) {
            stream.write_all(whole(429, &refusal("too many requests")).as_bytes()).await?;
            continue;
        }
        let most = ["max_tokens", "max_completion_tokens"];
        let tokens = most.iter().find_map(|key| body[*key].as_u64()).unwrap_or(UNBOUNDED);
        desk.bill(tokens, !matches!(act, Act::Answer));
        let served = answer(&mut stream, act, tokens).await;
        desk.done();
        if !served? {
            return Ok(());
        }
    }
}

/// Whether the connection goes on.
async fn answer(stream: &mut TcpStream, act: Act, tokens: u64) -> Result<bool> {
    tokio::time::sleep(WORK).await;
    let usage = json!({
        "prompt_tokens": 50, "completion_tokens": tokens, "total_tokens": tokens + 50,
    });
    let said = streamed_for("I have thought about it.", &usage);
    match act {
        Act::Answer | Act::Refuse => stream.write_all(said.as_bytes()).await?,
        Act::Fail => stream.write_all(whole(500, &refusal("it broke")).as_bytes()).await?,
        Act::BreakOff => {
            stream.write_all(&said.as_bytes()[..said.len() / 2]).await?;
            return Ok(false);
        }
        Act::Hang => {
            let mut more = [0; 1024];
            while let Ok(1..) = stream.read(&mut more).await {}
            return Ok(false);
        }
    }
    Ok(true)
}

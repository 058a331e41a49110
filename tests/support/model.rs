//! A model's server as OpenAI's protocol has it, which does what it is told and counts.
//!
//! What it is told stands in the last message, as with the model of the recordings: `!fail` (it
//! answers 400), `!busy` (429), `!broken` (500), `!hang` (nothing, until the other side hangs up),
//! `!stall` (the same, the first time that it is said in these words), `!half` (the first half, and
//! the rest when somebody has asked for `/release`), `!slow` (late), `!long` (60 sentences), `!ignore`
//! (no text), `!quiet` (it decides not to answer, where it is asked whether to), `!none` and
//! `!follow` (words alone). Asked for a title it says `Stub Conversation Title`, otherwise
//! `Stub reply to: <the last message>`. Whatever it is to say aloud is a short silence, and whatever
//! it hears is `Stub transcription.`; it is steered there by the text, and by what the file holds.
//!
//! With a [`Script`] it decides by that instead, tools included, and keeps a ledger of what it was
//! asked; it may refuse there too.

use std::collections::BTreeSet;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::script::{self, Act, Asked, Exchange, Script};
use super::serving::{request, whole};

/// Characters of an answer that are streamed at once.
const PIECE: usize = 16;

/// Numbers of an embedding.
const DIMENSIONS: usize = 1536;

/// The title of whatever it is asked to give one.
const TITLE: &str = "\"Stub Conversation Title\"";

/// Characters of what was said that are said back.
const SAID_BACK: usize = 200;

/// How late `!slow` is.
const LATE: Duration = Duration::from_millis(2_500);

/// What has come and gone.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Requests begun, of whatever kind.
    pub(crate) calls: AtomicUsize,
    /// Bytes received.
    pub(crate) heard: AtomicUsize,
    /// When the last of them came.
    heard_at: Mutex<Option<Instant>>,
    /// The last request that had to do with sound, as it came.
    sound: Mutex<String>,
    /// Calls that hang now.
    hanging: watch::Sender<usize>,
    /// When the other side last hung up on a call that hung.
    hung_up: watch::Sender<Option<Instant>>,
    /// What it has hung on, and does not a second time.
    stalled: Mutex<BTreeSet<String>>,
    /// How often somebody asked for `/release`.
    released: watch::Sender<usize>,
    /// What it was asked as it decided by a script, and did.
    ledger: Mutex<Vec<Exchange>>,
}

impl Counts {
    fn hear(&self, count: usize) {
        self.heard.fetch_add(count, Ordering::SeqCst);
        *self.heard_at.lock().unwrap() = Some(Instant::now());
    }
}

/// The server. Dropped, it is gone.
pub(crate) struct ModelServer {
    address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl ModelServer {
    pub(crate) async fn start() -> Self {
        Self::serving(None).await
    }

    /// One that decides by a script what it says and calls. Titles and embeddings are as ever.
    pub(crate) async fn scripted(script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        Self::serving(Some(Arc::new(script))).await
    }

    async fn serving(script: Option<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counts, script) = (Arc::clone(&shared), script.clone());
                // It ends with the connection; how, only the counts tell.
                tokio::spawn(async move {
                    serve(stream, &counts, script.as_ref()).await.unwrap_or_default();
                });
            }
        });
        Self { address, counts, task }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to configure as a model.
    pub(crate) fn name(&self) -> String {
        format!("openai:stub@http://{}/v1", self.address)
    }

    /// The last request that had to do with sound, as it came; what is no text in it is replaced.
    pub(crate) fn sound(&self) -> String {
        self.counts.sound.lock().unwrap().clone()
    }

    /// Does what a request for `/release` does.
    pub(crate) fn release(&self) {
        self.counts.released.send_modify(|released| *released += 1);
    }

    /// Where somebody can ask for `/release`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked as it decided by a script, and did, in order.
    pub(crate) fn ledger(&self) -> Vec<Exchange> {
        self.counts.ledger.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.counts.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn heard(&self) -> usize {
        self.counts.heard.load(Ordering::SeqCst)
    }

    /// When the last byte came.
    pub(crate) fn heard_at(&self) -> Option<Instant> {
        *self.counts.heard_at.lock().unwrap()
    }

    /// Calls that hang now.
    pub(crate) fn hanging(&self) -> usize {
        *self.counts.hanging.borrow()
    }

    /// Waits until so many calls hang.
    pub(crate) async fn hangs(&self, calls: usize) {
        let mut hanging = self.counts.hanging.subscribe();
        let waited = tokio::time::timeout(super::PATIENCE, hanging.wait_for(|now| *now == calls));
        waited.await.expect("no call hangs").unwrap();
    }

    /// When the other side last hung up on a call.
    pub(crate) async fn hung_up(&self) -> Instant {
        let mut hung_up = self.counts.hung_up.subscribe();
        let waited = tokio::time::timeout(super::PATIENCE, hung_up.wait_for(Option::is_some));
        let at = *waited.await.expect("nobody hangs up").unwrap();
        at.unwrap()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection: requests one after another.
async fn serve(mut stream: TcpStream, counts: &Counts, script: Option<&Script>) -> Result<()> {
    let mut heard = Vec::new();
    let mut more = vec![0; 16 * 1024];
    loop {
        let Some((path, body, length)) = request(&heard) else {
            let count = stream.read(&mut more).await?;
            if count == 0 {
                return Ok(());
            }
            counts.hear(count);
            heard.extend_from_slice(&more[..count]);
            continue;
        };
        let raw = String::from_utf8_lossy(&heard[..length]).into_owned();
        heard.drain(..length);
        counts.calls.fetch_add(1, Ordering::SeqCst);
        let is_scripted = path.ends_with("/chat/completions") && !is_title_wanted(&body);
        if let Some(script) = script.filter(|_| is_scripted) {
            let asked = Asked::of(&body);
            let act = script(&asked);
            counts.ledger.lock().unwrap().push(Exchange { asked: asked.clone(), act: act.clone() });
            let answer = match act {
                Act::Say(text) => respond(&body, &text),
                Act::Call(calls) => script::calling(&body, asked.round(), &calls),
                Act::Refuse(status) => whole(status, &refusal("the script refuses it")),
            };
            stream.write_all(answer.as_bytes()).await?;
            continue;
        }
        let said = match () {
            () if path.ends_with("/audio/speech") => body["input"].as_str().unwrap().to_owned(),
            () if path.ends_with("/audio/transcriptions") => raw.clone(),
            // What was not answered stands before it in the same message.
            () => last_message(&body).rsplit("\n\n").next().unwrap().to_owned(),
        };
        if path.contains("/audio/") {
            *counts.sound.lock().unwrap() = raw;
        }
        let answer = match () {
            () if path.ends_with("/embeddings") => whole(200, &embeddings(&body)),
            () if is_title_wanted(&body) => respond(&body, TITLE),
            () if said.contains("!fail") => whole(400, &refusal("the request is refused")),
            () if said.contains("!busy") => whole(429, &refusal("too many requests")),
            () if said.contains("!broken") => whole(500, &refusal("something broke")),
            () if said.contains("!hang") => return hang(stream, counts).await,
            () if stalls(&said, counts) => return hang(stream, counts).await,
            () if path.ends_with("/audio/speech") => {
                stream.write_all(&spoken(&body)).await?;
                continue;
            }
            () if said.contains("!silence") => whole(200, &json!({"text": ""})),
            () if path.ends_with("/audio/transcriptions") => {
                whole(200, &json!({"text": "Stub transcription."}))
            }
            () if said.contains("!half") => return halves(stream, counts, &said).await,
            () if path == "/release" => {
                counts.released.send_modify(|released| *released += 1);
                whole(200, &json!({}))
            }
            () => {
                if said.contains("!slow") {
                    tokio::time::sleep(LATE).await;
                }
                respond(&body, &reply(&body, &said))
            }
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// Whether that is said for the first time, and is to be left unanswered then.
fn stalls(said: &str, counts: &Counts) -> bool {
    // What was said before it, and not answered yet, may have come to stand in front of it.
    let last = said.rsplit("\n\n").next().unwrap_or_default();
    last.contains("!stall") && counts.stalled.lock().unwrap().insert(last.to_owned())
}

/// Says nothing until the other side is gone.
async fn hang(mut stream: TcpStream, counts: &Counts) -> Result<()> {
    counts.hanging.send_modify(|hanging| *hanging += 1);
    let mut more = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut more).await {
        counts.hear(count);
    }
    counts.hung_up.send_replace(Some(Instant::now()));
    counts.hanging.send_modify(|hanging| *hanging -= 1);
    Ok(())
}

/// Says one half, and the other once it is asked to go on.
async fn halves(mut stream: TcpStream, counts: &Counts, said: &str) -> Result<()> {
    let mut released = counts.released.subscribe();
    let answer = streamed(&format!("Stub reply to: {said}"));
    let (first, second) = answer.split_at(answer[..answer.len() / 2].rfind("data: ").unwrap());
    stream.write_all(first.as_bytes()).await?;
    released.changed().await.unwrap();
    stream.write_all(second.as_bytes()).await
}

fn last_message(body: &Value) -> String {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let content = messages.last().map_or(&Value::Null, |message| &message["content"]);
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// What it is told before anything is said.
fn instructions(body: &Value) -> &str {
    body["messages"][0]["content"].as_str().unwrap_or_default()
}

/// Whether it is asked for a title, whatever was said in the talk.
fn is_title_wanted(body: &Value) -> bool {
    instructions(body).starts_with("You give conversations their titles")
}

/// What it says where it does answer.
fn reply(body: &Value, said: &str) -> String {
    let may_ignore = instructions(body).contains("answer with the one word IGNORE");
    match () {
        () if said.contains("!ignore") => String::new(),
        () if said.contains("!quiet") && may_ignore => "IGNORE".to_owned(),
        () if said.contains("!none") => "Doing nothing.".to_owned(),
        () if said.contains("!long") => ["All work and no play."; 60].join(" "),
        () => format!("Stub reply to: {}", said.chars().take(SAID_BACK).collect::<String>()),
    }
}

/// An answer, in pieces if they are wanted.
fn respond(body: &Value, text: &str) -> String {
    if body["stream"] == json!(true) { streamed(text) } else { whole(200, &completion(text)) }
}

/// A silence in the format that is wanted: a few frames, or no samples at all.
fn spoken(body: &Value) -> Vec<u8> {
    let mut sound = match body["response_format"].as_str().unwrap() {
        "wav" => b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0"
            .to_vec(),
        _ => [[0xff, 0xf3, 0x88, 0xc4].as_slice(), &[0; 284]].concat().repeat(4),
    };
    if body["input"].as_str().unwrap().contains("!noise") {
        sound = b"<html>".to_vec();
    }
    let head = format!(
        "HTTP/1.1 200 Stub\r\ncontent-type: audio/x\r\ncontent-length: {}\r\n\r\n",
        sound.len()
    );
    [head.as_bytes(), &sound].concat()
}

pub(super) fn refusal(message: &str) -> Value {
    json!({"error": {"message": message, "type": "stub", "code": null}})
}

pub(super) fn usage(text: &str) -> Value {
    json!({"prompt_tokens": 7, "completion_tokens": text.len(), "total_tokens": 7 + text.len()})
}

fn completion(text: &str) -> Value {
    json!({
        "id": "stub", "object": "chat.completion", "created": 0, "model": "stub",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": usage(text),
    })
}

/// The same in pieces.
fn streamed(text: &str) -> String {
    streamed_for(text, &usage(text))
}

/// An answer in pieces that costs so much.
pub(super) fn streamed_for(text: &str, usage: &Value) -> String {
    let characters = text.chars().collect::<Vec<_>>();
    let deltas = characters
        .chunks(PIECE)
        .map(|piece| json!({"content": piece.iter().collect::<String>()}))
        .collect::<Vec<_>>();
    events(&deltas, "stop", usage)
}

/// An answer of these pieces, as events.
pub(super) fn events(deltas: &[Value], reason: &str, usage: &Value) -> String {
    let event = |choices: Value, usage: &Value| {
        let chunk = json!({
            "id": "stub", "object": "chat.completion.chunk", "created": 0, "model": "stub",
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let mut events = String::new();
    for delta in deltas {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
        events += &event(choices, &Value::Null);
    }
    let end = json!([{"index": 0, "delta": {}, "finish_reason": reason}]);
    events += &event(end, &Value::Null);
    events += &event(json!([]), usage);
    events += "data: [DONE]\n\n";
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{events}",
        events.len()
    )
}

fn embeddings(body: &Value) -> Value {
    let count = body["input"].as_array().map_or(1, Vec::len);
    let vectors = (0..count).map(
        |index| json!({"object": "embedding", "index": index, "embedding": vec![0.5; DIMENSIONS]}),
    );
    json!({"object": "list", "model": "stub", "data": vectors.collect::<Vec<_>>(),
           "usage": {"prompt_tokens": count, "total_tokens": count}})
}

#[tokio::test]
async fn the_last_message_steers_the_model() {
    use super::http::Client;

    let model = ModelServer::start().await;
    let client = Client::new(model.address);
    let ask = |text: &str, stream: bool| {
        let messages =
            json!([{"role": "user", "content": "earlier"}, {"role": "user", "content": text}]);
        super::http::Request::new("POST", "/v1/chat/completions")
            .json(&json!({"messages": messages, "stream": stream}))
    };
    // The model keeps connections open, as real ones do.
    let send = async |request: super::http::Request| {
        tokio::time::timeout(super::PATIENCE, client.first(&request)).await.unwrap().unwrap()
    };
    let said = send(ask("hello there", false)).await;
    assert_eq!(
        said.parsed().unwrap()["choices"][0]["message"]["content"],
        "Stub reply to: hello there"
    );
    let said = send(ask("hello there", true)).await.text();
    assert!(said.contains("Stub reply to: h") && said.ends_with("data: [DONE]\n\n"), "{said}");
    for (text, status) in [("!fail", 400), ("!busy", 429), ("!broken", 500)] {
        assert_eq!(send(ask(text, true)).await.status, status);
    }
    assert_eq!(model.calls(), 5);
    assert!(model.heard() > 500);

    let hanging = tokio::spawn({
        let (client, request) = (client.clone(), ask("!hang", true));
        async move { client.first(&request).await.map(|answer| answer.status) }
    });
    model.hangs(1).await;
    hanging.abort();
    model.hung_up().await;
    model.hangs(0).await;
}

//! A server of tools that counts: the Model Context Protocol over streamable HTTP, without sessions.
//!
//! Its tools are one of each sort. Every call that arrives is a line of the ledger; what a call does,
//! it does before it answers. `charge` does it anew each time, `pay` once for each key that it is
//! given, `put` leaves the same behind however often it is called, `look` does nothing.

use std::collections::BTreeMap;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::serving::{request, whole};

/// Where a call's own key stands.
const KEY: &str = "io.greenroom/idempotency-key";

/// The tools.
pub(crate) const TOOLS: [&str; 4] = ["charge", "pay", "put", "look"];

/// What becomes of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done and answered.
    #[default]
    Answer,
    /// It is done, and the connection ends without an answer.
    BreakOff,
    /// It is done, and answered with 500.
    Break,
    /// It is not done, and the tool says so.
    Fail,
}

/// A call that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    /// The call's own key, if it has one.
    pub(crate) key: Option<String>,
    pub(crate) at: Instant,
    /// Whether something was done for it.
    pub(crate) is_deed: bool,
    pub(crate) fate: Fate,
}

/// Says what becomes of a call, and after how long.
type Fates = Arc<dyn Fn(&str, &Value) -> (Duration, Fate) + Send + Sync>;

#[derive(Default)]
struct Books {
    ledger: Vec<Call>,
    /// What was answered to which key.
    paid: BTreeMap<String, usize>,
}

/// The server. Dropped, it is gone.
pub(crate) struct ToolServer {
    address: SocketAddr,
    books: Arc<Mutex<Books>>,
    task: JoinHandle<()>,
}

impl ToolServer {
    /// One that lets that decide, by tool and arguments, what becomes of a call.
    pub(crate) async fn with(
        fates: impl Fn(&str, &Value) -> (Duration, Fate) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books = Arc::new(Mutex::new(Books::default()));
        let (shared, fates): (_, Fates) = (Arc::clone(&books), Arc::new(fates));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (books, fates) = (Arc::clone(&shared), Arc::clone(&fates));
                // It ends with the connection; how, only the books tell.
                tokio::spawn(
                    async move { serve(stream, &books, &fates).await.unwrap_or_default() },
                );
            }
        });
        Self { address, books, task }
    }

    /// The section of `config.toml` that names it `till`: as it is, with an effect for each tool.
    pub(crate) fn config(&self) -> String {
        format!(
            "[mcp.servers.till]\nurl = \"http://{}/mcp\"\nread_only = [\"look\"]\n\
             idempotent = [\"put\"]\nkeyed = [\"pay\"]\ncalls_max = 256\n",
            self.address
        )
    }

    /// What an agent calls one of its tools.
    pub(crate) fn name(tool: &str) -> String {
        format!("till__{tool}")
    }

    /// How many calls have arrived.
    pub(crate) fn calls(&self) -> usize {
        self.books.lock().unwrap().ledger.len()
    }

    /// The calls that have arrived, in order.
    pub(crate) fn ledger(&self) -> Vec<Call> {
        self.books.lock().unwrap().ledger.clone()
    }
}

impl Drop for ToolServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection: requests one after another.
async fn serve(mut stream: TcpStream, books: &Mutex<Books>, fates: &Fates) -> Result<()> {
    let mut heard = Vec::new();
    loop {
        let Some((_, body, length)) = request(&heard) else {
            if stream.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
            continue;
        };
        heard.drain(..length);
        let id = body["id"].clone();
        let result = match body["method"].as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "till", "version": "1"},
            }),
            "tools/list" => json!({"tools": TOOLS.map(tool)}),
            "tools/call" => match call(&body["params"], books, fates).await {
                Some(Ok(result)) => result,
                Some(Err(status)) => {
                    stream.write_all(whole(status, &json!({})).as_bytes()).await?;
                    continue;
                }
                None => return Ok(()),
            },
            "ping" => json!({}),
            // Somebody who wants to listen (GET), which there is nothing for.
            "" => {
                stream.write_all(whole(405, &json!({})).as_bytes()).await?;
                continue;
            }
            _ if id.is_null() => {
                stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await?;
                continue;
            }
            method => {
                let error = json!({"code": -32601, "message": format!("no method {method}")});
                let error = json!({"jsonrpc": "2.0", "id": id, "error": error});
                stream.write_all(whole(200, &error).as_bytes()).await?;
                continue;
            }
        };
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
        stream.write_all(whole(200, &answer).as_bytes()).await?;
    }
}

fn tool(name: &str) -> Value {
    let token = json!({"type": "string"});
    json!({
        "name": name, "description": format!("Counts a {name}."),
        "inputSchema": {"type": "object", "properties": {"token": token}, "required": ["token"]},
    })
}

/// One call: its result, the status it fails with, or nothing at all.
async fn call(
    params: &Value,
    books: &Mutex<Books>,
    fates: &Fates,
) -> Option<std::result::Result<Value, u16>> {
    let (tool, arguments) = (params["name"].as_str().unwrap(), &params["arguments"]);
    let key = params["_meta"][KEY].as_str().map(str::to_owned);
    let (after, fate) = fates(tool, arguments);
    let receipt = {
        let mut books = books.lock().unwrap();
        let place = books.ledger.len();
        let paid = key.as_ref().filter(|_| tool == "pay").and_then(|key| books.paid.get(key));
        let paid = paid.copied();
        let is_deed = tool != "look" && fate != Fate::Fail && paid.is_none();
        if let (true, Some(key), "pay") = (is_deed, &key, tool) {
            books.paid.insert(key.clone(), place);
        }
        books.ledger.push(Call {
            tool: tool.to_owned(),
            arguments: arguments.clone(),
            key,
            at: Instant::now(),
            is_deed,
            fate,
        });
        paid.unwrap_or(place)
    };
    tokio::time::sleep(after).await;
    let text = |text: String, is_error: bool| json!({"content": [{"type": "text", "text": text}], "isError": is_error});
    match fate {
        Fate::Answer => Some(Ok(text(format!("{tool} {receipt}"), false))),
        Fate::Fail => Some(Ok(text(format!("{tool} is not possible"), true))),
        Fate::Break => Some(Err(500)),
        Fate::BreakOff => None,
    }
}

#[tokio::test]
async fn calls_are_counted_and_a_key_is_honoured_once() {
    use super::http::{Client, Request};

    let server = ToolServer::with(|tool, arguments| match arguments["token"].as_str() {
        Some("cut") => (Duration::ZERO, Fate::BreakOff),
        Some("broken") => (Duration::ZERO, Fate::Break),
        Some("no") => (Duration::ZERO, Fate::Fail),
        _ => (Duration::from_millis(u64::from(tool == "look")), Fate::Answer),
    })
    .await;
    let client = Client::new(server.address);
    let send = async |method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        client.first(&Request::new("POST", "/mcp").json(&body)).await
    };
    let listed = send("tools/list", json!({})).await.unwrap().expect(200);
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), TOOLS.len());
    let call = |tool: &str, token: &str| json!({"name": tool, "arguments": {"token": token}, "_meta": {KEY: token}});
    for (tool, token, expected) in [
        ("charge", "a", "charge 0"),
        ("charge", "a", "charge 1"),
        ("pay", "b", "pay 2"),
        ("pay", "b", "pay 2"),
        ("look", "c", "look 4"),
        ("put", "no", "put is not possible"),
    ] {
        let called = send("tools/call", call(tool, token)).await.unwrap().expect(200);
        assert_eq!(called["result"]["content"][0]["text"], expected);
    }
    assert_eq!(send("tools/call", call("charge", "broken")).await.unwrap().status, 500);
    assert!(send("tools/call", call("charge", "cut")).await.is_err());
    let ledger = server.ledger();
    let deeds: Vec<_> = ledger.iter().map(|call| call.is_deed).collect();
    assert_eq!(deeds, [true, true, true, false, false, false, true, true]);
    assert!(ledger.windows(2).all(|two| two[0].at <= two[1].at));
    assert_eq!((ledger[2].key.as_deref(), ledger[7].fate), (Some("b"), Fate::BreakOff));
}

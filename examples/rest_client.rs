//! A client of a running server: creates an agent, starts it, talks with it, reads its memories.
//!
//! ```sh
//! cargo run --release &                 # the server
//! cargo run --example rest_client -- http://127.0.0.1:3000
//! ```

use std::error::Error;
use std::io::Write;

use reqwest::{Client, Method};
use serde_json::{Value, json};

struct Server {
    client: Client,
    base: String,
}

impl Server {
    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, Box<dyn Error>> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(format!("{path}: {status}: {text}").into());
        }
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }
}

fn at<'a>(answer: &'a Value, path: &str) -> &'a Value {
    answer.pointer(path).unwrap_or(&Value::Null)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    greenroom::models::install_tls();
    let base = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:3000".to_owned());
    let server = Server { client: Client::new(), base };
    let mut out = std::io::stdout();

    let character = json!({"name": "Rest Client's Friend", "bio": ["Listens."]});
    let made = server.call(Method::POST, "/api/agents", json!({"agent": character})).await?;
    let id = at(&made, "/data/id").as_str().ok_or("the answer has no id")?.to_owned();
    writeln!(out, "created  {id}")?;

    let autonomy = json!({"enableAutonomy": true});
    let started = server.call(Method::POST, &format!("/api/agents/{id}/start"), autonomy).await?;
    writeln!(out, "started  {}", at(&started, "/data/status"))?;

    let said = json!({"text": "I feel that my machine is slow today."});
    let answer = server.call(Method::POST, &format!("/agents/{id}/message"), said).await?;
    writeln!(out, "answered {}", at(&answer, "/data/agentResponses/0/text"))?;

    let path = format!("/api/agents/{id}/memories?limit=5");
    let memories = server.call(Method::GET, &path, Value::Null).await?;
    for memory in at(&memories, "/data/memories").as_array().into_iter().flatten() {
        writeln!(out, "remembers {}", at(memory, "/content/text"))?;
    }
    server.call(Method::DELETE, &format!("/api/agents/{id}"), Value::Null).await?;
    writeln!(out, "deleted  {id}")?;
    Ok(())
}

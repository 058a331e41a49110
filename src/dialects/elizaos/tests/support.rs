//! A host in memory, and a client of its routes.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::dev::Service;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{Clock, Delta, Model, ModelFuture, ModelStream, Prompt, SystemClock};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use serde_json::{Value, json};

use crate::dialects::elizaos::{Elizaos, ElizaosSettings};
use crate::host::{Host, Stopper};
use crate::secrets::Secrets;
use crate::telemetry::LogBuffer;

/// An id that nothing has.
pub(super) const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

/// What is said to it is never answered.
pub(super) const HUSH: &str = "hush";

/// Says what was said to it.
struct Echo;

impl Model for Echo {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let said = prompt.turns.last().map(|turn| turn.text.clone()).unwrap_or_default();
        if said.contains(HUSH) {
            return stream::pending().boxed();
        }
        let text = Delta::Text(format!("echo: {said}"));
        stream::iter([Ok(text), Ok(Delta::Done(Usage::default()))]).boxed()
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let one = Embedding { embedder: self.embedder(), vector: vec![1.0] };
        std::future::ready(Ok(vec![one; texts.len()])).boxed()
    }

    fn embedder(&self) -> String {
        "echo-1".to_owned()
    }
}

/// A host in memory behind the dialect.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) store: MemoryStore,
    service: Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Heard>>,
}

/// An answer as a client has it.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn of(answer: HttpResponse) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().try_into_bytes();
        let text = body.map(|body| String::from_utf8(body.into()).unwrap()).unwrap_or_default();
        Self { status, headers, text }
    }
}

pub(super) async fn stage(settings: ElizaosSettings) -> Stage {
    let store = MemoryStore::new();
    let ports = Ports {
        store: Arc::new(store.clone()),
        model: Arc::new(Echo),
        clock: Arc::new(SystemClock),
    };
    let runtime = Settings { arbiters: Some(0), ..Settings::default() };
    let host = Host {
        registry: Registry::start(ports, runtime).await.unwrap(),
        secrets: Arc::new(Secrets::new("salt")),
        logs: Arc::new(LogBuffer::default()),
        stop: Stopper::default(),
        started_at: SystemClock.now(),
        version: "0.0.0",
        vault: None,
    };
    while host.registry.is_booting() {
        tokio::task::yield_now().await;
    }
    let dialect = Elizaos::new(Arc::new(settings), host.clone());
    let service = Rc::new(init_service(dialect.app()).await);
    let service = move |request: TestRequest| {
        let service = Rc::clone(&service);
        async move {
            match service.call(request.to_request()).await {
                Ok(answer) => Heard::of(answer.into_parts().1),
                Err(error) => Heard::of(error.error_response()),
            }
        }
        .boxed_local()
    };
    Stage { host, store, service: Box::new(service) }
}

impl Stage {
    pub(super) async fn ask(&self, request: TestRequest) -> Heard {
        (self.service)(request).await
    }

    pub(super) async fn get(&self, path: &str) -> Heard {
        self.ask(TestRequest::get().uri(path)).await
    }

    /// Any method, with a body unless it is null.
    pub(super) async fn send(&self, method: &str, path: &str, body: Value) -> Heard {
        let request = TestRequest::with_uri(path).method(method.parse().unwrap());
        self.ask(if body.is_null() { request } else { request.set_json(body) }).await
    }

    /// The status and the body of an answer.
    pub(super) async fn said(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let heard = self.send(method, path, body).await;
        (heard.status, heard.json())
    }

    /// A new agent that runs.
    pub(super) async fn running(&self, name: &str) -> String {
        let id = self.created(name).await;
        let path = format!("/api/agents/{id}/start");
        assert_eq!(self.send("POST", &path, Value::Null).await.status, 200);
        id
    }

    /// A new agent that does not run.
    pub(super) async fn created(&self, name: &str) -> String {
        let body = json!({"characterJson": {"name": name, "bio": "x"}});
        let (status, body) = self.said("POST", "/api/agents", body).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["id"].as_str().unwrap().to_owned()
    }
}

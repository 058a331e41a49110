//! For tests of every dialect: a host in memory, and a client of its routes.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Bytes;
use actix_web::{App, Error, HttpResponse};
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::error::ModelError;
use greenroom_actors::masks::{Masks, NoMasks};
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Clock, Delta, Model, ModelFuture, ModelStream, NoTools, Prompt, Purpose, SystemClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use serde_json::Value;

use crate::accounts::tests::support::Letters;
use crate::host::Host;
use crate::primary::{Primary, PrimarySettings, StateDir};
use crate::ssh::{Ssh, SshSettings};

/// An id that nothing has.
pub(super) const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

/// What is said with this in it is never answered.
pub(super) const HUSH: &str = "hush";

/// Says what was said to it, or a title; `!fail` makes it fail, `!ignore` makes it say nothing, and
/// `!quiet` too where that is up to it.
struct Echo;

impl Model for Echo {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let said = prompt.turns.last().map(|turn| turn.text.clone()).unwrap_or_default();
        if said.contains(HUSH) {
            return stream::pending().boxed();
        }
        if said.contains("!fail") {
            return stream::iter([Err(ModelError::Refused("told so".to_owned()))]).boxed();
        }
        let words = match prompt.purpose {
            _ if said.contains("!ignore") => String::new(),
            _ if prompt.may_ignore && said.contains("!quiet") => Prompt::IGNORE.to_owned(),
            Purpose::Title => format!("\"A Title of {}\"", said.lines().count()),
            Purpose::Reply | Purpose::Reflect | Purpose::Work | Purpose::Summarise => {
                format!("echo: {said}")
            }
        };
        // In two pieces, so that a stream has more than one.
        let (first, second) = words.split_at(words.len().min(6));
        let pieces = [first, second].map(|piece| Ok(Delta::Text(piece.to_owned())));
        stream::iter(pieces.into_iter().chain([Ok(Delta::Done(Usage::default()))])).boxed()
    }

    fn knows(&self, model: &str) -> bool {
        model != "nobody"
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let one = Embedding { embedder: self.embedder(), vector: vec![1.0] };
        std::future::ready(Ok(vec![one; texts.len()])).boxed()
    }

    fn embedder(&self) -> String {
        "echo-1".to_owned()
    }
}

/// A body that comes in its own time.
type Body = LocalBoxStream<'static, Result<Bytes, PayloadError>>;

/// A host in memory behind the dialect.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) store: MemoryStore,
    /// What people were sent.
    pub(super) letters: Letters,
    service: Box<dyn Fn(TestRequest, Option<Body>) -> LocalBoxFuture<'static, HttpResponse>>,
    /// Where its files are.
    folder: tempfile::TempDir,
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

    /// An answer, read to the end of its stream if it is one.
    async fn whole(answer: HttpResponse) -> Self {
        let (head, body) = answer.into_parts();
        let body = to_bytes(body).await.unwrap();
        Self::of(head.set_body(BoxBody::new(body)))
    }

    /// The events of a stream: their names and data.
    pub(super) fn events(&self) -> Vec<(String, Value)> {
        let frames = self.text.split("\n\n").filter(|frame| !frame.is_empty());
        frames
            .map(|frame| {
                let (event, data) = frame.split_once('\n').unwrap();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                (event.strip_prefix("event: ").unwrap().to_owned(), data)
            })
            .collect()
    }

    pub(super) fn of(answer: HttpResponse) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().try_into_bytes();
        let text = body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default();
        Self { status, headers, text }
    }
}

/// A stream of events, as it comes.
pub(super) struct Live {
    pub(super) status: u16,
    body: Pin<Box<BoxBody>>,
    read: String,
}

/// One frame of a stream; what is absent is empty.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Frame {
    pub(super) event: String,
    pub(super) data: Value,
    pub(super) id: String,
}

impl Live {
    /// The next frame; none once the stream is over.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.read.split_once("\n\n") {
                let mut found = Frame::default();
                for (name, value) in frame.lines().filter_map(|line| line.split_once(':')) {
                    let value = value.trim_start().to_owned();
                    match name {
                        "event" => found.event = value,
                        "data" => found.data = serde_json::from_str(&value).unwrap(),
                        "id" => found.id = value,
                        _ => {}
                    }
                }
                self.read = rest.to_owned();
                return Some(found);
            }
            let more = poll_fn(|context| self.body.as_mut().poll_next(context)).await?;
            self.read.push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
    }

    /// The next event, whatever stands between.
    pub(super) async fn event(&mut self) -> Frame {
        loop {
            let frame = self.next().await.expect("the stream is over");
            if !frame.event.is_empty() {
                return frame;
            }
        }
    }
}

/// What a host in memory is made of.
pub(super) struct Setting {
    pub(super) store: MemoryStore,
    pub(super) clock: Arc<dyn Clock>,
    /// The handle of the primary agent; empty: there is none.
    pub(super) primary: &'static str,
    /// What is said about SSH.
    pub(super) ssh: SshSettings,
    /// What must not be told of agents.
    pub(super) masks: Arc<dyn Masks>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            store: MemoryStore::new(),
            clock: Arc::new(SystemClock),
            primary: "",
            ssh: SshSettings::default(),
            masks: Arc::new(NoMasks),
        }
    }
}

/// A host of that setting behind the routes that `app` makes for it.
pub(super) async fn stage_of<T>(setting: Setting, app: impl FnOnce(&Host) -> App<T>) -> Stage
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + 'static,
{
    let Setting { store, clock, primary, ssh, masks } = setting;
    let ports = Ports {
        store: Arc::new(store.clone()),
        model: Arc::new(Echo),
        clock,
        tools: Arc::new(NoTools),
        masks,
    };
    let reserved_handles = super::trinity::RESERVED;
    let runtime = Settings { arbiters: Some(0), reserved_handles, ..Settings::default() };
    let registry = Registry::start(ports, runtime).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = PrimarySettings {
        handle: primary.to_owned(),
        default_model: "echo".to_owned(),
        state_dir: StateDir::new(None, folder.path(), None),
    };
    let letters = Letters::default();
    let staged = Box::pin(Host::staged_with(registry.clone(), folder.path(), &letters)).await;
    let (messaging, workspaces) = (staged.messaging.clone(), staged.workspaces.clone());
    let ssh = Ssh::open(&ssh, folder.path(), messaging, workspaces).await.unwrap();
    let primary = Primary::open(registry, settings).await.unwrap();
    let host = Host { primary, ssh, ..staged };
    while host.registry.is_booting() {
        tokio::task::yield_now().await;
    }
    let service = Rc::new(init_service(app(&host)).await);
    let service = move |request: TestRequest, body: Option<Body>| {
        let service = Rc::clone(&service);
        async move {
            let mut request = request.to_request();
            if let Some(body) = body {
                request = request.replace_payload(Payload::Stream { payload: body }).0;
            }
            match service.call(request).await {
                Ok(answer) => answer.into_parts().1,
                Err(error) => error.error_response(),
            }
        }
        .boxed_local()
    };
    Stage { host, store, letters, service: Box::new(service), folder }
}

impl Stage {
    /// Where its files are.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) async fn ask(&self, request: TestRequest) -> Heard {
        Heard::whole((self.service)(request, None).await).await
    }

    /// The same with a body that comes in its own time.
    pub(super) async fn pour(&self, request: TestRequest, body: Body) -> Heard {
        Heard::whole((self.service)(request, Some(body)).await).await
    }

    /// An answer that comes piece by piece.
    pub(super) async fn open(&self, request: TestRequest) -> Live {
        let answer = (self.service)(request, None).await;
        Live {
            status: answer.status().as_u16(),
            body: Box::pin(answer.into_body()),
            read: String::new(),
        }
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
}

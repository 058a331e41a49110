use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::header::{ContentEncoding, LOCATION};
use actix_web::{App, HttpResponse, HttpServer, web};
use greenroom_actors::character::Character;
use greenroom_actors::figures::Tally;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::SystemClock;
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use serde_json::{Map, json};

use super::*;
use crate::models::{self, ModelsSettings};
use crate::workspace::{WorkspaceSettings, Workspaces};

/// What the core keeps of an output, where nobody says otherwise.
const TEXT_BYTES: usize = 16 * 1024;

/// An agent, and the tools that it has.
struct Stage {
    tools: HostTools,
    registry: Registry,
    agent: Arc<AgentRecord>,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new(settings: &ToolsSettings, character: Character) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(folder.path(), &WorkspaceSettings::default()).unwrap();
        let mut sorts: Vec<Arc<dyn Tools>> = vec![Arc::new(FileTools::new(workspaces))];
        if let Some(fetch) = FetchTool::new(settings).unwrap() {
            sorts.push(Arc::new(fetch));
        }
        let model = models::build(&ModelsSettings::default(), &|_| None).unwrap();
        let ports = Ports {
            store: Arc::new(MemoryStore::default()),
            model: Arc::new(model),
            clock: Arc::new(SystemClock),
            tools: Arc::new(greenroom_actors::ports::NoTools),
            masks: Arc::new(NoMasks),
        };
        let registry = Registry::start(ports, Settings::default()).await.unwrap();
        let agent = registry.create(character).await.unwrap();
        Self { tools: HostTools::of(sorts), registry, agent, _folder: folder }
    }

    async fn call(&self, name: &str, arguments: Value) -> Result<ToolOutput, ToolError> {
        let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap();
        let call = Invocation {
            agent: Arc::clone(&self.agent),
            registry: self.registry.clone(),
            run_id: Default::default(),
            room_id: greenroom_actors::ids::RoomId(self.agent.id.0),
            askers: Vec::new(),
            name: name.to_owned(),
            arguments,
            key: uuid::Uuid::now_v7(),
            deadline: Duration::from_secs(10),
            tally: Tally::default(),
        };
        self.tools.call(call).await
    }

    /// What a call gives, in words.
    async fn told(&self, name: &str, arguments: Value) -> String {
        match self.call(name, arguments).await {
            Ok(output) => [Some(output.text), output.note]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n"),
            Err(error) => error.to_string(),
        }
    }

    async fn names(&self) -> Vec<String> {
        let offered = self.tools.offered(Arc::clone(&self.agent)).await;
        offered.into_iter().map(|tool| tool.spec.name).collect()
    }
}

#[actix::test]
async fn files_are_written_read_listed_and_deleted() {
    let stage = Stage::new(&ToolsSettings::default(), Character::named("Ada")).await;
    for (name, arguments, expected) in [
        ("list_files", json!({}), "nothing"),
        (
            "write_file",
            json!({"path": "notes/a.md", "content": "héllo"}),
            "written; a new file has 6 bytes",
        ),
        (
            "append_to_file",
            json!({"path": "notes/a.md", "content": "!"}),
            "written; the file has 7 bytes",
        ),
        ("read_file", json!({"path": "notes/a.md"}), "héllo!"),
        ("read_file", json!({"path": "notes/a.md", "from": 2}), "llo!"),
        ("list_files", json!({}), "notes/\nnotes/a.md  7 bytes"),
        ("list_files", json!({"path": "notes"}), "notes/a.md  7 bytes"),
        ("delete_file", json!({"path": "notes"}), "failed: the folder notes is not empty"),
        ("delete_file", json!({"path": "notes/a.md"}), "deleted notes/a.md"),
        ("read_file", json!({"path": "notes/a.md"}), "failed: there is no notes/a.md"),
        ("read_file", json!({"path": "../secret"}), "path: leads out of the workspace"),
        ("read_file", json!({}), "path: is missing"),
        ("read_file", json!({"path": 3}), "path: must be a text"),
        ("write_file", json!({"path": "a"}), "content: is missing"),
        ("no_tool", json!({}), "refused: there is no tool no_tool"),
        ("fetch_url", json!({"url": "http://a.test"}), "refused: there is no tool fetch_url"),
    ] {
        assert_eq!(stage.told(name, arguments.clone()).await, expected, "{name} {arguments}");
    }
}

#[actix::test]
async fn a_long_file_is_read_in_parts() {
    let stage = Stage::new(&ToolsSettings::default(), Character::named("Ada")).await;
    let text = "é".repeat(TEXT_BYTES);
    stage.call("write_file", json!({"path": "x" , "content": format!("a{text}")})).await.unwrap();
    let mut read = String::new();
    let mut from = 0_u64;
    loop {
        let part = stage.told("read_file", json!({"path": "x", "from": from})).await;
        let Some((words, next)) = part.split_once("\n[") else {
            read.push_str(&part);
            break;
        };
        assert!(part.len() <= TEXT_BYTES, "{}", part.len());
        read.push_str(words);
        from = next.rsplit_once("= ").unwrap().1.trim_end_matches(']').parse().unwrap();
    }
    assert_eq!(read, format!("a{text}"));
}

#[actix::test]
async fn a_read_only_workspace_can_be_read_only() {
    let settings = json!({"workspace": {"read_only": true}}).as_object().cloned();
    let character = Character { settings, ..Character::named("Ada") };
    let stage = Stage::new(&ToolsSettings::default(), character).await;
    for name in ["write_file", "append_to_file"] {
        let refused = stage.told(name, json!({"path": "src/main.py", "content": "x"})).await;
        assert!(refused.starts_with("refused: the workspace is read-only"), "{refused}");
    }
    stage.call("write_file", json!({"path": "notes.txt", "content": "x"})).await.unwrap();
    assert_eq!(stage.told("list_files", json!({})).await, "notes.txt  1 bytes");
}

/// A server on loopback, and where it is.
async fn server() -> SocketAddr {
    let packed = |text: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packer, text).unwrap();
        packer.finish().unwrap()
    };
    let bomb = web::Data::new(packed(&vec![b'a'; 4 * 1024 * 1024]));
    let server = HttpServer::new(move || {
        let to = |address: &'static str| {
            web::to(move || async move {
                HttpResponse::Found().insert_header((LOCATION, address)).finish()
            })
        };
        App::new()
            .app_data(bomb.clone())
            .route("/text", web::to(|| async { HttpResponse::Ok().body("unnamed text") }))
            .route(
                "/page",
                web::to(|| async {
                    let page = "<title>T</title><p>A <b>page</b>";
                    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
                }),
            )
            .route(
                "/latin",
                web::to(|| async {
                    let words: &[u8] = b"caf\xe9";
                    HttpResponse::Ok().content_type("text/plain; charset=iso-8859-1").body(words)
                }),
            )
            .route("/json", web::to(|| async { HttpResponse::Ok().json(json!({"a": 1})) }))
            .route(
                "/picture",
                web::to(|| async { HttpResponse::Ok().content_type("image/png").body("12345") }),
            )
            .route("/bytes", web::to(|| async { HttpResponse::Ok().body(vec![0xff, 0xfe]) }))
            .route(
                "/bomb",
                web::to(|bomb: web::Data<Vec<u8>>| async move {
                    HttpResponse::Ok()
                        .content_type("text/plain")
                        .insert_header(ContentEncoding::Gzip)
                        .body(bomb.get_ref().clone())
                }),
            )
            .route(
                "/brotli",
                web::to(|| async {
                    HttpResponse::Ok()
                        .content_type("text/plain")
                        .insert_header(ContentEncoding::Brotli)
                        .body("xx")
                }),
            )
            .route("/hangs", web::to(std::future::pending::<HttpResponse>))
            .route("/once", to("/text"))
            .route("/forever", to("/forever"))
            .route("/to-metadata", to("http://169.254.169.254/latest/meta-data"))
            .route("/to-file", to("file:///etc/passwd"))
            .route("/to-other", to("http://elsewhere.test/"))
            .default_service(web::to(|| async {
                HttpResponse::NotFound().content_type("text/plain").body("none here")
            }))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    actix::spawn(server.run());
    address
}

#[actix::test]
async fn what_is_text_is_fetched_and_nothing_else() {
    let settings = ToolsSettings {
        fetch_allow: vec!["127.0.0.1".to_owned()],
        fetch_allows_private: true,
        fetch_max_bytes: 64 * 1024,
        ..ToolsSettings::default()
    };
    let stage = Stage::new(&settings, Character::named("Ada")).await;
    assert!(stage.names().await.contains(&"fetch_url".to_owned()));
    let address = server().await;
    for (path, expected) in [
        ("text", "unnamed text"),
        ("page", "T\nA page"),
        ("latin", "café"),
        ("json", "{\"a\":1}"),
        ("once", "unnamed text"),
        ("none", "status 404\nnone here"),
        ("picture", "refused: only text is taken, and this is image/png of 5 bytes"),
        ("bytes", "refused: only text is taken, and this is none, of 2 bytes"),
        ("brotli", "refused: the answer is packed as br"),
        ("forever", "refused: it sends on more than 5 times"),
        ("to-metadata", "refused: the host 169.254.169.254 is not among those allowed"),
        ("to-other", "refused: the host elsewhere.test is not among those allowed"),
    ] {
        let url = format!("http://{address}/{path}");
        assert_eq!(stage.told("fetch_url", json!({"url": url})).await, expected, "{path}");
    }
    let bomb = stage.call("fetch_url", json!({"url": format!("http://{address}/bomb")})).await;
    let bomb = bomb.unwrap();
    assert!(
        bomb.text.len() <= TEXT_BYTES && bomb.note.is_some_and(|note| note.ends_with("cut off]"))
    );
    let details = bomb.details.unwrap();
    assert_eq!((&details["bytes"], &details["isCut"]), (&json!(64 * 1024), &json!(true)));
    let head = json!({"url": format!("http://{address}/page"), "method": "HEAD"});
    let head = stage.told("fetch_url", head).await;
    assert!(head.starts_with("status 200\ncontent-type: text/html"), "{head}");
    for (arguments, expected) in [
        (json!({"url": format!("http://{address}/"), "method": "POST"}), "method: must be GET"),
        (json!({"url": "http://[::1]/"}), "refused: the host [::1] is not among those allowed"),
        (json!({"url": "no address"}), "url: not an address"),
        (json!({}), "url: is missing"),
    ] {
        let told = stage.told("fetch_url", arguments.clone()).await;
        assert!(told.starts_with(expected), "{arguments}: {told}");
    }
}

#[actix::test]
async fn a_redirect_that_leads_home_is_not_followed() {
    // The server itself may be asked here, what it sends on to may not.
    let settings = ToolsSettings {
        fetch_allow: vec!["*".to_owned()],
        fetch_allows_private: true,
        fetch_timeout_s: 1,
        ..ToolsSettings::default()
    };
    let stage = Stage::new(&settings, Character::named("Ada")).await;
    let address = server().await;
    for (path, expected) in [
        ("to-metadata", "refused: 169.254.169.254 does not lead to a public address"),
        ("to-file", "status 302\n"),
        ("hangs", "failed: there was no whole answer within 1 s"),
    ] {
        let url = format!("http://{address}/{path}");
        assert_eq!(stage.told("fetch_url", json!({"url": url})).await, expected, "{path}");
    }
    let settings = ToolsSettings { fetch_allows_private: false, ..settings };
    let stage = Stage::new(&settings, Character::named("Ada")).await;
    for url in [format!("http://{address}/text"), format!("http://localhost:{}/", address.port())] {
        let told = stage.told("fetch_url", json!({"url": url})).await;
        assert!(told.ends_with("does not lead to a public address"), "{told}");
    }
}

mod channels;
mod doctor;

#[test]
fn settings_that_cannot_be_are_named() {
    let hosts = ToolsSettings { fetch_allow: vec!["http://a".into()], ..Default::default() };
    assert_eq!(hosts.check().unwrap_err().key, "fetch_allow");
    let none = ToolsSettings { fetches_in_flight_max: 0, ..Default::default() };
    assert_eq!(none.check().unwrap_err().key, "fetches_in_flight_max");
    assert!(ToolsSettings::default().check().is_ok());
}

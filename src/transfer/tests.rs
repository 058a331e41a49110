mod canonical;
mod generated;
mod verify;

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use greenroom_actors::character::Character;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{MemoryQuery, NoTools, Store, SystemClock};
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::container::{Opened, Sealing};
use super::*;
use crate::models::{self, ModelsSettings};
use crate::store::{SqliteStore, StoreSettings};
use crate::workspace::{WorkPath, WorkspaceSettings};
use canonical::{canonical, kept};

const PASSWORD: &str = "open sesame";
const ALL: ExportOptions =
    ExportOptions { logs: true, secrets: true, embeddings: true, files: true };

/// A host with nothing but what transfers need.
struct Home {
    folder: tempfile::TempDir,
    registry: Registry,
    workspaces: Workspaces,
    transfer: Transfer,
}

impl Home {
    async fn over(store: Arc<dyn Store>, settings: TransferSettings) -> Self {
        let ports = Ports {
            store,
            model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).unwrap()),
            clock: Arc::new(SystemClock),
            tools: Arc::new(NoTools),
            masks: Arc::new(NoMasks),
        };
        let runtime = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, runtime).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let workspaces = folder.path().join("workspaces");
        let workspaces = Workspaces::open(&workspaces, &WorkspaceSettings::default()).unwrap();
        let inner = Inner {
            registry: registry.clone(),
            workspaces: workspaces.clone(),
            secrets: Arc::new(Secrets::new("salt")),
            settings,
            spool: Spool::open(&folder.path().join("transfer"), settings.spool_max_bytes).unwrap(),
            turns: Turns::new(settings.waiting_max),
            samples: Semaphore::new(1),
            iterations: 1,
        };
        Self { folder, registry, workspaces, transfer: Transfer { inner: Arc::new(inner) } }
    }

    async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()), TransferSettings::default()).await
    }

    async fn import(&self, password: &str, file: &[u8]) -> Result<Imported, TransferError> {
        let length = u32::try_from(password.len()).unwrap().to_be_bytes();
        let mut receiving = self.transfer.receive(None)?;
        for piece in [&length[..], password.as_bytes(), file].concat().chunks(10_000) {
            receiving.push(piece).await?;
        }
        self.transfer.import(receiving.finish().await?).await
    }

    async fn export(&self, agent: AgentId, options: ExportOptions) -> (ExportFile, Vec<u8>) {
        let exported = self.transfer.export(agent, password(), options).await.unwrap();
        let mut file = Vec::new();
        exported.open().unwrap().read_to_end(&mut file).unwrap();
        assert_eq!(exported.size, u64::try_from(file.len()).unwrap());
        (exported, file)
    }

    /// Files that are on their way.
    fn on_their_way(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("transfer")).unwrap().count()
    }

    async fn agents(&self) -> u64 {
        let census = self.registry.store().census().await.unwrap();
        census.total()
    }
}

fn password() -> Password {
    Password::new(PASSWORD.to_owned()).unwrap()
}

/// What is in a file.
fn content(file: &[u8]) -> Value {
    let mut opened = Opened::open(std::io::Cursor::new(file), &password()).unwrap();
    serde_json::from_reader(opened.unpacked(u64::MAX).unwrap()).unwrap()
}

/// A file with that in it.
fn file(content: &[u8]) -> Vec<u8> {
    let empty = std::io::Cursor::new(Vec::new());
    let mut sealing = Sealing::begin(empty, &password(), 1).unwrap();
    sealing.write_all(content).unwrap();
    sealing.finish().unwrap().0.into_inner()
}

fn fixtures() -> Vec<(Vec<u8>, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/eliza-agent");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap().iter();
    files
        .map(|described| {
            let file = folder.join(described["file"].as_str().unwrap());
            (std::fs::read(file).unwrap(), described.clone())
        })
        .collect()
}

#[actix::test]
async fn files_of_the_original_become_agents() {
    let home = Home::new().await;
    for (file, described) in fixtures() {
        let password = described["password"].as_str().unwrap();
        let expected = &described["expected"];
        let imported = home.import(password, &file).await.unwrap();
        assert_eq!(json!(imported.agent_name), expected["agentName"]);
        assert_eq!(serde_json::to_value(imported.counts).unwrap(), expected["counts"]);
        let agent = imported.agent_id;
        assert_ne!(json!(agent), expected["sourceAgentId"]);
        let record = home.registry.record(agent).await.unwrap();
        assert_eq!(json!(record.character.name), expected["agentName"]);
        assert_eq!((record.enabled, record.lifecycle.state()), (true, State::Stopped));
        assert!(record.lifecycle.autonomy.is_none());
        for (kind, count) in expected["memoriesByTable"].as_object().unwrap() {
            let query = MemoryQuery { kind: Some(kind.clone()), ..MemoryQuery::of(agent, 0) };
            let found = home.registry.store().count_memories(query).await.unwrap();
            assert_eq!(json!(found), *count, "{kind}");
        }
        // Once more: another agent, of the same name.
        let again = home.import(password, &file).await.unwrap();
        assert_ne!(again.agent_id, agent);
    }
    assert_eq!((home.agents().await, home.on_their_way()), (6, 0));
}

/// Exports what was generated, imports it and exports it again.
async fn goes_round(home: Home, generated: &generated::Generated) {
    let agent = generated.keep(&home).await;
    let (first, one) = home.export(agent, ALL).await;
    let imported = home.import(PASSWORD, &one).await.unwrap();
    assert_eq!(imported.counts, first.counts);
    let (second, other) = home.export(imported.agent_id, ALL).await;
    assert_eq!(second.counts, first.counts);
    let (one, other) = (content(&one), content(&other));
    assert!(!other.to_string().contains(&agent.to_string()));
    let (one, other) = (canonical(one), canonical(other));
    assert_eq!(one, other, "{one:#}\n{other:#}");
    let (one, other) = (kept(&home, agent).await, kept(&home, imported.agent_id).await);
    assert_eq!(one, other, "{one:#}\n{other:#}");
    home.registry.shutdown(std::time::Duration::ZERO).await;
}

#[test]
fn what_was_exported_imported_and_exported_again_is_the_same() {
    let system = actix::System::new();
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let rounds = runner.run(&generated::agent(), |generated| {
        system.block_on(async { goes_round(Home::new().await, &generated).await });
        Ok(())
    });
    rounds.unwrap();
}

#[actix::test]
async fn the_same_holds_over_the_store_of_the_host() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let store =
            StoreSettings { data_dir: folder.path().to_owned(), ..StoreSettings::default() };
        let store = SqliteStore::open(&store).unwrap();
        let generated = generated::agent().new_tree(&mut runner).unwrap().current();
        let home = Home::over(Arc::new(store.clone()), TransferSettings::default()).await;
        goes_round(home, &generated).await;
        store.close();
    }
}

#[actix::test]
async fn an_export_that_nobody_waits_for_is_given_up() {
    let home = Home::new().await;
    let agent = home.registry.create(Character::named("Ada")).await.unwrap().id;
    let mut exporting = Box::pin(home.transfer.export(agent, password(), ALL));
    assert!(futures::poll!(&mut exporting).is_pending());
    drop(exporting);
    // Its turn ends with it; there are no more of them than pairs of cores.
    let turns = std::thread::available_parallelism().unwrap().get() / 2;
    let mut taken = Vec::new();
    for _ in 0..turns.max(1) {
        taken.push(home.transfer.inner.turns.take().await.unwrap());
    }
    assert_eq!(home.on_their_way(), 0);
}

#[actix::test]
async fn what_is_written_fits_the_profile_that_all_readers_accept() {
    let home = Home::new().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..8 {
        let generated = generated::agent().new_tree(&mut runner).unwrap().current();
        let agent = generated.keep(&home).await;
        let (_, file) = home.export(agent, ALL).await;
        fits(&content(&file));
    }
}

/// The points of section 10.5, by its numbers.
fn fits(payload: &Value) {
    let keys: Vec<_> = payload.as_object().unwrap().keys().map(String::as_str).collect();
    let order = "version exportedAt sourceAgentId agent characterConfig entities memories components \
                 rooms participants relationships worlds tasks logs greenroom";
    assert_eq!(keys.join(" "), order);
    let list = |name: &str| payload[name].as_array().unwrap().iter();
    let ids = |name: &str| list(name).map(|record| record["id"].clone()).collect::<Vec<_>>();
    let (entities, rooms, worlds) = (ids("entities"), ids("rooms"), ids("worlds"));
    assert!(!payload["agent"]["name"].as_str().unwrap().is_empty()); // 1
    for record in list("entities").chain(list("rooms")) {
        assert_eq!(record.get("createdAt"), None); // 2
    }
    for name in ["participants", "components", "memories", "logs"] {
        for record in list(name) {
            assert!(entities.contains(&record["entityId"]), "{name}: {record}"); // 3, 4
            assert!(rooms.contains(&record["roomId"]), "{name}: {record}");
        }
    }
    for record in list("relationships") {
        assert!(entities.contains(&record["sourceEntityId"])); // 4
        assert!(entities.contains(&record["targetEntityId"]));
    }
    for record in list("components") {
        assert!(record["agentId"].is_string()); // 5
        assert!(record["worldId"].is_null() || worlds.contains(&record["worldId"]));
        let source = &record["sourceEntityId"];
        assert!(source.is_null() || entities.contains(source));
    }
    for record in list("memories") {
        let metadata = &record["metadata"];
        match metadata["type"].as_str() {
            Some("document") => assert!(!metadata["timestamp"].is_null()), // 6
            Some("fragment") => {
                assert!(!metadata["documentId"].is_null() && !metadata["position"].is_null());
            }
            _ => {}
        }
        assert!(record["createdAt"].is_i64());
        assert_eq!(record.get("embedding"), None); // 10
    }
    for record in list("rooms") {
        let server = &record["messageServerId"];
        assert!(server.is_null() || server.as_str().unwrap().parse::<uuid::Uuid>().is_ok()); // 8
    }
}

#[actix::test]
async fn an_export_holds_what_was_asked_for_and_nothing_else() {
    let home = Home::new().await;
    let mut character = Character::named("Full Fay");
    character.settings = json!({"secrets": {"KEY": "open"}}).as_object().cloned();
    home.transfer.inner.secrets.seal_character(&mut character).unwrap();
    let agent = home.registry.create(character).await.unwrap().id;
    let path: WorkPath = "notes/a.txt".parse().unwrap();
    home.workspaces.free(agent).write(path.clone(), b"note".to_vec()).await.unwrap();
    let env: WorkPath = ".env".parse().unwrap();
    home.workspaces.free(agent).write(env.clone(), b"KEY=open".to_vec()).await.unwrap();

    let (exported, bare) = home.export(agent, ExportOptions::default()).await;
    assert!(exported.name.starts_with("full_fay-20"), "{}", exported.name);
    assert!(!exported.exceeds_reference());
    let bare = content(&bare);
    assert!(!bare.to_string().contains("KEY"));
    assert_eq!((&bare["logs"], &bare["greenroom"]), (&json!([]), &json!([])));

    let (_, open) = home.export(agent, ExportOptions { secrets: false, ..ALL }).await;
    let imported = home.import(PASSWORD, &open).await.unwrap().agent_id;
    let workspace = home.workspaces.free(imported);
    assert_eq!(workspace.read(path.clone(), 0, 100).await.unwrap().bytes, b"note");
    assert!(workspace.read(env.clone(), 0, 100).await.is_err(), "it holds credentials");

    let (_, full) = home.export(agent, ALL).await;
    assert_eq!(content(&full)["agent"]["settings"]["secrets"]["KEY"], "open");
    assert_eq!(content(&full)["characterConfig"]["settings"]["secrets"]["KEY"], "open");
    let imported = home.import(PASSWORD, &full).await.unwrap().agent_id;
    let note = home.workspaces.free(imported).read(path, 0, 100).await.unwrap();
    assert_eq!(note.bytes, b"note");
    assert_eq!(home.workspaces.free(imported).read(env, 0, 100).await.unwrap().bytes, b"KEY=open");
    let record = home.registry.record(imported).await.unwrap();
    let sealed = record.character.settings.as_ref().unwrap()["secrets"]["KEY"].as_str().unwrap();
    assert_eq!(home.transfer.inner.secrets.open(sealed).unwrap().as_str(), "open");

    let nobody = AgentId::new();
    let refused = home.transfer.export(nobody, password(), ALL).await.unwrap_err();
    assert_eq!(refused, TransferError::AgentNotFound(nobody));
    let refused = home.transfer.estimate(nobody).await.unwrap_err();
    assert_eq!(refused, TransferError::AgentNotFound(nobody));
    drop(exported);
    assert_eq!(home.on_their_way(), 0);
}

#[actix::test]
async fn a_file_that_cannot_be_leaves_nothing_behind() {
    let settings = TransferSettings { unpacked_max_bytes: 20_000, ..TransferSettings::default() };
    let home = Home::over(Arc::new(MemoryStore::new()), settings).await;
    let minimal = json!({
        "version": 1, "exportedAt": "", "sourceAgentId": "s", "agent": {"name": "A"},
        "entities": [], "memories": [], "components": [], "rooms": [], "participants": [],
        "relationships": [], "worlds": [], "tasks": [], "logs": []
    });
    let with = |key: &str, value: Value| {
        let mut payload = minimal.clone();
        payload[key] = value;
        file(payload.to_string().as_bytes())
    };
    let good = with("exportedAt", json!("x"));
    let flipped = |at: usize| {
        let mut file = good.clone();
        file[at] ^= 1;
        file
    };
    let climbing = json!([{"kind": "file", "path": "../x", "content": ""}]);
    let large = json!([{"id": "m", "content": {"text": "x".repeat(20_000)}}]);
    let budget = json!({"name": "B", "settings": {"budget": "none"}});
    for (name, password, file, says) in [
        ("short password", "abc", good.clone(), "at least 4"),
        ("small", PASSWORD, good[..78].to_vec(), "too small"),
        ("magic", PASSWORD, flipped(3), "invalid file format"),
        ("iterations", PASSWORD, [&good[..15], &[0xff; 64]].concat(), "iteration count"),
        ("nothing", PASSWORD, good[..79].to_vec(), "no encrypted data"),
        ("wrong password", "abcd", good.clone(), "password"),
        ("flipped", PASSWORD, flipped(100), "decryption"),
        ("large", PASSWORD, with("memories", large), "exceeds import limit"),
        ("no JSON", PASSWORD, self::file(b"x"), "JSON parse"),
        (
            "schema",
            PASSWORD,
            with("entities", json!([{}])),
            "schema validation failed: entities.0.id",
        ),
        (
            "version",
            PASSWORD,
            with("version", json!(7)),
            "unsupported export version 7: update your software",
        ),
        ("agent", PASSWORD, with("agent", budget), "failed to create agent"),
        ("climbing", PASSWORD, with("greenroom", climbing), "workspace"),
    ] {
        let refused = home.import(password, &file).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{name}: {refused}");
        assert_eq!(refused.kind(), TransferErrorKind::Invalid, "{name}");
        assert_eq!((home.agents().await, home.on_their_way()), (0, 0), "{name}");
    }
    home.import(PASSWORD, &good).await.unwrap();
    assert_eq!(home.agents().await, 1);
}

#[actix::test]
async fn an_import_that_the_store_refuses_half_way_leaves_nothing_behind() {
    let store = MemoryStore::new();
    let home = Home::over(Arc::new(store.clone()), TransferSettings::default()).await;
    let (file, described) = fixtures().swap_remove(1);
    let failed = greenroom_actors::error::StoreError::Full("disk".to_owned());
    store.fail_next_commit(failed);
    let refused = home.import(described["password"].as_str().unwrap(), &file).await.unwrap_err();
    assert!(refused.to_string().starts_with("Import failed"));
    assert_eq!(refused.kind(), TransferErrorKind::Full);
    assert_eq!((home.agents().await, home.on_their_way()), (0, 0));
}

#[test]
fn whatever_a_file_holds_becomes_an_agent_that_can_leave_again_or_is_refused() {
    let system = actix::System::new();
    let folder = tempfile::tempdir().unwrap();
    let store = StoreSettings { data_dir: folder.path().to_owned(), ..StoreSettings::default() };
    let store = Arc::new(SqliteStore::open(&store).unwrap());
    let home = system.block_on(Home::over(store, TransferSettings::default()));
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    let imports = runner.run(&vec(any::<u8>(), 0..1_500), |bytes| {
        let text = fuzzing::chosen(&bytes);
        system.block_on(async {
            match home.import(PASSWORD, &file(text.as_bytes())).await {
                Ok(imported) => {
                    let (exported, again) = home.export(imported.agent_id, ALL).await;
                    let again = home.import(PASSWORD, &again).await.unwrap();
                    assert_eq!(again.counts, exported.counts);
                }
                Err(refused) => {
                    assert_eq!(refused.kind(), TransferErrorKind::Invalid, "{refused}\n{text}");
                }
            }
            assert_eq!(home.on_their_way(), 0);
        });
        Ok(())
    });
    imports.unwrap();
}

#[actix::test]
async fn a_bomb_is_refused() {
    let home = Home::new().await;
    // Some 64 MiB for each member, over and over: more than may be unpacked.
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..64 {
        member.write_all(&zeros).unwrap();
    }
    let member = member.finish().unwrap();
    let bomb = container::tests::sealed_raw(&member.repeat(20));
    assert!(bomb.len() < 2 << 20);
    let refused = home.import(PASSWORD, &bomb).await.unwrap_err();
    assert!(matches!(refused, TransferError::ContentTooLarge { .. }), "{refused}");
}

#[actix::test]
async fn an_estimate_comes_close() {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreSettings { data_dir: folder.path().to_owned(), ..StoreSettings::default() };
    let store = SqliteStore::open(&store).unwrap();
    let home = Home::over(Arc::new(store.clone()), TransferSettings::default()).await;
    for (file, described) in fixtures() {
        let imported = home.import(described["password"].as_str().unwrap(), &file).await.unwrap();
        let estimate = home.transfer.estimate(imported.agent_id).await.unwrap();
        let (exported, _) = home.export(imported.agent_id, ExportOptions::default()).await;
        let counts = exported.counts;
        assert_eq!(
            (estimate.memories, estimate.entities, estimate.rooms, estimate.worlds, estimate.tasks),
            (counts.memories, counts.entities, counts.rooms, counts.worlds, counts.tasks)
        );
        let (estimated, size) = (estimate.bytes, exported.size);
        assert!(estimated * 2 > size && estimated < size * 2, "{estimated} for {size}");
    }
}

#[test]
fn numbers_come_out_as_they_went_in() {
    for number in ["11.715439199117883", "0.1", "1e-7", "1.7976931348623157e+308", "5e-324"] {
        let read: serde_json::Value = serde_json::from_str(number).unwrap();
        assert_eq!(read.to_string(), number);
    }
}

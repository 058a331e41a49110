use std::os::unix::fs::PermissionsExt;

use greenroom_actors::character::Character;
use greenroom_actors::masks::Masks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{NoTools, SystemClock};
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

use super::found::SECRETS_MAX;
use super::*;
use crate::models::{self, ModelsSettings};
use crate::secrets::Secrets;
use crate::workspace::WorkspaceSettings;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Credentials of one agent.
struct Desk {
    credentials: Credentials,
    known: Arc<Known>,
    workspaces: Workspaces,
    registry: Registry,
    agent: AgentId,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn new(key: Option<&str>) -> Self {
        let known = Arc::new(Known::new(Arc::new(Secrets::new("salt"))));
        let ports = Ports {
            store: Arc::new(MemoryStore::new()),
            model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).unwrap()),
            clock: Arc::new(SystemClock),
            tools: Arc::new(NoTools),
            masks: known.clone(),
        };
        let settings = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, settings).await.unwrap();
        while registry.is_booting() {
            tokio::task::yield_now().await;
        }
        let folder = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(folder.path(), &WorkspaceSettings::default()).unwrap();
        let agent = registry.create(Character::named("Ada")).await.unwrap().id;
        let settings = CredentialSettings { key: key.and_then(Key::parse), mcp_url: String::new() };
        let credentials =
            Credentials::open(registry.clone(), workspaces.clone(), known.clone(), settings);
        Self { credentials, known, workspaces, registry, agent, folder }
    }

    async fn inject(&self, files: &[(&str, &str)]) -> Result<Vec<&'static str>, CredentialError> {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
        self.credentials.inject(self.agent, files.iter().map(own).collect(), None).await
    }

    fn masked(&self, text: &str) -> String {
        let mask = self.known.of(self.agent);
        mask.map_or_else(|| text.to_owned(), |mask| mask.on(text).into_owned())
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(self.agent.to_string()).join(name)
    }
}

#[actix::test]
async fn files_are_injected_for_their_owner_alone_and_masked_at_once() {
    let desk = Desk::new(None).await;
    let none = desk.credentials.status(desk.agent).await.unwrap();
    assert!(none.files.iter().all(|(_, entry)| entry.is_none()) && none.count == 0);
    let env = "# note\nTOKEN=sk-planted\nB=\"grüße dich\"\n";
    let servers = r#"{"mcpServers": {"a": {"headers": {"Authorization": "Bearer hush-1234"}}}}"#;
    let written = desk.inject(&[(".mcp.json", servers), (".env", env)]).await.unwrap();
    assert_eq!(written, [".mcp.json", ".env"]);
    assert_eq!(desk.masked("sk-planted grüße dich hush-1234"), "*** *** ***");
    let status = desk.credentials.status(desk.agent).await.unwrap();
    let there: Vec<_> = status.files.iter().map(|(name, entry)| (*name, entry.is_some())).collect();
    let expected = [
        (".env", true),
        (".mcp.json", true),
        (".mcp.json.template", false),
        (".credentials.enc", false),
    ];
    assert_eq!(there, expected);
    assert_eq!(status.count, 2);
    for name in [".env", ".mcp.json"] {
        let mode = std::fs::metadata(desk.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let environment = desk.credentials.environment(desk.agent).await.unwrap();
    let expected = [("TOKEN", "sk-planted"), ("B", "grüße dich")];
    assert_eq!(environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // Sealed, so that it is masked after a start too.
    let kept = desk.registry.store().documents(SHELF, "", 0, 10).await.unwrap();
    assert!(kept.len() == 1 && !format!("{kept:?}").contains("planted"));
}

#[actix::test]
async fn foreign_paths_and_nothing_are_refused_before_anything_is_written() {
    let desk = Desk::new(None).await;
    assert!(matches!(desk.inject(&[]).await, Err(CredentialError::NoFiles)));
    let refused = desk.inject(&[(".env", "A=1"), ("../.env", "x"), ("a/.env", "x")]).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("../.env, a/.env") && text.contains(".mcp.json.template"), "{text}");
    assert!(!desk.file(".env").exists());
}

#[actix::test]
async fn what_an_agents_own_hands_write_is_masked_too() {
    let desk = Desk::new(None).await;
    let own = desk.workspaces.bound(desk.agent, Default::default());
    own.write(".env".parse().unwrap(), b"KEY=sk-by-hand".to_vec()).await.unwrap();
    assert_eq!(desk.masked("sk-by-hand"), "***");
    // By another name first, as sftp's clients do.
    own.write("new".parse().unwrap(), br#"{"env": {"A": "sk-renamed"}}"#.to_vec()).await.unwrap();
    own.rename("new".parse().unwrap(), ".mcp.json".parse().unwrap(), true).await.unwrap();
    assert_eq!(desk.masked("sk-renamed"), "***");
    let mode = std::fs::metadata(desk.file(".mcp.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    own.append(".env".parse().unwrap(), b"\nMORE=sk-appended".to_vec()).await.unwrap();
    assert_eq!(desk.masked("sk-by-hand sk-appended"), "*** ***");
    own.remove(".env".parse().unwrap(), false).await.unwrap();
    assert_eq!(desk.masked("sk-by-hand"), "***");
    // What was written while nobody watched is found by looking through.
    std::fs::write(desk.file(".mcp.json"), r#"{"env": {"A": "sk-unseen"}}"#).unwrap();
    assert_eq!(desk.masked("sk-unseen"), "sk-unseen");
    desk.credentials.look_through().await.unwrap();
    assert_eq!(desk.masked("sk-unseen"), "***");
}

#[actix::test]
async fn a_bundle_is_made_and_unpacked() {
    let desk = Desk::new(Some(KEY)).await;
    let (credentials, agent) = (&desk.credentials, desk.agent);
    assert!(matches!(credentials.export(agent).await, Err(CredentialError::NothingToExport)));
    assert!(matches!(credentials.import(agent, None).await, Err(CredentialError::NoBundle)));
    let skipped = Injection::Skipped("no_credentials_enc_file");
    assert_eq!(credentials.at_start(agent, None).await, skipped);
    desk.inject(&[(".env", "A=sk-planted\n"), (".mcp.json", "{}")]).await.unwrap();
    assert_eq!(credentials.export(agent).await.unwrap(), 2);
    let sealed = std::fs::read_to_string(desk.file(".credentials.enc")).unwrap();
    assert!(!sealed.contains("planted"));
    for name in [".env", ".mcp.json"] {
        std::fs::remove_file(desk.file(name)).unwrap();
    }
    assert_eq!(credentials.import(agent, None).await.unwrap(), [".env", ".mcp.json"]);
    assert_eq!(std::fs::read_to_string(desk.file(".env")).unwrap(), "A=sk-planted\n");
    let injected = Injection::Injected(vec![".env", ".mcp.json"]);
    assert_eq!(credentials.at_start(agent, None).await, injected);

    let own = OwnServer { url: "http://h/mcp".to_owned(), key: "trinity_mcp_k1".to_owned() };
    credentials.import(agent, Some(&own)).await.unwrap();
    assert!(std::fs::read_to_string(desk.file(".mcp.json")).unwrap().contains("trinity_mcp_k1"));
    assert_eq!(desk.masked("trinity_mcp_k1"), "***");

    desk.inject(&[(".credentials.enc", "broken")]).await.unwrap();
    assert!(matches!(credentials.import(agent, None).await, Err(CredentialError::Bundle(_))));
    assert_eq!(credentials.at_start(agent, None).await.word(), "failed");
    let key = Key::parse(KEY).unwrap();
    let foreign = bundle::seal(&[("../x", "y")], &key, [7; 12]).unwrap();
    desk.inject(&[(".credentials.enc", &foreign)]).await.unwrap();
    assert!(matches!(credentials.import(agent, None).await, Err(CredentialError::Foreign(_))));

    let without = Desk::new(None).await;
    assert!(matches!(without.credentials.export(agent).await, Err(CredentialError::NoKey)));
    without.inject(&[(".credentials.enc", &sealed)]).await.unwrap();
    let skipped = Injection::Skipped("encryption_not_configured");
    assert_eq!(without.credentials.at_start(without.agent, None).await, skipped);
}

#[actix::test]
async fn what_is_too_much_to_be_masked_is_not_taken() {
    let desk = Desk::new(None).await;
    let lines =
        |count: usize| (0..count).map(|n| format!("KEY_{n}=sk-value-{n}\n")).collect::<String>();
    desk.inject(&[(".env", &lines(SECRETS_MAX))]).await.unwrap();
    assert_eq!(desk.masked("sk-value-255"), "***");
    let refused = desk.inject(&[(".env", &lines(SECRETS_MAX + 1))]).await;
    assert!(matches!(refused, Err(CredentialError::TooMany)));
    let long = "x".repeat(usize_of(SCANNED_MAX) + 1);
    let refused = desk.inject(&[(".mcp.json", &long)]).await;
    assert!(matches!(refused, Err(CredentialError::TooLarge { file: ".mcp.json", .. })));
    assert!(!desk.file(".mcp.json").exists());
    // Of what an agent writes itself, as much is masked as can be.
    let own = desk.workspaces.bound(desk.agent, Default::default());
    own.write(".mcp.json.template".parse().unwrap(), long.into_bytes()).await.unwrap();
    assert_eq!(desk.masked("sk-value-0"), "***");
}

#[actix::test]
async fn what_a_template_brings_is_masked_and_its_owners_before_its_agent_is_there() {
    let desk = Desk::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "KEY=sk-of-the-template").unwrap();
    let from = cap_std::fs::Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority());
    let unborn = AgentId(uuid::Uuid::new_v4());
    for agent in [desk.agent, unborn] {
        let home = desk.workspaces.own(agent);
        home.write("begun".parse().unwrap(), Vec::new()).await.unwrap();
        home.fill(from.as_ref().unwrap().try_clone().unwrap(), &[]).await.unwrap();
        assert_eq!(desk.known.of(agent).unwrap().on("sk-of-the-template"), "***");
        let file = desk.folder.path().join(agent.to_string()).join(".env");
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    desk.credentials.forget(unborn).await.unwrap();
    assert!(desk.known.of(unborn).is_none());
    let kept = desk.registry.store().documents(SHELF, "", 0, 10).await.unwrap();
    assert_eq!(kept.len(), 1);
}

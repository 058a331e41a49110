//! A service in this process, with agents that say what was said to them, and a client of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use greenroom::messaging::Messaging;
use greenroom::ssh::{Granted, Means, NewGrant, Ssh, SshSettings};
use greenroom::workspace::{WorkspaceSettings, Workspaces};
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::Command;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Delta, Model, ModelFuture, ModelStream, NoTools, Prompt, VirtualClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use russh::client::{self, Handle, Msg};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};
use russh_sftp::client::SftpSession;
use tempfile::TempDir;

use crate::support::PATIENCE;

/// What is said with this in it is never answered.
pub(super) const HUSH: &str = "hush";

/// Says what was said to it, in two pieces.
struct Echo;

impl Model for Echo {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let said = prompt.turns.last().map(|turn| turn.text.clone()).unwrap_or_default();
        if said.contains(HUSH) {
            return stream::pending().boxed();
        }
        let pieces = ["echo: ".to_owned(), said].map(|piece| Ok(Delta::Text(piece)));
        stream::iter(pieces.into_iter().chain([Ok(Delta::Done(Usage::default()))])).boxed()
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let one = Embedding { embedder: self.embedder(), vector: vec![1.0] };
        std::future::ready(Ok(vec![one; texts.len()])).boxed()
    }

    fn embedder(&self) -> String {
        "echo-1".to_owned()
    }
}

/// A host with SSH.
pub(super) struct Bench {
    pub(super) ssh: Ssh,
    pub(super) registry: Registry,
    pub(super) clock: VirtualClock,
    pub(super) settings: SshSettings,
    pub(super) messaging: Messaging,
    pub(super) workspaces: Workspaces,
    pub(super) folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut SshSettings)) -> Self {
        let clock = VirtualClock::at(UnixMillis(1_800_000_000_000));
        let ports = Ports {
            store: Arc::new(MemoryStore::new()),
            model: Arc::new(Echo),
            clock: Arc::new(clock.clone()),
            tools: Arc::new(NoTools),
            masks: Arc::new(NoMasks),
        };
        let runtime = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, runtime).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let limits = WorkspaceSettings { file_max_bytes: 1024 * 1024, ..Default::default() };
        let workspaces = Workspaces::open(&folder.path().join("workspaces"), &limits).unwrap();
        let messaging = Messaging::open(registry.clone(), Default::default()).await.unwrap();
        let mut settings = SshSettings { enabled: true, ..SshSettings::default() };
        change(&mut settings);
        let ssh = open(&settings, &folder, &messaging, &workspaces).await;
        Self { ssh, registry, clock, settings, messaging, workspaces, folder }
    }

    /// The same host after a restart of the service.
    pub(super) async fn again(self) -> Self {
        self.ssh.close().await;
        let ssh = open(&self.settings, &self.folder, &self.messaging, &self.workspaces).await;
        Self { ssh, ..self }
    }

    /// An agent that runs.
    pub(super) async fn agent(&self, name: &str) -> AgentId {
        let record = self.registry.create(Character::named(name)).await.unwrap();
        self.tell(record.id, Command::Start).await;
        record.id
    }

    pub(super) async fn tell(&self, agent: AgentId, command: Command) {
        self.registry.ask(agent, Change::to(command)).await.unwrap();
    }

    pub(super) async fn grant(&self, agent: AgentId, means: Means) -> Granted {
        let ttl = Duration::from_secs(3600);
        let wish = NewGrant { agent, user: "admin".to_owned(), port: 0, means, ttl };
        self.ssh.grant(wish).await.unwrap()
    }

    /// Access by password: the port, and the password.
    pub(super) async fn password(&self, agent: AgentId) -> (u16, String) {
        let granted = self.grant(agent, Means::Password).await;
        (granted.port, granted.password.unwrap())
    }

    /// Where an agent's files are.
    pub(super) fn workspace(&self, agent: AgentId) -> PathBuf {
        self.folder.path().join("workspaces").join(agent.to_string())
    }
}

async fn open(
    settings: &SshSettings,
    folder: &TempDir,
    messaging: &Messaging,
    workspaces: &Workspaces,
) -> Ssh {
    Ssh::open(settings, folder.path(), messaging.clone(), workspaces.clone()).await.unwrap()
}

/// A pair of keys: the private one, and the public one as it is written.
pub(super) fn key() -> (PrivateKey, String) {
    let pair = russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&rand::random());
    let key = PrivateKey::from(pair);
    let public = key.public_key().to_openssh().unwrap();
    (key, public)
}

/// Trusts whatever host it comes to.
pub(super) struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// A client of one connection.
pub(super) struct Client(pub(super) Handle<Trusting>);

impl Client {
    pub(super) async fn connect(port: u16) -> Result<Self, russh::Error> {
        let config = Arc::new(client::Config::default());
        Ok(Self(client::connect(config, ("127.0.0.1", port), Trusting).await?))
    }

    /// Comes in by a password, or does not.
    pub(super) async fn login(port: u16, user: &str, password: &str) -> Option<Self> {
        let mut client = Self::connect(port).await.ok()?;
        let said = client.0.authenticate_password(user, password).await.ok()?;
        said.success().then_some(client)
    }

    /// Comes in by a key, or does not.
    pub(super) async fn login_by_key(port: u16, key: &PrivateKey) -> Option<Self> {
        let mut client = Self::connect(port).await.ok()?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key.clone()), None);
        let said = client.0.authenticate_publickey("developer", key).await.ok()?;
        said.success().then_some(client)
    }

    pub(super) async fn session(&self) -> Channel<Msg> {
        self.0.channel_open_session().await.unwrap()
    }

    /// Says one thing and hears the answer.
    pub(super) async fn exec(&self, text: &str) -> Heard {
        let channel = self.session().await;
        channel.exec(true, text).await.unwrap();
        Heard::all(channel).await
    }

    pub(super) async fn sftp(&self) -> SftpSession {
        let channel = self.session().await;
        channel.request_subsystem(true, "sftp").await.unwrap();
        SftpSession::new(channel.into_stream()).await.unwrap()
    }
}

/// What came through a channel.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) status: Option<u32>,
    pub(super) is_refused: bool,
}

impl Heard {
    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.out.push_str(&String::from_utf8_lossy(&data)),
            ChannelMsg::ExtendedData { data, .. } => {
                self.err.push_str(&String::from_utf8_lossy(&data));
            }
            ChannelMsg::ExitStatus { exit_status } => self.status = Some(exit_status),
            ChannelMsg::Failure => self.is_refused = true,
            _ => {}
        }
    }

    /// All until the channel is closed.
    pub(super) async fn all(mut channel: Channel<Msg>) -> Self {
        let mut heard = Self::default();
        let over = async {
            while let Some(message) = channel.wait().await {
                heard.take(message);
            }
        };
        tokio::time::timeout(PATIENCE, over).await.expect("the channel does not end");
        heard
    }

    /// All until that was heard.
    pub(super) async fn until(channel: &mut Channel<Msg>, text: &str) -> Self {
        let mut heard = Self::default();
        let over = async {
            while !heard.out.contains(text) {
                heard.take(channel.wait().await.expect("the channel is closed"));
            }
        };
        let over = tokio::time::timeout(PATIENCE, over).await;
        assert!(over.is_ok(), "no {text:?} in {heard:?}");
        heard
    }
}

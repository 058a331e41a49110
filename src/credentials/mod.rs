//! Credentials: what agents work with that nobody else is to know.
//!
//! They stand in four files of an agent's own folder: an environment, two files of MCP servers, and an
//! encrypted bundle of the first two, which is Trinity's byte for byte ([`bundle`]). Whatever writes them,
//! their values are masked from then on in all that is kept and told of the agent ([`Known`]): they are
//! known before the file is written, where it is written here, and before its writer has an answer
//! anywhere else.

pub mod bundle;
pub mod env_file;
mod error;
mod found;
mod github;
mod known;
mod servers_file;
mod settings;
mod start;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::Masks;
use greenroom_actors::registry::Registry;
use zeroize::Zeroizing;

use crate::workspace::{
    CREDENTIAL_FILES, Entry, Kind, Watcher, WorkPath, Workspace, WorkspaceError, Workspaces,
};
use bundle::Key;
use found::Found;

pub use error::CredentialError;
pub use github::{GITHUB_PAT, own_github_token};
pub use known::{Known, SHELF};
pub use servers_file::OwnServer;
pub use settings::CredentialSettings;
pub use start::Injection;

/// The environment of an agent.
pub const ENV: &str = ".env";

/// Its MCP servers.
pub const SERVERS: &str = ".mcp.json";

/// Its MCP servers with places for values of the environment.
pub const SERVERS_TEMPLATE: &str = ".mcp.json.template";

/// Its encrypted bundle.
pub const BUNDLE: &str = ".credentials.enc";

/// The files that a bundle is made of, in its order.
const BUNDLED: [&str; 2] = [ENV, SERVERS];

/// The credentials of all agents of a host. Clones share everything.
#[derive(Clone)]
pub struct Credentials {
    inner: Arc<Inner>,
}

/// Bytes of a file that is looked through for secrets: people write so much, and no more.
const SCANNED_MAX: u64 = 256 * 1_024;

/// The files that are looked through; first where the agent's own key stands.
const LOOKED_THROUGH: [&str; 3] = [SERVERS, ENV, SERVERS_TEMPLATE];

struct Inner {
    registry: Registry,
    workspaces: Workspaces,
    known: Arc<Known>,
    settings: CredentialSettings,
}

/// The files of an agent, as they are now.
#[derive(Clone, Debug)]
pub struct Status {
    /// Each of the four names, with what is there.
    pub files: Vec<(&'static str, Option<Entry>)>,
    /// Lines of the environment that set a variable.
    pub count: usize,
}

impl Credentials {
    /// Credentials in those folders. From now on `known` follows what is written there; it is what the
    /// registry masks by.
    #[must_use]
    pub fn open(
        registry: Registry,
        workspaces: Workspaces,
        known: Arc<Known>,
        settings: CredentialSettings,
    ) -> Self {
        let inner = Arc::new(Inner { registry, workspaces, known, settings });
        let watcher: Arc<dyn Watcher> = inner.clone();
        inner.workspaces.watched_by(Arc::downgrade(&watcher));
        Self { inner }
    }

    /// Looks through all folders for what was written while nobody watched.
    ///
    /// # Errors
    /// [`StoreError`]; those that come later are looked through at the next start then.
    pub async fn look_through(&self) -> Result<(), StoreError> {
        let agents = self.inner.workspaces.with_credentials().await;
        for agent in agents.map_err(stored)? {
            self.inner.workspaces.credentials_changed(agent).await?;
        }
        Ok(())
    }

    /// Forgets the secrets of an agent that is gone, or never was.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        let Inner { known, registry, .. } = &*self.inner;
        let facts = known.leaving(agent);
        if !facts.is_empty() {
            registry.keep(facts).await?;
        }
        known.left(agent);
        Ok(())
    }

    /// The key of bundles, if one is configured.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.inner.settings.key.as_ref()
    }

    /// The address of the MCP server that is added to what an agent is given, if one is configured.
    #[must_use]
    pub fn mcp_url(&self) -> Option<&str> {
        Some(self.inner.settings.mcp_url.as_str()).filter(|url| !url.is_empty())
    }

    /// The four files of an agent.
    ///
    /// # Errors
    /// [`CredentialError::Workspace`].
    pub async fn status(&self, agent: AgentId) -> Result<Status, CredentialError> {
        let workspace = self.inner.workspaces.free(agent);
        let mut files = Vec::with_capacity(CREDENTIAL_FILES.len());
        for name in CREDENTIAL_FILES {
            let entry = match workspace.about(path(name)?).await {
                Ok(entry) if entry.kind == Kind::File => Some(entry),
                Ok(_) | Err(WorkspaceError::Missing(_)) => None,
                Err(error) => return Err(error.into()),
            };
            files.push((name, entry));
        }
        let count = text(&self.inner.workspaces, agent, ENV)
            .await?
            .map_or(0, |text| env_file::count(&text));
        Ok(Status { files, count })
    }

    /// Writes files of an agent, in the order given; answers with their names. Into that of its MCP
    /// servers comes an entry for the host's own, if there is one.
    ///
    /// # Errors
    /// [`CredentialError::NoFiles`], [`CredentialError::Foreign`], [`CredentialError::TooLarge`],
    /// [`CredentialError::TooMany`]: then nothing was written.
    /// [`CredentialError::Workspace`], [`CredentialError::Core`]: then some may have been.
    pub async fn inject(
        &self,
        agent: AgentId,
        files: Vec<(String, Vec<u8>)>,
        own: Option<&OwnServer>,
    ) -> Result<Vec<&'static str>, CredentialError> {
        if files.is_empty() {
            return Err(CredentialError::NoFiles);
        }
        let mut known = Vec::with_capacity(files.len());
        let mut foreign = Vec::new();
        for (name, content) in files {
            match CREDENTIAL_FILES.into_iter().find(|file| *file == name) {
                Some(file) => known.push((file, with_own(file, content, own))),
                None => foreign.push(name),
            }
        }
        if !foreign.is_empty() {
            return Err(CredentialError::Foreign(foreign));
        }
        self.inner.write(agent, known).await
    }

    /// Seals the environment and the MCP servers of an agent into its bundle; answers with how many
    /// files are in it.
    ///
    /// # Errors
    /// [`CredentialError::NoKey`], [`CredentialError::NothingToExport`], [`CredentialError::NoText`],
    /// [`CredentialError::Workspace`].
    pub async fn export(&self, agent: AgentId) -> Result<usize, CredentialError> {
        let key = self.key().ok_or(CredentialError::NoKey)?;
        let mut files = Vec::new();
        for name in BUNDLED {
            if let Some(bytes) = read(
                &self.inner.workspaces,
                agent,
                name,
                self.inner.workspaces.settings().file_max_bytes,
            )
            .await?
            {
                let text = std::str::from_utf8(&bytes);
                let text = text.map_err(|_fault| CredentialError::NoText(name))?;
                files.push((name, Zeroizing::new(text.to_owned())));
            }
        }
        if files.is_empty() {
            return Err(CredentialError::NothingToExport);
        }
        let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let sealed = bundle::seal(&texts, key, rand::random());
        let sealed = sealed.ok_or_else(|| StoreError::Failed("a bundle is not sealed".to_owned()));
        let sealed = sealed.map_err(CoreError::Store)?.into_bytes();
        let workspace = self.inner.workspaces.free(agent);
        workspace.write(path(BUNDLE)?, sealed).await?;
        Ok(files.len())
    }

    /// Writes the files of an agent's bundle; answers with their names.
    ///
    /// # Errors
    /// [`CredentialError::NoKey`], [`CredentialError::NoBundle`], [`CredentialError::Bundle`], and as
    /// [`inject`](Self::inject).
    pub async fn import(
        &self,
        agent: AgentId,
        own: Option<&OwnServer>,
    ) -> Result<Vec<&'static str>, CredentialError> {
        let key = self.key().ok_or(CredentialError::NoKey)?;
        let sealed = read(
            &self.inner.workspaces,
            agent,
            BUNDLE,
            self.inner.workspaces.settings().file_max_bytes,
        )
        .await?
        .ok_or(CredentialError::NoBundle)?;
        let files = bundle::open(&sealed, key)?;
        self.inject(agent, files, own).await
    }

    /// The variables of an agent's environment, in their order.
    ///
    /// # Errors
    /// [`CredentialError::Workspace`].
    pub async fn environment(
        &self,
        agent: AgentId,
    ) -> Result<Vec<(String, String)>, CredentialError> {
        environment_of(&self.inner.workspaces, agent).await
    }
}

/// The same, where there are folders alone.
///
/// # Errors
/// [`CredentialError::Workspace`].
pub async fn environment_of(
    workspaces: &Workspaces,
    agent: AgentId,
) -> Result<Vec<(String, String)>, CredentialError> {
    let text = text(workspaces, agent, ENV).await?;
    Ok(text.map_or_else(Vec::new, |text| env_file::parse(&text)))
}

impl Inner {
    async fn write(
        &self,
        agent: AgentId,
        files: Vec<(&'static str, Vec<u8>)>,
    ) -> Result<Vec<&'static str>, CredentialError> {
        // Known first, visible second: nobody reads what would not be masked.
        let mut found = Found::default();
        for (file, content) in &files {
            if LOOKED_THROUGH.contains(file) && content.len() > usize_of(SCANNED_MAX) {
                return Err(CredentialError::TooLarge { file, most: SCANNED_MAX });
            }
            take(&mut found, file, &String::from_utf8_lossy(content));
        }
        if found.is_too_much() {
            return Err(CredentialError::TooMany);
        }
        self.stands(agent, found).await?;
        let workspace: Workspace = self.workspaces.free(agent);
        let mut written = Vec::with_capacity(files.len());
        for (name, content) in files {
            workspace.write(path(name)?, content).await?;
            written.push(name);
        }
        Ok(written)
    }

    /// Makes known what was found in the files of an agent.
    async fn stands(&self, agent: AgentId, found: Found) -> Result<(), CoreError> {
        let fact = self.known.stand(agent, found.into_secrets(), self.registry.clock().now());
        match fact {
            Some(fact) => self.registry.keep(vec![fact]).await.map(drop),
            None => Ok(()),
        }
    }

    /// Looks anew at what stands in the files of an agent.
    async fn look(&self, agent: AgentId) -> Result<(), CredentialError> {
        let mut found = Found::default();
        let mut is_cut = false;
        for name in LOOKED_THROUGH {
            // It lies there already, so that what can be masked of it is.
            if let Some(bytes) = read(&self.workspaces, agent, name, SCANNED_MAX + 1).await? {
                is_cut |= bytes.len() > usize_of(SCANNED_MAX);
                take(
                    &mut found,
                    name,
                    &Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()),
                );
            }
        }
        if is_cut || found.is_too_much() {
            tracing::warn!(%agent, "the files of an agent hold more secrets than can be masked");
        }
        Ok(self.stands(agent, found).await?)
    }
}

impl Watcher for Inner {
    fn changed(self: Arc<Self>, agent: AgentId) -> BoxFuture<'static, Result<(), StoreError>> {
        async move {
            self.look(agent).await.map_err(|error| match error {
                CredentialError::Core(CoreError::Store(error))
                | CredentialError::Workspace(WorkspaceError::Store(error)) => error,
                error => StoreError::Failed(error.to_string()),
            })
        }
        .boxed()
    }
}

/// What a file of an agent holds; `None` if there is none.
async fn read(
    workspaces: &Workspaces,
    agent: AgentId,
    name: &str,
    bytes_max: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, CredentialError> {
    match workspaces.free(agent).read(path(name)?, 0, bytes_max).await {
        Ok(part) => Ok(Some(Zeroizing::new(part.bytes))),
        Err(
            WorkspaceError::Missing(_)
            | WorkspaceError::NotAFile(_)
            | WorkspaceError::NotAFolder(_)
            | WorkspaceError::Special(_),
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn text(
    workspaces: &Workspaces,
    agent: AgentId,
    name: &str,
) -> Result<Option<Zeroizing<String>>, CredentialError> {
    let bytes = read(workspaces, agent, name, workspaces.settings().file_max_bytes).await?;
    Ok(bytes.map(|bytes| Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
}

/// A number of bytes as a length.
fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Takes the secrets of a file.
fn take(found: &mut Found, name: &str, text: &str) {
    match name {
        ENV => found.in_env(text),
        SERVERS | SERVERS_TEMPLATE => found.in_servers(text),
        _ => {}
    }
}

/// A file as it is written: that of the MCP servers with an entry for the host's own.
fn with_own(name: &str, content: Vec<u8>, own: Option<&OwnServer>) -> Vec<u8> {
    let Some(own) = own.filter(|_| name == SERVERS) else { return content };
    match String::from_utf8(content) {
        Ok(text) => servers_file::with_entry(text, own).into_bytes(),
        Err(no_text) => no_text.into_bytes(),
    }
}

fn path(name: &str) -> Result<WorkPath, WorkspaceError> {
    name.parse()
}

fn stored(error: WorkspaceError) -> StoreError {
    match error {
        WorkspaceError::Store(error) => error,
        error => StoreError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests;

//! Templates, and how agents begin with them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use greenroom_actors::ids::AgentId;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::archive::{ArchiveError, Unpacked};
use super::clone::{Clone as Cloned, Cloner};
use super::deployed::{self, Contents, Imported, MANIFEST, Verified};
use super::error::TemplateError;
use super::local::{self, BUILT_IN, BuiltIn, DESCRIPTION};
use super::name::TemplateName;
use super::settings::TemplatesSettings;
use super::template::Template;
use super::yaml::YAML_MAX_BYTES;
use crate::workspace::{Layout, WorkPath, Workspace, WorkspaceError, Workspaces};

/// Threads that look into templates at once.
const THREADS_MAX: usize = 4;

/// Tells that a workspace has been filled from its template.
const MARKER: &str = ".trinity-initialized";

/// What of a template does not belong to an agent.
const LEFT_OUT: &[&str] = &[".git", MARKER, MANIFEST];

/// What every workspace has.
const LAYOUT: Layout = Layout {
    folders: &["mcp-servers", ".claude", ".config", ".ssh", ".trinity"],
    files: &[(".trinity/persistent-state.yaml", include_str!("builtin/persistent-state.yaml"))],
};

/// The templates of a host. Clones share everything.
#[derive(Clone, Debug)]
pub struct Templates {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    cloner: Cloner,
    workspaces: Workspaces,
    threads: Arc<Semaphore>,
}

/// A template of this host.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// What it is called: `local:<id>`.
    pub id: String,
    /// What it says of itself.
    pub template: Template,
}

/// A template at hand, to begin agents with.
#[derive(Clone, Debug)]
pub struct Fetched {
    template: Arc<Template>,
    files: Arc<Source>,
}

#[derive(Debug)]
enum Source {
    BuiltIn(BuiltIn),
    Folder(Dir),
    Clone { folder: Dir, _clone: Cloned },
    Archive(Unpacked),
}

/// An archive at hand, to begin an agent with.
#[derive(Clone)]
pub struct Deployed {
    /// The template that it is.
    pub fetched: Fetched,
    /// Whether it describes itself at all.
    pub is_described: bool,
    /// Files that agents get.
    pub files: usize,
    /// Links in it, which agents do not get, by their paths in order.
    pub links: Vec<String>,
    /// What came of the list of its files, if it brought one.
    pub verified: Option<Verified>,
    /// What became of credentials, if there are any.
    pub imported: Option<Imported>,
    /// What is to stand in its file of environment variables, if it is to have one.
    pub environment: Option<Zeroizing<String>>,
}

impl Fetched {
    /// What it says of itself.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }
}

impl Templates {
    /// Templates in that folder where the settings name none, cloned in the folder `spool`, with
    /// that token for repositories.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(
        folder: PathBuf,
        spool: PathBuf,
        settings: &TemplatesSettings,
        token: Option<String>,
        workspaces: Workspaces,
    ) -> io::Result<Self> {
        let inner = Inner {
            folder: settings.dir.clone().unwrap_or(folder),
            cloner: Cloner::open(spool, settings.clone(), token)?,
            workspaces,
            threads: Arc::new(Semaphore::new(THREADS_MAX)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Templates whose all is in one folder.
    #[cfg(test)]
    pub(crate) fn within(folder: &Path, workspaces: &Workspaces) -> Self {
        let settings = TemplatesSettings::default();
        let (templates, spool) = (folder.join("templates"), folder.join("clones"));
        Self::open(templates, spool, &settings, None, workspaces.clone()).unwrap()
    }

    /// The templates of this host, in the order of their names. Those that cannot be read are left
    /// out, with a word in the log.
    ///
    /// # Errors
    /// [`TemplateError::Io`].
    pub async fn list(&self) -> Result<Vec<Listed>, TemplateError> {
        self.blocking(|templates| {
            let mut ids = local::names(templates)?;
            ids.extend(BUILT_IN.iter().map(|one| one.id.to_owned()));
            ids.sort();
            ids.dedup();
            let mut listed = Vec::new();
            for id in ids {
                let Some((template, _)) = found(templates, &id)? else { continue };
                let id = format!("local:{id}");
                match template {
                    Ok(template) => listed.push(Listed { id, template }),
                    Err(reason) => tracing::warn!(id, reason, "a template cannot be read"),
                }
            }
            Ok(listed)
        })
        .await
    }

    /// Brings a template to hand: looks for a local one, clones that of a repository, with that token
    /// in place of the host's own. `None` for a name that is neither's: it has no effect.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub async fn fetch(
        &self,
        name: &str,
        token: Option<&str>,
    ) -> Result<Option<Fetched>, TemplateError> {
        let owned = name.to_owned();
        let unreadable = move |reason| TemplateError::Unreadable { name: owned, reason };
        let (template, files) = match TemplateName::read(name)? {
            TemplateName::Plain => return Ok(None),
            TemplateName::Local(id) => {
                let found = self.blocking(move |templates| found(templates, &id)).await?;
                found.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?
            }
            TemplateName::GitHub(repository) => {
                let clone = self.inner.cloner.clone(name, &repository, token).await?;
                let path = clone.path().join("clone");
                let (folder, template) = self
                    .blocking(move |_| {
                        let folder = Dir::open_ambient_dir(path, ambient_authority())?;
                        let template = local::described(&folder)?;
                        Ok((folder, template))
                    })
                    .await?;
                (template, Source::Clone { folder, _clone: clone })
            }
        };
        let template = template.map_err(unreadable)?;
        Ok(Some(Fetched { template: Arc::new(template), files: Arc::new(files) }))
    }

    /// Brings an archive to hand, and what its environment is to be with these credentials.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn unpack(
        &self,
        packed: Vec<u8>,
        credentials: BTreeMap<String, String>,
    ) -> Result<Deployed, ArchiveError> {
        let inner = Arc::clone(&self.inner);
        let contents = self
            .blocking(move |_| Ok(deployed::contents(inner.cloner.spool(), &packed, &credentials)));
        let contents = contents.await.map_err(|error| match error {
            TemplateError::Io(error) => ArchiveError::Io(error),
            error => ArchiveError::Io(io::Error::other(error)),
        })?;
        let Contents { unpacked, template, is_described, verified, imported, environment } =
            contents?;
        let template = template.map_err(|reason| {
            ArchiveError::Invalid(format!("{DESCRIPTION} cannot be read: {reason}"))
        })?;
        let is_given =
            |path: &&String| path.split('/').next().is_some_and(|first| !LEFT_OUT.contains(&first));
        let files = unpacked.hashes.keys().filter(is_given).count();
        let mut links: Vec<String> = unpacked.links.keys().cloned().collect();
        links.sort();
        let files_of = Arc::new(Source::Archive(unpacked));
        let fetched = Fetched { template: Arc::new(template), files: files_of };
        Ok(Deployed { fetched, is_described, files, links, verified, imported, environment })
    }

    /// Makes what a workspace needs before its agent starts: what each has, and once what its
    /// template has. What is there stays. A start that was cut short is gone on with by the next.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub async fn prepare(
        &self,
        agent: AgentId,
        name: Option<&str>,
        token: Option<&str>,
    ) -> Result<(), TemplateError> {
        let workspace = self.furnished(agent).await?;
        if is_filled(&workspace).await? {
            return Ok(());
        }
        let Some(name) = name else { return Ok(()) };
        match self.fetch(name, token).await? {
            Some(fetched) => self.place(agent, &fetched).await,
            None => Ok(()),
        }
    }

    /// The same, with a template at hand.
    ///
    /// # Errors
    /// [`TemplateError::Workspace`].
    pub async fn place(&self, agent: AgentId, fetched: &Fetched) -> Result<(), TemplateError> {
        let workspace = self.furnished(agent).await?;
        if is_filled(&workspace).await? {
            return Ok(());
        }
        match &*fetched.files {
            Source::BuiltIn(built_in) => {
                for (path, content) in built_in.files {
                    let path: WorkPath = path.parse()?;
                    if is_missing(&workspace, path.clone()).await? {
                        workspace.write(path, content.as_bytes().to_vec()).await?;
                    }
                }
            }
            Source::Folder(folder)
            | Source::Clone { folder, .. }
            | Source::Archive(Unpacked { root: folder, .. }) => {
                let filled = workspace.fill(folder.try_clone()?, LEFT_OUT).await?;
                if filled.left_out > 0 {
                    let left_out = filled.left_out;
                    tracing::warn!(%agent, left_out, "a template has links or special files");
                }
            }
        }
        // Last, so that it says that all of it is there.
        workspace.write(MARKER.parse()?, Vec::new()).await?;
        Ok(())
    }

    /// What the description in an agent's workspace says; `None` without one.
    ///
    /// # Errors
    /// [`TemplateError::Unreadable`], [`TemplateError::Workspace`].
    pub async fn of(&self, agent: AgentId) -> Result<Option<Template>, TemplateError> {
        let path: WorkPath = DESCRIPTION.parse()?;
        let most = u64::try_from(YAML_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let part = match self.inner.workspaces.free(agent).read(path, 0, most).await {
            Ok(part) => part,
            Err(
                WorkspaceError::Missing(_)
                | WorkspaceError::NotAFile(_)
                | WorkspaceError::Special(_),
            ) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let unreadable = |reason| TemplateError::Unreadable { name: agent.to_string(), reason };
        let text = String::from_utf8(part.bytes);
        let text = text.map_err(|_other| unreadable("it is no text in UTF-8".to_owned()))?;
        Template::read(&text).map(Some).map_err(unreadable)
    }

    async fn furnished(&self, agent: AgentId) -> Result<Workspace, TemplateError> {
        let workspace = self.inner.workspaces.own(agent);
        workspace.lay_out(LAYOUT).await?;
        Ok(workspace)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, TemplateError> {
        let permit = Arc::clone(&self.inner.threads).acquire_owned().await;
        let permit = permit.map_err(io::Error::other)?;
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || {
            let done = work(&inner.folder);
            drop(permit);
            done
        });
        Ok(done.await.map_err(io::Error::other)??)
    }
}

type Found = Option<(Result<Template, String>, Source)>;

/// A local template, and where its files are.
fn found(templates: &Path, id: &str) -> io::Result<Found> {
    if let Some(folder) = local::find(templates, id)? {
        return Ok(Some((local::described(&folder)?, Source::Folder(folder))));
    }
    let built_in = BuiltIn::find(id);
    Ok(built_in.map(|built_in| (built_in.template(), Source::BuiltIn(built_in))))
}

async fn is_filled(workspace: &Workspace) -> Result<bool, TemplateError> {
    Ok(!is_missing(workspace, MARKER.parse()?).await?)
}

async fn is_missing(workspace: &Workspace, path: WorkPath) -> Result<bool, TemplateError> {
    match workspace.about(path).await {
        Ok(_) => Ok(false),
        Err(WorkspaceError::Missing(_)) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

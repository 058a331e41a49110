//! Where media are kept: a folder for each agent and each channel.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, ChannelId};
use greenroom_actors::time::UnixMillis;
use tokio::task::spawn_blocking;

use super::judge::{Unfit, judge};
use super::kind::{Class, Kind};
use super::ledger::{self, Ledger};
use super::name;
use super::owner::{GENERATED, Owner, UPLOADS};
use super::settings::MediaSettings;
use super::spool::{self, Spool, Spooled};

/// How often another name is tried where one is taken: there are a billion for each millisecond.
const NAMES_TRIED: u32 = 8;

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is served.
    pub url: String,
    /// What it is.
    pub kind: &'static Kind,
    /// The name under which it is kept.
    pub file_name: String,
    /// What the client calls it, as it may be shown.
    pub original_name: String,
    /// Its bytes in number.
    pub size: u64,
}

/// A file that was found.
#[derive(Debug)]
pub struct Found {
    /// The file, open for reading.
    pub file: File,
    /// The name under which it is kept.
    pub name: String,
    /// What it is, if it is of a kind that is kept.
    pub kind: Option<&'static Kind>,
}

/// What a search for a file came to.
#[derive(Debug)]
pub enum Search {
    /// There it is.
    Found(Found),
    /// There is none of that name.
    Missing,
    /// There is something, but not a file of its own in the owner's folder.
    Foreign,
}

/// Why a file is not kept.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is not fit to be.
    #[error(transparent)]
    Unfit(Unfit),
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The media of a host. Clones share everything.
#[derive(Clone, Debug)]
pub struct MediaStore {
    folder: Arc<Path>,
    spool: Spool,
    ledger: Ledger,
}

impl MediaStore {
    /// The media in that folder, which is made if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path, settings: &MediaSettings) -> io::Result<Self> {
        let spool = Spool::open(&spool::within(folder))?;
        // As the system knows it, so that links on the way to it do not matter later.
        let folder = folder.canonicalize()?;
        let held = [folder.join(UPLOADS), folder.join(GENERATED)];
        let ledger = Ledger::open(&held, settings.kept_max_bytes)?;
        Ok(Self { folder: folder.into(), spool, ledger })
    }

    /// Where files arrive.
    #[must_use]
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Keeps a file for `owner`, who calls it `name` and says that it is `declared`. Once this is
    /// answered it is durable.
    ///
    /// # Errors
    /// [`MediaError::Unfit`] where the content does not agree, [`MediaError::Store`]. The file is
    /// gone then.
    pub async fn keep(
        &self,
        owner: Owner,
        file: Spooled,
        name: &str,
        declared: &str,
        now: UnixMillis,
    ) -> Result<Kept, MediaError> {
        let (root, ledger) = (Arc::clone(&self.folder), self.ledger.clone());
        let (name, declared) = (name.to_owned(), declared.to_owned());
        let kept = spawn_blocking(move || {
            let kind = judge(file.path(), &declared).map_err(|unfit| match unfit {
                Unfit::Io(error) => failed(error).into(),
                unfit => MediaError::Unfit(unfit),
            })?;
            let size = file.size();
            let full = || StoreError::Full("media: kept_max_bytes is reached".to_owned());
            let booked = ledger.book(size).ok_or_else(full)?;
            let way = owner.folder();
            let file_name = settle(file, &root.join(&way), &name, kind, now).map_err(failed)?;
            booked.settle();
            let url = format!("/media/{way}/{file_name}");
            Ok(Kept { url, kind, file_name, original_name: name::shown(&name), size })
        });
        kept.await.map_err(|error| failed(io::Error::other(error)))?
    }

    /// Keeps what an agent made.
    ///
    /// # Errors
    /// As of [`keep`](Self::keep).
    pub async fn generate(
        &self,
        agent: AgentId,
        bytes: &[u8],
        media_type: &str,
        now: UnixMillis,
    ) -> Result<Kept, MediaError> {
        let mut file = self.spool.begin().await.map_err(failed)?;
        file.write(bytes).await.map_err(failed)?;
        let file = file.finish().await.map_err(failed)?;
        self.keep(Owner::MadeBy(agent), file, "", media_type, now).await
    }

    /// Finds a file of `owner`. Of `name` only what stands after the last slash counts.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub async fn find(&self, owner: Owner, name: &str) -> Result<Search, StoreError> {
        let Some(name) = name::asked(name).map(str::to_owned) else { return Ok(Search::Missing) };
        let folder = self.folder.join(owner.folder());
        let found = spawn_blocking(move || look(&folder, name));
        found.await.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)
    }

    /// Removes whatever was given to an agent, and what it made.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub async fn forget_agent(&self, agent: AgentId) -> Result<(), StoreError> {
        self.forget(vec![Owner::Agent(agent), Owner::MadeBy(agent)]).await
    }

    /// Removes whatever was given to a channel.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub async fn forget_channel(&self, channel: ChannelId) -> Result<(), StoreError> {
        self.forget(vec![Owner::Channel(channel)]).await
    }

    async fn forget(&self, owners: Vec<Owner>) -> Result<(), StoreError> {
        let (root, ledger) = (Arc::clone(&self.folder), self.ledger.clone());
        let forgotten = spawn_blocking(move || {
            owners.into_iter().try_for_each(|owner| remove(&root.join(owner.folder()), &ledger))
        });
        forgotten.await.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)
    }
}

/// Moves a file where it is to stay; answers with its name there once that is durable.
fn settle(
    file: Spooled,
    folder: &Path,
    given: &str,
    kind: &Kind,
    now: UnixMillis,
) -> io::Result<String> {
    // The content first: a name must not outlive a crash that the content does not.
    File::open(file.path())?.sync_all()?;
    let fresh = missing(folder);
    spool::make(folder)?;
    let mut file = file;
    let mut tried = 0;
    let name = loop {
        let name = name::fresh(given, kind, now);
        match file.persist(&folder.join(&name)) {
            Ok(()) => break name,
            Err((_, error)) if tried >= NAMES_TRIED => return Err(error),
            Err((back, error)) => match error.kind() {
                io::ErrorKind::AlreadyExists => file = back,
                // The owner was removed meanwhile; this came later, so it stays.
                io::ErrorKind::NotFound => {
                    spool::make(folder)?;
                    file = back;
                }
                _ => return Err(error),
            },
        }
        tried += 1;
    };
    // A folder holds the names of those within; so where it is new, the one above as well.
    for changed in std::iter::once(folder).chain(fresh.iter().filter_map(|new| new.parent())) {
        File::open(changed)?.sync_all()?;
    }
    Ok(name)
}

/// Removes a folder, and strikes out what it held.
fn remove(folder: &Path, ledger: &Ledger) -> io::Result<()> {
    let bytes = ledger::size(folder)?;
    match fs::remove_dir_all(folder) {
        Ok(()) => {
            ledger.strike(bytes);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Which of a folder and those above it are not there.
fn missing(folder: &Path) -> Vec<PathBuf> {
    folder.ancestors().take_while(|above| !above.exists()).map(Path::to_owned).collect()
}

/// Looks for a file of that name, in that very folder.
fn look(folder: &Path, name: String) -> io::Result<Search> {
    let path = folder.join(&name);
    let about = match fs::symlink_metadata(&path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Search::Missing),
        Err(error) => return Err(error),
    };
    // Nothing here makes links: one was put there by somebody else, and leads who knows where.
    if !about.is_file() || path.canonicalize()?.parent() != Some(folder) {
        return Ok(Search::Foreign);
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let kind = Kind::ending_in(extension);
    Ok(Search::Found(Found { file: File::open(&path)?, kind, name }))
}

/// That the file system did not do something.
pub(crate) fn failed(error: io::Error) -> StoreError {
    let text = format!("media: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(text),
        _ => StoreError::Failed(text),
    }
}

impl Kept {
    /// What sort of thing it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.kind.class()
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::derived;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_322_053_695);
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    async fn spooled(store: &MediaStore, content: &[u8]) -> Spooled {
        let mut file = store.spool().begin().await.unwrap();
        file.write(content).await.unwrap();
        file.finish().await.unwrap()
    }

    /// Files below a folder.
    fn files(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }

    #[tokio::test]
    async fn a_file_is_kept_for_its_owner_until_the_owner_goes() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path(), &MediaSettings::default()).unwrap();
        let (agent, channel) = (AgentId(derived("Ada")), ChannelId(derived("channel")));
        for owner in [Owner::Agent(agent), Owner::Channel(channel)] {
            let file = spooled(&store, PNG).await;
            let kept = store.keep(owner, file, "x/dot.jpg", "image/jpeg", NOW).await.unwrap();
            assert_eq!(kept.url, format!("/media/{}/{}", owner.folder(), kept.file_name));
            assert_eq!((kept.kind.media_type(), kept.class()), ("image/png", Class::Image));
            assert_eq!((kept.original_name.as_str(), kept.size), ("dot.jpg", 8));
            assert!(
                kept.file_name.starts_with("1795322053695-") && kept.file_name.ends_with(".png")
            );
            let found = store.find(owner, &format!("a/../{}", kept.file_name)).await.unwrap();
            let Search::Found(found) = found else { panic!("{found:?}") };
            assert_eq!(
                io::read_to_string(found.file).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
            assert_eq!(found.kind, Some(kept.kind));
        }
        let made = store.generate(agent, b"ID3", "audio/mpeg", NOW).await.unwrap();
        assert_eq!((made.url.starts_with("/media/generated/"), files(folder.path())), (true, 3));

        store.forget_agent(agent).await.unwrap();
        let gone = store.find(Owner::MadeBy(agent), &made.file_name).await.unwrap();
        assert!(matches!(gone, Search::Missing));
        assert_eq!(files(folder.path()), 1);
        store.forget_channel(channel).await.unwrap();
        store.forget_channel(channel).await.unwrap();
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let settings = MediaSettings { kept_max_bytes: 12 };
        let owner = Owner::Agent(AgentId(derived("Ada")));
        let store = MediaStore::open(folder.path(), &settings).unwrap();
        let file = spooled(&store, PNG).await;
        store.keep(owner, file, "", "image/png", NOW).await.unwrap();
        // As after a restart.
        let store = MediaStore::open(folder.path(), &settings).unwrap();
        let file = spooled(&store, PNG).await;
        let refused = store.keep(owner, file, "", "image/png", NOW).await;
        assert!(matches!(refused, Err(MediaError::Store(StoreError::Full(_)))), "{refused:?}");
        assert_eq!(files(folder.path()), 1);
        store.forget_agent(AgentId(derived("Ada"))).await.unwrap();
        let file = spooled(&store, PNG).await;
        store.keep(owner, file, "", "image/png", NOW).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_unfit_is_gone_and_links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path(), &MediaSettings::default()).unwrap();
        let owner = Owner::Agent(AgentId(derived("Ada")));
        let file = spooled(&store, b"<html>").await;
        let refused = store.keep(owner, file, "dot.png", "image/png", NOW).await;
        assert!(matches!(refused, Err(MediaError::Unfit(Unfit::Other { .. }))), "{refused:?}");
        assert_eq!(files(folder.path()), 0);

        let outside = folder.path().join("secret.txt");
        fs::write(&outside, "secret").unwrap();
        let place = folder.path().join(owner.folder());
        fs::create_dir_all(place.join("folder.png")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside, place.join("link.txt")).unwrap();
        for name in ["link.txt", "folder.png"] {
            let found = store.find(owner, name).await.unwrap();
            assert!(matches!(found, Search::Foreign), "{name}: {found:?}");
        }
        for name in ["../../../secret.txt", "none.png", ".", ""] {
            assert!(matches!(store.find(owner, name).await.unwrap(), Search::Missing), "{name}");
        }
    }
}

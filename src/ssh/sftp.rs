//! `sftp`, confined to one workspace.
//!
//! What clients see of it is a home, `/home/developer`, as in the container that they believe to be
//! in. Above it there are only the two folders that lead there. A file that is sent lies beside the
//! workspace until it is closed: it is there whole, and durable, or not at all.

mod attributes;
mod place;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use russh_sftp::server::{Handler, StatusReply};

use crate::workspace::{Begin, Draft, Entry, Kind, Reader, WorkPath, Workspace, WorkspaceError};
use attributes::{attributes, of_draft, of_place};
use place::Place;

/// What a client may have open at once.
const HANDLES_MAX: usize = 32;

/// Files that it may write at once: each may take as much of the disk as a file may be large.
const DRAFTS_MAX: usize = 8;

/// Bytes that are read at once, whatever is asked for.
const READ_MAX_BYTES: u32 = 255 * 1024;

/// Entries of a folder that are told at once.
const NAMES_MAX: usize = 100;

/// The name of what moves a file in place of another.
const POSIX_RENAME: &str = "posix-rename@openssh.com";

type Outcome<T> = Result<T, StatusReply>;

/// What a client has open.
enum Open {
    File(Reader),
    Draft {
        draft: Draft,
        /// Whether all that is written comes behind what is there.
        appends: bool,
        /// Whether something of it could not be written.
        is_broken: bool,
    },
    Folder(VecDeque<File>),
}

/// One client's session.
pub(super) struct Sftp {
    workspace: Workspace,
    handles: HashMap<String, Open>,
    /// How many handles were given.
    given: u64,
}

impl Sftp {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace, handles: HashMap::new(), given: 0 }
    }

    fn give(&mut self, id: u32, open: Open) -> Outcome<Handle> {
        let drafts = self.handles.values().filter(|open| matches!(open, Open::Draft { .. }));
        let is_draft = matches!(open, Open::Draft { .. });
        if self.handles.len() >= HANDLES_MAX || (is_draft && drafts.count() >= DRAFTS_MAX) {
            return Err(StatusCode::Failure.with_message("too much is open"));
        }
        self.given = self.given.saturating_add(1);
        let handle = self.given.to_string();
        self.handles.insert(handle.clone(), open);
        Ok(Handle { id, handle })
    }

    fn open_at(&mut self, handle: &str) -> Outcome<&mut Open> {
        self.handles
            .get_mut(handle)
            .ok_or_else(|| StatusCode::Failure.with_message("no such handle"))
    }

    /// What lies at a path, be it a link.
    async fn about(&self, path: &WorkPath) -> Outcome<FileAttributes> {
        match self.workspace.about(path.clone()).await {
            Ok(entry) => Ok(attributes(&entry)),
            Err(WorkspaceError::Missing(_)) if path.is_home() => Ok(of_place()),
            // What is being written is there to the one who writes it.
            Err(missing @ WorkspaceError::Missing(_)) => {
                let drafts = self.handles.values().filter_map(|open| match open {
                    Open::Draft { draft, .. } if draft.path() == path => Some(draft.size()),
                    _ => None,
                });
                drafts.max().map(of_draft).ok_or_else(|| status(missing))
            }
            Err(error) => Err(status(error)),
        }
    }

    async fn entry(&self, path: &WorkPath) -> Outcome<Entry> {
        self.workspace.about(path.clone()).await.map_err(status)
    }

    async fn files(&self, path: WorkPath) -> Outcome<VecDeque<File>> {
        let most = usize::try_from(self.workspace.entries_max()).unwrap_or(usize::MAX);
        let listing = self.workspace.list(path, 0, most).await.map_err(status)?;
        let within = listing
            .entries
            .iter()
            .map(|entry| File::new(entry.path.name().unwrap_or_default(), attributes(entry)));
        Ok(itself().chain(within).collect())
    }

    async fn rename_to(&self, from: &str, to: &str, replaces: bool) -> Outcome<()> {
        let (from, to) = (Place::of(from)?.within()?, Place::of(to)?.within()?);
        self.workspace.rename(from, to, replaces).await.map_err(status)
    }

    /// Changes what can be changed of a file: its size, and when it was changed. Modes and owners
    /// there are none, so that setting them changes nothing.
    async fn set(&self, path: WorkPath, wanted: &FileAttributes) -> Outcome<()> {
        let entry = self.entry(&path).await?;
        if entry.kind == Kind::Special {
            return Err(StatusCode::PermissionDenied.into());
        }
        if entry.kind == Kind::Folder || (wanted.size.is_none() && wanted.mtime.is_none()) {
            return Ok(());
        }
        let begin = Begin { with_content: true, ..Begin::default() };
        let mut draft = self.workspace.draft(path, begin).await.map_err(status)?;
        change(&mut draft, wanted).await?;
        draft.keep().await.map(drop).map_err(status)
    }
}

impl Handler for Sftp {
    type Error = StatusReply;

    fn unimplemented(&self) -> StatusReply {
        StatusCode::OpUnsupported.into()
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Outcome<Version> {
        let mut version = Version::new();
        version.extensions.insert(POSIX_RENAME.to_owned(), "1".to_owned());
        Ok(version)
    }

    async fn realpath(&mut self, id: u32, path: String) -> Outcome<Name> {
        let place = Place::of(&path)?;
        Ok(Name { id, files: vec![File::dummy(place.shown())] })
    }

    async fn stat(&mut self, id: u32, path: String) -> Outcome<Attrs> {
        let attrs = match Place::of(&path)? {
            Place::Above { .. } => of_place(),
            Place::Within(path) => self.about(&path).await?,
        };
        if attrs.file_type().is_symlink() {
            return Err(StatusCode::PermissionDenied.with_message("links are not followed"));
        }
        Ok(Attrs { id, attrs })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Outcome<Attrs> {
        let attrs = match Place::of(&path)? {
            Place::Above { .. } => of_place(),
            Place::Within(path) => self.about(&path).await?,
        };
        Ok(Attrs { id, attrs })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Outcome<Attrs> {
        let attrs = match self.open_at(&handle)? {
            Open::File(file) => attributes(file.about()),
            Open::Draft { draft, .. } => of_draft(draft.size()),
            Open::Folder(_) => of_place(),
        };
        Ok(Attrs { id, attrs })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Outcome<Handle> {
        let files = match Place::of(&path)? {
            Place::Above { child, .. } => itself().chain([File::new(child, of_place())]).collect(),
            Place::Within(path) => self.files(path).await?,
        };
        self.give(id, Open::Folder(files))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Outcome<Name> {
        let Open::Folder(rest) = self.open_at(&handle)? else {
            return Err(StatusCode::Failure.with_message("not a folder"));
        };
        if rest.is_empty() {
            return Err(StatusCode::Eof.into());
        }
        let files = rest.drain(..rest.len().min(NAMES_MAX)).collect();
        Ok(Name { id, files })
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Outcome<Handle> {
        let path = Place::of(&path)?.within()?;
        let writing =
            OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        if !flags.intersects(writing) {
            let file = self.workspace.reader(path).await.map_err(status)?;
            return self.give(id, Open::File(file));
        }
        let must_be_new = flags.contains(OpenFlags::CREATE | OpenFlags::EXCLUDE);
        let begin = Begin {
            with_content: !flags.contains(OpenFlags::TRUNCATE),
            may_be_new: flags.contains(OpenFlags::CREATE),
            must_be_new,
        };
        let draft = self.workspace.draft(path, begin).await.map_err(status)?;
        let appends = flags.contains(OpenFlags::APPEND);
        self.give(id, Open::Draft { draft, appends, is_broken: false })
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Outcome<Data> {
        let most = usize::try_from(len.min(READ_MAX_BYTES)).unwrap_or(0);
        let data = match self.open_at(&handle)? {
            Open::File(file) => file.read(offset, most).await,
            Open::Draft { draft, .. } => draft.read(offset, most).await,
            Open::Folder(_) => return Err(StatusCode::Failure.with_message("not a file")),
        };
        let data = data.map_err(status)?;
        if data.is_empty() && most > 0 {
            return Err(StatusCode::Eof.into());
        }
        Ok(Data { id, data })
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Outcome<Status> {
        let Open::Draft { draft, appends, is_broken } = self.open_at(&handle)? else {
            return Err(StatusCode::PermissionDenied.with_message("not opened to be written"));
        };
        let at = if *appends { draft.size() } else { offset };
        if let Err(error) = draft.write(at, data).await {
            *is_broken = true;
            return Err(status(error));
        }
        Ok(done(id))
    }

    async fn close(&mut self, id: u32, handle: String) -> Outcome<Status> {
        match self.handles.remove(&handle) {
            // Clients close what they could not write to the end; half of it is worse than nothing.
            Some(Open::Draft { is_broken: true, .. }) => {
                Err(StatusCode::Failure
                    .with_message("not all of it was written, so it is not kept"))
            }
            Some(Open::Draft { draft, .. }) => {
                draft.keep().await.map_err(status)?;
                Ok(done(id))
            }
            Some(Open::File(_) | Open::Folder(_)) => Ok(done(id)),
            None => Err(StatusCode::Failure.with_message("no such handle")),
        }
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Outcome<Status> {
        self.set(Place::of(&path)?.within()?, &attrs).await?;
        Ok(done(id))
    }

    async fn fsetstat(
        &mut self,
        id: u32,
        handle: String,
        attrs: FileAttributes,
    ) -> Outcome<Status> {
        match self.open_at(&handle)? {
            Open::Draft { draft, .. } => change(draft, &attrs).await?,
            Open::File(_) if attrs.size.is_some() => {
                return Err(StatusCode::PermissionDenied.with_message("not opened to be written"));
            }
            Open::File(_) | Open::Folder(_) => {}
        }
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, _: FileAttributes) -> Outcome<Status> {
        let path = Place::of(&path)?.within()?;
        match self.workspace.about(path.clone()).await {
            Ok(_) => return Err(status(WorkspaceError::Taken(path))),
            Err(WorkspaceError::Missing(_)) => {}
            Err(error) => return Err(status(error)),
        }
        let parent = path.parent();
        if !parent.is_home() && self.entry(&parent).await?.kind != Kind::Folder {
            return Err(status(WorkspaceError::NotAFolder(parent)));
        }
        self.workspace.make_folder(path).await.map_err(status)?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Outcome<Status> {
        let path = Place::of(&path)?.within()?;
        if self.entry(&path).await?.kind != Kind::Folder {
            return Err(status(WorkspaceError::NotAFolder(path)));
        }
        self.workspace.remove(path, false).await.map_err(status)?;
        Ok(done(id))
    }

    /// A link is removed itself, and what it leads to stays.
    async fn remove(&mut self, id: u32, path: String) -> Outcome<Status> {
        let path = Place::of(&path)?.within()?;
        if self.entry(&path).await?.kind == Kind::Folder {
            return Err(status(WorkspaceError::NotAFile(path)));
        }
        self.workspace.remove(path, false).await.map_err(status)?;
        Ok(done(id))
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Outcome<Status> {
        self.rename_to(&from, &to, false).await?;
        Ok(done(id))
    }

    async fn readlink(&mut self, _: u32, _: String) -> Outcome<Name> {
        Err(StatusCode::PermissionDenied.with_message("links are not followed"))
    }

    async fn symlink(&mut self, _: u32, _: String, _: String) -> Outcome<Status> {
        Err(StatusCode::PermissionDenied.with_message("there are no links in a workspace"))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Outcome<Packet> {
        if request != POSIX_RENAME {
            return Err(StatusCode::OpUnsupported.into());
        }
        let two = text(&data).and_then(|(from, rest)| Some((from, text(rest)?.0)));
        let Some((from, to)) = two else { return Err(StatusCode::BadMessage.into()) };
        self.rename_to(from, to, true).await?;
        Ok(Packet::Status(done(id)))
    }
}

/// The text that begins there, with its length before it, and what comes after it.
fn text(data: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// A folder itself and the one above it, as each listing begins.
fn itself() -> impl Iterator<Item = File> {
    [File::new(".", of_place()), File::new("..", of_place())].into_iter()
}

async fn change(draft: &mut Draft, wanted: &FileAttributes) -> Outcome<()> {
    if let Some(size) = wanted.size {
        draft.resize(size).await.map_err(status)?;
    }
    if let Some(mtime) = wanted.mtime {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(mtime));
        draft.date(at).await.map_err(status)?;
    }
    Ok(())
}

fn done(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: "Ok".to_owned(),
        language_tag: "en-US".to_owned(),
    }
}

/// What a client is told.
fn status(error: WorkspaceError) -> StatusReply {
    let code = match &error {
        WorkspaceError::Missing(_) => StatusCode::NoSuchFile,
        WorkspaceError::Special(_) | WorkspaceError::ReadOnly { .. } => {
            StatusCode::PermissionDenied
        }
        WorkspaceError::Store(inside) => {
            tracing::error!(error = %inside, "a workspace cannot be read or written");
            return StatusCode::Failure.with_message("the host could not do it");
        }
        _ => StatusCode::Failure,
    };
    code.with_message(error.to_string())
}

#[path = "tests/hostile.rs"]
mod hostile;
#[path = "tests/shared.rs"]
mod shared;
#[path = "tests/trees.rs"]
mod trees;

use std::path::PathBuf;

use greenroom_actors::ids::derived;

use super::super::{Kind, WorkPath};
use super::*;

struct Home {
    outside: tempfile::TempDir,
    all: Workspaces,
    agent: AgentId,
}

impl Home {
    fn new(settings: WorkspaceSettings) -> Self {
        let outside = tempfile::tempdir().unwrap();
        let all = Workspaces::open(&outside.path().join("workspaces"), &settings).unwrap();
        Self { outside, all, agent: AgentId(derived("Ada")) }
    }

    fn small() -> Self {
        Self::new(WorkspaceSettings { max_bytes: 20, file_max_bytes: 10, entries_max: 4 })
    }

    fn workspace(&self) -> Workspace {
        self.all.free(self.agent)
    }

    fn folder(&self) -> PathBuf {
        self.outside.path().join("workspaces").join(self.agent.to_string())
    }

    async fn write(&self, path: &str, content: &str) -> Result<u64, String> {
        let written = self.workspace().write(at(path), content.into()).await;
        written.map(|written| written.size).map_err(|error| error.to_string())
    }

    async fn read(&self, path: &str) -> Result<String, String> {
        let part = self.workspace().read(at(path), 0, 100).await;
        part.map(|part| String::from_utf8(part.bytes).unwrap()).map_err(|error| error.to_string())
    }

    async fn names(&self) -> Vec<String> {
        let listing = self.workspace().list(WorkPath::HOME, 9, 100).await.unwrap();
        listing.entries.iter().map(|entry| entry.path.to_string()).collect()
    }

    fn spooled(&self) -> usize {
        self.outside.path().join("workspaces/.spool").read_dir().unwrap().count()
    }
}

fn at(path: &str) -> WorkPath {
    path.parse().unwrap()
}

#[tokio::test]
async fn what_is_written_is_read_listed_and_removed() {
    let home = Home::new(WorkspaceSettings::default());
    assert!(home.names().await.is_empty());
    let workspace = home.workspace();
    let written = workspace.write(at("notes/a.txt"), b"one".to_vec()).await.unwrap();
    assert_eq!((written.size, written.is_new), (3, true));
    assert_eq!(home.write("b.txt", "gone").await, Ok(4));
    let again = workspace.write(at("b.txt"), b"two".to_vec()).await.unwrap();
    assert_eq!((again.size, again.is_new), (3, false));
    let more = workspace.append(at("b.txt"), b", three".to_vec()).await.unwrap();
    assert_eq!((more.size, more.is_new), (10, false));
    assert_eq!(workspace.append(at("c.txt"), b"new".to_vec()).await.unwrap().size, 3);
    assert_eq!(home.read("b.txt").await.unwrap(), "two, three");
    let part = workspace.read(at("b.txt"), 5, 3).await.unwrap();
    assert_eq!((part.bytes.as_slice(), part.size), (&b"thr"[..], 10));
    assert!(workspace.read(at("b.txt"), 50, 3).await.unwrap().bytes.is_empty());
    workspace.make_folder(at("x/y")).await.unwrap();
    workspace.make_folder(at("x/y")).await.unwrap();
    assert_eq!(home.names().await, ["b.txt", "c.txt", "notes", "notes/a.txt", "x", "x/y"]);
    let about = workspace.about(at("notes/a.txt")).await.unwrap();
    assert_eq!((about.kind, about.bytes), (Kind::File, 3));
    assert!(about.changed_at.0 > 0);
    let cut = workspace.list(WorkPath::HOME, 0, 2).await.unwrap();
    assert_eq!((cut.entries.len(), cut.is_cut), (2, true));

    workspace.remove(at("b.txt"), false).await.unwrap();
    workspace.remove(at("x/y"), false).await.unwrap();
    let full = workspace.remove(at("notes"), false).await.unwrap_err();
    assert_eq!(full.to_string(), "the folder notes is not empty");
    workspace.remove(at("notes"), true).await.unwrap();
    assert_eq!(home.names().await, ["c.txt", "x"]);
    assert_eq!(home.spooled(), 0);

    home.all.forget(home.agent).await.unwrap();
    home.all.forget(home.agent).await.unwrap();
    assert!(!home.folder().exists() && home.spooled() == 0);
}

#[tokio::test]
async fn each_mistake_is_told() {
    let home = Home::new(WorkspaceSettings::default());
    home.write("folder/file", "x").await.unwrap();
    for (outcome, expected) in [
        (home.read("none").await.err(), "there is no none"),
        (home.read("none/none").await.err(), "there is no none/none"),
        (home.read("folder").await.err(), "folder is not a file"),
        (home.read(".").await.err(), ". is not a file"),
        (home.read("folder/file/x").await.err(), "folder/file is not a folder"),
        (home.write("folder", "x").await.err(), "folder is not a file"),
        (home.write("folder/file/x", "x").await.err(), "folder/file is not a folder"),
        (home.write(".", "x").await.err(), ". is not a file"),
    ] {
        assert_eq!(outcome.as_deref(), Some(expected));
    }
    let workspace = home.workspace();
    for (outcome, expected) in [
        (workspace.list(at("none"), 0, 1).await.map(drop), "there is no none"),
        (workspace.list(at("folder/file"), 0, 1).await.map(drop), "folder/file is not a folder"),
        (workspace.remove(at("none"), true).await.map(drop), "there is no none"),
        (
            workspace.remove(WorkPath::HOME, true).await.map(drop),
            "the path is the workspace itself",
        ),
        (workspace.make_folder(at("folder/file")).await, "folder/file is not a folder"),
    ] {
        assert_eq!(outcome.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn nothing_grows_beyond_its_bound() {
    let home = Home::small();
    let large = home.write("a", "0123456789x").await.unwrap_err();
    assert_eq!(large, "a file must not be larger than 10 bytes");
    home.write("a", "0123456789").await.unwrap();
    let grown = home.workspace().append(at("a"), b"x".to_vec()).await.unwrap_err();
    assert_eq!(grown.to_string(), "a file must not be larger than 10 bytes");
    home.write("b", "0123456789").await.unwrap();
    let full = home.write("c", "x").await.unwrap_err();
    assert_eq!(full, "the workspace is full: it must not hold more than 20 bytes");
    // In place of what is there it fits.
    home.write("b", "9876543210").await.unwrap();
    home.write("b", "").await.unwrap();
    home.write("c", "").await.unwrap();
    let many = "the workspace is full: it must not hold more than 4 files and folders";
    assert_eq!(home.write("d/e", "").await.unwrap_err(), many);
    assert_eq!(home.workspace().make_folder(at("d/e")).await.unwrap_err().to_string(), many);
    home.write("d", "").await.unwrap();
    assert_eq!(home.names().await, ["a", "b", "c", "d"]);
    assert_eq!(home.spooled(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_special_files_lead_nowhere() {
    use std::os::unix::fs::symlink;

    let home = Home::new(WorkspaceSettings::default());
    let secret = home.outside.path().join("secret.txt");
    std::fs::write(&secret, "secret").unwrap();
    home.write("real/file.txt", "kept").await.unwrap();
    let folder = home.folder();
    symlink(&secret, folder.join("file-out")).unwrap();
    symlink(home.outside.path(), folder.join("folder-out")).unwrap();
    symlink("../../secret.txt", folder.join("relative-out")).unwrap();
    symlink("real", folder.join("folder-in")).unwrap();
    symlink("real/file.txt", folder.join("file-in")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());
    for path in [
        "file-out",
        "folder-out/secret.txt",
        "relative-out",
        "folder-in/file.txt",
        "file-in",
        "socket",
    ] {
        let refused = home.read(path).await.unwrap_err();
        assert!(refused.ends_with("is a link or a special file"), "{path}: {refused}");
        assert!(home.write(path, "mine").await.is_err(), "{path}");
    }
    let workspace = home.workspace();
    assert!(workspace.list(at("folder-out"), 3, 100).await.is_err());
    let listing = workspace.list(WorkPath::HOME, 5, 100).await.unwrap();
    assert_eq!(listing.entries.len(), 8, "{listing:?}");
    // A link can be removed, and what it leads to stays.
    workspace.remove(at("folder-out"), true).await.unwrap();
    workspace.remove(at("file-out"), false).await.unwrap();
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    home.all.forget(home.agent).await.unwrap();
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");

    // Nor may the workspace itself be one.
    symlink(home.outside.path(), &folder).unwrap();
    assert!(home.read("secret.txt").await.is_err() && home.write("x", "x").await.is_err());
}

#[tokio::test]
async fn the_read_only_rule_binds_the_agent_and_nobody_else() {
    let home = Home::new(WorkspaceSettings::default());
    for path in ["src/main.py", "content/page.json", "old/notes.md", "old/deep/a.py"] {
        home.write(path, "x").await.unwrap();
    }
    let rule = ReadOnly { is_enabled: true, ..ReadOnly::default() };
    let bound = home.all.bound(home.agent, rule);
    let refused = |outcome: Result<(), WorkspaceError>| match outcome {
        Ok(()) => false,
        Err(WorkspaceError::ReadOnly { .. }) => true,
        Err(error) => panic!("{error}"),
    };
    for (path, expected) in [
        ("src/main.py", true),
        ("src/x/../main.py", true),
        ("content/new.json", false),
        ("a.md", false),
    ] {
        let written = bound.write(at(path), b"y".to_vec()).await.map(drop);
        assert_eq!(refused(written), expected, "{path}");
        let appended = bound.append(at(path), b"y".to_vec()).await.map(drop);
        assert_eq!(refused(appended), expected, "{path}");
    }
    assert!(refused(bound.remove(at("src/main.py"), false).await.map(drop)));
    // What a folder holds counts as well.
    assert!(refused(bound.remove(at("old"), true).await.map(drop)));
    assert!(refused(bound.make_folder(at("sub/Makefile")).await));
    assert_eq!(home.read("src/main.py").await.unwrap(), "x");
    bound.read(at("src/main.py"), 0, 9).await.unwrap();
    home.workspace().remove(at("old"), true).await.unwrap();
    home.write("src/main.py", "z").await.unwrap();
}

#[tokio::test]
async fn what_was_being_written_when_the_host_ended_is_gone() {
    let home = Home::new(WorkspaceSettings::default());
    home.write("a", "kept").await.unwrap();
    let folder = home.outside.path().join("workspaces");
    std::fs::write(folder.join(".spool/half"), "ha").unwrap();
    let all = Workspaces::open(&folder, &WorkspaceSettings::default()).unwrap();
    assert_eq!(home.spooled(), 0);
    assert_eq!(all.free(home.agent).read(at("a"), 0, 9).await.unwrap().bytes, b"kept");
}

#[tokio::test]
async fn two_that_append_at_once_both_count() {
    let home = Home::new(WorkspaceSettings::default());
    let appends = (0..32).map(|_| {
        let workspace = home.workspace();
        async move { workspace.append(at("log"), b"line\n".to_vec()).await.unwrap() }
    });
    futures::future::join_all(appends).await;
    assert_eq!(home.read("log").await.unwrap().len(), 100);
    assert_eq!(home.workspace().about(at("log")).await.unwrap().bytes, 32 * 5);
}

#[tokio::test]
async fn nothing_is_written_for_whoever_is_gone() {
    let home = Home::new(WorkspaceSettings::default());
    home.write("a", "x").await.unwrap();
    // Its turn is held, so that the write cannot come before the asker leaves.
    let turn = home.all.inner.turn(home.agent);
    let workspace = home.workspace();
    let mut writing = Box::pin(workspace.write(at("a"), b"y".to_vec()));
    assert!(futures::poll!(&mut writing).is_pending());
    drop(writing);
    drop(turn);
    // Whoever comes now waits until that turn is over; either order leaves the first content.
    let threads = u32::try_from(THREADS_MAX).unwrap();
    drop(home.all.inner.threads.acquire_many(threads).await.unwrap());
    assert_eq!(home.read("a").await.unwrap(), "x");
    assert_eq!(home.spooled(), 0);
}

//! Folders that agents share.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use super::*;
use crate::workspace::{Content, Sharing, View, WorkspaceError};

const VIEW: View = View { shows_hidden: true, nodes_max: 1000, depth_max: 64 };

struct Two {
    home: Home,
    source: AgentId,
}

impl Two {
    /// An agent that sees the folder of another.
    async fn new() -> Self {
        let two = Self::apart(WorkspaceSettings::default());
        let exposing = Sharing { exposes: true, ..Sharing::default() };
        two.home.all.share(two.source, exposing).await.unwrap();
        two.home.all.share(two.home.agent, two.seeing("bob")).await.unwrap();
        two
    }

    fn apart(settings: WorkspaceSettings) -> Self {
        Self { home: Home::new(settings), source: AgentId(derived("Bob")) }
    }

    fn seeing(&self, name: &str) -> Sharing {
        Sharing { exposes: false, sources: BTreeMap::from([(name.to_owned(), self.source)]) }
    }

    fn bob(&self) -> Workspace {
        self.home.all.free(self.source)
    }
}

#[tokio::test]
async fn what_is_shared_is_read_and_written_by_both() {
    let two = Two::new().await;
    let (ada, bob) = (two.home.workspace(), two.bob());
    bob.write(at("private"), b"no".to_vec()).await.unwrap();
    bob.write(at("shared-out/a.txt"), b"from bob".to_vec()).await.unwrap();
    let read = two.home.read("shared-in/bob/a.txt").await.unwrap();
    assert_eq!(read, "from bob");
    ada.write(at("shared-in/bob/deep/b.txt"), b"from ada".to_vec()).await.unwrap();
    ada.append(at("shared-in/bob/a.txt"), b", and ada".to_vec()).await.unwrap();
    ada.make_folder(at("shared-in/bob/folder")).await.unwrap();
    let part = bob.read(at("shared-out/deep/b.txt"), 0, 99).await.unwrap();
    assert_eq!(part.bytes, b"from ada");
    assert_eq!(ada.open(at("shared-in/bob/a.txt"), 99).await.unwrap().size, 17);
    // It is seen in lists and trees, under the names that it has here.
    let expected = [
        "shared-in",
        "shared-in/bob",
        "shared-in/bob/a.txt",
        "shared-in/bob/deep",
        "shared-in/bob/deep/b.txt",
        "shared-in/bob/folder",
    ];
    assert_eq!(two.home.names().await, expected);
    let tree = ada.tree(WorkPath::HOME, VIEW).await.unwrap();
    assert_eq!((tree.files, tree.is_cut), (2, false));
    let Content::Folder { nodes, .. } = &tree.nodes.first().unwrap().content else { panic!() };
    assert_eq!(nodes.first().unwrap().path, at("shared-in/bob"));
    assert_eq!(ada.tree(at("shared-in/bob"), VIEW).await.unwrap().files, 2);
    assert_eq!(ada.about(at("shared-in/bob")).await.unwrap().kind, Kind::Folder);
    // Programs that run here see it too.
    let link = two.home.folder().join("shared-in/bob/a.txt");
    assert_eq!(std::fs::read_to_string(link).unwrap(), "from bob, and ada");
    // What travels with an agent is its own.
    let own = two.home.all.own(two.home.agent).list(WorkPath::HOME, 9, 99).await.unwrap();
    assert!(own.entries.iter().all(|entry| entry.kind != Kind::File));
    // Nothing leads beside it.
    for path in ["shared-in/bob/../private", "shared-in/bob/private", "shared-in/Bob/a.txt"] {
        assert!(two.home.read(path).await.is_err(), "{path}");
    }
    ada.remove(at("shared-in/bob/deep"), true).await.unwrap();
    assert!(bob.about(at("shared-out/deep")).await.is_err());
}

#[tokio::test]
async fn what_sharing_is_made_of_stays_and_ends_with_it() {
    let two = Two::new().await;
    let (ada, bob) = (two.home.workspace(), two.bob());
    let shared = |error: WorkspaceError| matches!(error, WorkspaceError::Shared(_));
    assert!(shared(ada.remove(at("shared-in/bob"), true).await.unwrap_err()));
    assert!(shared(ada.remove(at("shared-in"), true).await.unwrap_err()));
    assert!(shared(bob.remove(at("shared-out"), true).await.unwrap_err()));
    assert!(ada.write(at("shared-in/bob"), Vec::new()).await.is_err());
    assert!(shared(ada.rename(at("shared-in"), at("x"), true).await.unwrap_err()));
    assert!(shared(ada.rename(at("shared-in/bob"), at("x"), true).await.unwrap_err()));
    assert!(shared(bob.rename(at("shared-out"), at("x"), true).await.unwrap_err()));
    ada.write(at("own/a"), b"x".to_vec()).await.unwrap();
    assert!(shared(ada.rename(at("own"), at("shared-in/bob/own"), true).await.unwrap_err()));
    ada.rename(at("own/a"), at("shared-in/bob/moved"), false).await.unwrap();
    assert_eq!(two.home.read("shared-in/bob/moved").await.unwrap(), "x");
    ada.remove(at("own"), true).await.unwrap();
    bob.write(at("shared-out/a"), b"x".to_vec()).await.unwrap();

    // Taken up anew without the disk, as after a start of the host.
    let again = Workspaces::open(
        &two.home.outside.path().join("workspaces"),
        &WorkspaceSettings::default(),
    );
    let again = again.unwrap();
    let before = again.free(two.home.agent).read(at("shared-in/bob/a"), 0, 9).await;
    assert!(matches!(before, Err(WorkspaceError::Special(_))));
    again.recall(two.home.agent, two.seeing("bob"));
    again.free(two.home.agent).read(at("shared-in/bob/a"), 0, 9).await.unwrap();

    // Under another name, and then not at all.
    two.home.all.share(two.home.agent, two.seeing("robert")).await.unwrap();
    assert!(two.home.read("shared-in/bob/a").await.is_err());
    assert_eq!(two.home.read("shared-in/robert/a").await.unwrap(), "x");
    two.home.all.share(two.home.agent, Sharing::default()).await.unwrap();
    assert_eq!(two.home.names().await, ["shared-in"]);
    assert!(two.home.all.sharing(two.home.agent).is_none());
    ada.remove(at("shared-in"), true).await.unwrap();
    bob.read(at("shared-out/a"), 0, 9).await.unwrap();
}

#[tokio::test]
async fn the_source_bears_what_is_written_into_its_folder_and_takes_it_along() {
    let settings = WorkspaceSettings { max_bytes: 10, file_max_bytes: 10, entries_max: 5 };
    let two = Two::apart(settings);
    let exposing = Sharing { exposes: true, ..Sharing::default() };
    two.home.all.share(two.source, exposing).await.unwrap();
    two.home.all.share(two.home.agent, two.seeing("bob")).await.unwrap();
    two.home.write("mine", "0123456789").await.unwrap();
    two.home.write("shared-in/bob/a", "0123456").await.unwrap();
    assert!(two.home.write("shared-in/bob/b", "0123").await.is_err());
    let moved = two.home.workspace().rename(at("mine"), at("shared-in/bob/b"), false).await;
    assert!(matches!(moved, Err(WorkspaceError::Full { .. })));
    assert!(two.home.write("more", "0").await.is_err());
    two.home.all.forget(two.source).await.unwrap();
    let ada = two.home.workspace();
    for missing in [
        ada.read(at("shared-in/bob/a"), 0, 9).await.map(drop),
        ada.write(at("shared-in/bob/a"), Vec::new()).await.map(drop),
        ada.tree(at("shared-in/bob"), VIEW).await.map(drop),
    ] {
        assert!(matches!(missing, Err(WorkspaceError::Missing(_))), "{missing:?}");
    }
    assert_eq!(ada.tree(WorkPath::HOME, VIEW).await.unwrap().files, 1);
}

#[tokio::test]
async fn no_link_that_somebody_made_is_taken_for_a_shared_folder() {
    let two = Two::apart(WorkspaceSettings::default());
    let bob = two.bob();
    bob.write(at("private"), b"no".to_vec()).await.unwrap();
    bob.write(at("shared-out/a"), b"x".to_vec()).await.unwrap();
    two.home.write("shared-in/mine", "own").await.unwrap();
    let shared = two.home.folder().join("shared-in");
    for (name, to) in [
        ("bob", format!("../../{}/shared-out", two.source)),
        ("all", format!("../../{}", two.source)),
        ("etc", "/etc".to_owned()),
    ] {
        symlink(to, shared.join(name)).unwrap();
        let found = two.home.workspace().tree(at(&format!("shared-in/{name}")), VIEW).await;
        assert!(matches!(found, Err(WorkspaceError::Special(_))), "{name}");
    }
    // Sharing clears them, and keeps what is the agent's own.
    two.home.all.share(two.source, Sharing { exposes: true, ..Sharing::default() }).await.unwrap();
    two.home.all.share(two.home.agent, two.seeing("bob")).await.unwrap();
    assert_eq!(
        two.home.names().await,
        ["shared-in", "shared-in/bob", "shared-in/bob/a", "shared-in/mine",]
    );
    // Turned elsewhere afterwards, it leads where the table says all the same.
    std::fs::remove_file(shared.join("bob")).unwrap();
    symlink(format!("../../{}", two.source), shared.join("bob")).unwrap();
    assert!(two.home.read("shared-in/bob/private").await.is_err());
    assert_eq!(two.home.read("shared-in/bob/a").await.unwrap(), "x");
    // Nor does what the other put in the place of its folder.
    let folder = two.home.outside.path().join("workspaces").join(two.source.to_string());
    std::fs::rename(folder.join("shared-out"), folder.join("aside")).unwrap();
    symlink("/etc", folder.join("shared-out")).unwrap();
    assert!(two.home.read("shared-in/bob/passwd").await.is_err());
    assert!(two.home.write("shared-in/bob/x", "x").await.is_err());
    // Nobody sees itself, and no name of a source leads elsewhere.
    let mut strange = two.seeing("..");
    strange.sources.extend([("a/b".to_owned(), two.source), ("me".to_owned(), two.home.agent)]);
    two.home.all.recall(two.home.agent, strange);
    assert!(two.home.all.sharing(two.home.agent).is_none());
}

#[tokio::test]
async fn the_read_only_rule_holds_in_shared_folders_too() {
    let two = Two::new().await;
    two.bob().write(at("shared-out/main.py"), b"x".to_vec()).await.unwrap();
    two.bob().write(at("shared-out/content/page.json"), b"x".to_vec()).await.unwrap();
    let rule = ReadOnly { is_enabled: true, ..ReadOnly::default() };
    let bound = two.home.all.bound(two.home.agent, rule);
    for path in [
        "shared-in/bob/main.py",
        "./shared-in//bob/x/../main.py",
        "content/../shared-in/bob/main.py",
        "shared-in/bob/content/page.json",
    ] {
        for refused in [
            bound.write(at(path), b"y".to_vec()).await.map(drop),
            bound.append(at(path), b"y".to_vec()).await.map(drop),
            bound.remove(at(path), false).await.map(drop),
        ] {
            assert!(matches!(refused, Err(WorkspaceError::ReadOnly { .. })), "{path}");
        }
    }
    let all = bound.remove(at("shared-in/bob/content"), true).await;
    assert!(matches!(all, Err(WorkspaceError::ReadOnly { .. })));
    bound.write(at("shared-in/bob/notes.txt"), b"y".to_vec()).await.unwrap();
    two.home.write("shared-in/bob/main.py", "y").await.unwrap();
}

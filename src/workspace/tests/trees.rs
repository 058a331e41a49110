//! Looking through workspaces, large files, and what is there at the beginning.

use std::io::Read;

use super::*;
use crate::workspace::{Content, Filled, Layout, Node, View, WorkspaceError};

const ALL: View = View { shows_hidden: true, nodes_max: 100, depth_max: 64 };

fn shown(nodes: &[Node]) -> Vec<String> {
    let mut lines = Vec::new();
    for node in nodes {
        match &node.content {
            Content::File { bytes } => lines.push(format!("{} {bytes}", node.path)),
            Content::Folder { nodes, files } => {
                lines.push(format!("{}/ {files}", node.path));
                lines.extend(shown(nodes));
            }
        }
    }
    lines
}

async fn tree(home: &Home, path: &str, view: View) -> (Vec<String>, u64, bool) {
    let tree = home.workspace().tree(at(path), view).await.unwrap();
    (shown(&tree.nodes), tree.files, tree.is_cut)
}

#[tokio::test]
async fn a_tree_has_folders_first_and_counts_what_it_shows() {
    let home = Home::new(WorkspaceSettings::default());
    assert_eq!(tree(&home, ".", ALL).await, (Vec::new(), 0, false));
    for path in ["b.txt", "A.txt", "a.txt", "zoo/x", "Yard/deep/one", "Yard/two", ".env", ".c/d"] {
        home.write(path, "123").await.unwrap();
    }
    let open = View { shows_hidden: false, ..ALL };
    let lines = [
        "Yard/ 2",
        "Yard/deep/ 1",
        "Yard/deep/one 3",
        "Yard/two 3",
        "zoo/ 1",
        "zoo/x 3",
        "A.txt 3",
        "a.txt 3",
        "b.txt 3",
    ];
    assert_eq!(tree(&home, ".", open).await, (lines.map(str::to_owned).to_vec(), 6, false));
    let (lines, files, _) = tree(&home, ".", ALL).await;
    assert_eq!((lines.len(), files), (12, 8));
    assert_eq!(tree(&home, "Yard/deep", open).await.0, ["Yard/deep/one 3"]);
    // Of what does not fit, the upper part is shown.
    let (lines, _, is_cut) = tree(&home, ".", View { nodes_max: 5, ..open }).await;
    assert_eq!((lines.len(), is_cut), (5, true));
    assert!(
        lines.iter().all(|line| !line.trim_end_matches(['/', ' ', '2', '1', '0']).contains('/'))
    );
    let flat = View { depth_max: 1, ..open };
    let lines = ["Yard/ 0", "zoo/ 0", "A.txt 3", "a.txt 3", "b.txt 3"];
    assert_eq!(tree(&home, ".", flat).await, (lines.map(str::to_owned).to_vec(), 3, true));
    let exact = View { nodes_max: 9, depth_max: 3, ..open };
    assert!(!tree(&home, ".", exact).await.2);
    let workspace = home.workspace();
    let missing = workspace.tree(at("none"), ALL).await;
    assert!(matches!(missing, Err(WorkspaceError::Missing(_))));
    let file = workspace.tree(at("a.txt"), ALL).await;
    assert!(matches!(file, Err(WorkspaceError::NotAFolder(_))));
    let removed = workspace.remove(at("Yard"), true).await.unwrap();
    assert_eq!((removed.kind, removed.entries), (Kind::Folder, 3));
    let removed = workspace.remove(at("a.txt"), true).await.unwrap();
    assert_eq!((removed.kind, removed.entries), (Kind::File, 0));
}

#[cfg(unix)]
#[tokio::test]
async fn a_tree_leaves_out_what_no_path_leads_to() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let home = Home::new(WorkspaceSettings::default());
    home.write("plain", "x").await.unwrap();
    let folder = home.folder();
    for name in [&b"new\nline"[..], b"back\\slash", b"not\xffutf8", b"..\\..\\x", b"bell\x07"] {
        std::fs::write(folder.join(OsStr::from_bytes(name)), "x").unwrap();
    }
    std::fs::write(folder.join("..."), "x").unwrap();
    std::fs::hard_link(folder.join("plain"), folder.join("same")).unwrap();
    symlink(".", folder.join("loop")).unwrap();
    symlink("/etc", folder.join("etc")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());
    assert_eq!(tree(&home, ".", ALL).await.0, ["... 1", "plain 1", "same 1"]);
    // What is written under one name of a file is not seen under another.
    home.write("same", "yy").await.unwrap();
    assert_eq!(home.read("plain").await.unwrap(), "x");
}

#[tokio::test]
async fn a_large_file_is_opened_and_looked_through() {
    let home = Home::new(WorkspaceSettings::default());
    let workspace = home.workspace();
    let text = "grüße ".repeat(50_000);
    home.workspace().write(at("text"), text.clone().into()).await.unwrap();
    workspace.write(at("bytes"), vec![0xff; 70_000]).await.unwrap();
    let mut opened = workspace.open(at("text"), 1_000_000).await.unwrap();
    let mut read = String::new();
    opened.file.read_to_string(&mut read).unwrap();
    assert!(opened.is_text && read == text && opened.changed_at.0 > 0);
    assert!(!workspace.open(at("bytes"), 70_000).await.unwrap().is_text);
    let large = workspace.open(at("bytes"), 69_999).await;
    assert!(matches!(large, Err(WorkspaceError::TooLarge { limit: 69_999 })));
    for path in [".", "none"] {
        assert!(workspace.open(at(path), 1).await.is_err());
    }
    // Open already, it is read to its end whatever becomes of its name.
    let mut opened = workspace.open(at("text"), 1_000_000).await.unwrap();
    home.write("text", "else").await.unwrap();
    workspace.remove(at("text"), false).await.unwrap();
    assert_eq!(opened.file.read_to_end(&mut Vec::new()).unwrap(), text.len());
}

const LAYOUT: Layout = Layout {
    folders: &["made", ".state"],
    files: &[("made/a.txt", "a"), (".state/done.yaml", "b")],
};

#[tokio::test]
async fn a_workspace_begins_with_its_layout() {
    let home = Home::new(WorkspaceSettings::default());
    let expected = [".state", ".state/done.yaml", "made", "made/a.txt"];
    home.workspace().lay_out(LAYOUT).await.unwrap();
    assert_eq!((home.names().await, home.spooled()), (expected.map(str::to_owned).to_vec(), 0));
    // What is missing is made, what is there stays.
    home.write("made/a.txt", "mine").await.unwrap();
    home.workspace().remove(at(".state"), true).await.unwrap();
    home.workspace().lay_out(LAYOUT).await.unwrap();
    assert_eq!(home.names().await, expected);
    assert_eq!(home.read("made/a.txt").await.unwrap(), "mine");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_is_copied_without_its_links_and_goes_on_where_it_stopped() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let home = Home::new(WorkspaceSettings { entries_max: 6, ..WorkspaceSettings::default() });
    let from = home.outside.path().join("template");
    std::fs::create_dir_all(from.join("deep/er")).unwrap();
    std::fs::create_dir_all(from.join(".git")).unwrap();
    for (name, content) in [("a", "1"), ("deep/b", "2"), ("deep/er/run.sh", "3"), (".git/c", "4")] {
        std::fs::write(from.join(name), content).unwrap();
    }
    let program = std::fs::Permissions::from_mode(0o744);
    std::fs::set_permissions(from.join("deep/er/run.sh"), program).unwrap();
    symlink("/etc/passwd", from.join("out")).unwrap();
    symlink("/etc", from.join("deep/etc")).unwrap();
    let open = || Dir::open_ambient_dir(&from, ambient_authority()).unwrap();
    // As a copy left it that was cut short.
    home.write("a", "mine").await.unwrap();
    let fill = || async { home.workspace().fill(open(), &[".git"]).await };
    assert_eq!(fill().await.unwrap(), Filled { files: 2, left_out: 2 });
    assert_eq!(home.names().await, ["a", "deep", "deep/b", "deep/er", "deep/er/run.sh"]);
    assert_eq!(home.read("a").await.unwrap(), "mine");
    let mode = home.folder().join("deep/er/run.sh").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
    assert_eq!(fill().await.unwrap(), Filled { files: 0, left_out: 2 });
    std::fs::write(from.join("b"), "5").unwrap();
    std::fs::write(from.join("c"), "6").unwrap();
    let full = fill().await;
    assert!(matches!(full, Err(WorkspaceError::Full { what: "files and folders", limit: 6 })));
}

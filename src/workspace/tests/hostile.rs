//! File systems that somebody made to lead astray.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::workspace::{View, WorkspaceError};

const VIEW: View = View { shows_hidden: true, nodes_max: 1000, depth_max: 64 };

#[tokio::test]
async fn no_link_leads_anywhere_for_any_of_the_ways_in() {
    let home = Home::new(WorkspaceSettings::default());
    let secret = home.outside.path().join("secret.txt");
    std::fs::write(&secret, "secret").unwrap();
    home.write("real/in.txt", "in").await.unwrap();
    let folder = home.folder();
    for (to, name) in [
        ("/etc/passwd", "absolute"),
        ("../../secret.txt", "up"),
        ("../../../../../../../../etc/passwd", "far-up"),
        ("up", "chain"),
        ("chain", "chain-of-chain"),
        ("self", "self"),
        ("ring-b", "ring-a"),
        ("ring-a", "ring-b"),
        ("real/../../../secret.txt", "through"),
        ("/proc/self/root/etc/passwd", "proc"),
        ("nothing", "dangling"),
        ("real/in.txt", "within"),
    ] {
        symlink(to, folder.join(name)).unwrap();
        let workspace = home.workspace();
        let special = |error: WorkspaceError| matches!(error, WorkspaceError::Special(_));
        assert!(special(workspace.read(at(name), 0, 9).await.unwrap_err()), "{name}");
        assert!(special(workspace.open(at(name), 9).await.unwrap_err()), "{name}");
        assert!(special(workspace.write(at(name), b"x".to_vec()).await.unwrap_err()), "{name}");
        assert!(special(workspace.append(at(name), b"x".to_vec()).await.unwrap_err()), "{name}");
        assert!(special(workspace.tree(at(name), VIEW).await.unwrap_err()), "{name}");
        let below = at(&format!("{name}/x"));
        assert!(special(workspace.read(below.clone(), 0, 9).await.unwrap_err()), "{name}");
        assert!(special(workspace.write(below.clone(), Vec::new()).await.unwrap_err()), "{name}");
        assert!(special(workspace.make_folder(below.clone()).await.unwrap_err()), "{name}");
        assert!(special(workspace.remove(below, true).await.unwrap_err()), "{name}");
    }
    let tree = home.workspace().tree(WorkPath::HOME, VIEW).await.unwrap();
    assert_eq!((tree.nodes.len(), tree.files), (1, 1));
    home.workspace().remove(at("chain"), true).await.unwrap();
    home.all.forget(home.agent).await.unwrap();
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
}

#[tokio::test]
async fn pipes_and_devices_are_not_waited_for() {
    let home = Home::new(WorkspaceSettings::default());
    home.write("a", "x").await.unwrap();
    let pipe = home.folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink("/dev/zero", home.folder().join("zero")).unwrap();
    for name in ["pipe", "zero"] {
        let opened = home.workspace().open(at(name), 9).await;
        assert!(matches!(opened, Err(WorkspaceError::Special(_))), "{name}");
    }
    // Also where it came in place of a file that was looked at.
    let folder = Dir::open_ambient_dir(home.folder(), ambient_authority()).unwrap();
    for name in ["pipe", "zero"] {
        let error = crate::workspace::opening::file(&folder, name).unwrap_err();
        assert!(crate::workspace::opening::is_replaced(&error), "{name}: {error}");
    }
    let error = crate::workspace::opening::folder(&folder, "zero").map(drop).unwrap_err();
    assert!(crate::workspace::opening::is_replaced(&error), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn swapping_a_folder_and_a_link_all_the_time_lets_nothing_out() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    let home = Home::new(WorkspaceSettings::default());
    let outside = home.outside.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f"), "secret").unwrap();
    std::fs::write(outside.join("only-outside"), "secret").unwrap();
    home.write("swap/f", "mine").await.unwrap();
    symlink(&outside, home.folder().join("link")).unwrap();
    let (one, other) = (home.folder().join("swap"), home.folder().join("link"));
    let is_over = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        }
    });
    let workspace = home.workspace();
    for _ in 0..300 {
        if let Ok(part) = workspace.read(at("swap/f"), 0, 9).await {
            assert_eq!(part.bytes, b"mine");
        }
        if let Ok(tree) = workspace.tree(at("swap"), VIEW).await {
            assert!(tree.nodes.iter().all(|node| node.name != "only-outside"));
        }
        if let Ok(listing) = workspace.list(WorkPath::HOME, 9, 100).await {
            assert!(listing.entries.iter().all(|one| one.path.name() != Some("only-outside")));
        }
        // Whatever it says: outside, nothing comes of it.
        drop(workspace.write(at("swap/new"), b"x".to_vec()).await);
        drop(workspace.remove(at("swap/new"), true).await);
    }
    is_over.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    let names = outside.read_dir().unwrap().map(|one| one.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["f", "only-outside"]);
    assert_eq!(std::fs::read_to_string(outside.join("f")).unwrap(), "secret");
}

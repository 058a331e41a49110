//! Files by `sftp`: what can be done in a workspace, and what not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use russh_sftp::client::SftpSession;
use russh_sftp::protocol::{FileAttributes, OpenFlags};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::bench::{Bench, Client};

/// A client, what it is connected by, and where the workspace is.
async fn sftp(bench: &Bench) -> (SftpSession, Client, PathBuf) {
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let client = Client::login(port, "developer", &password).await.unwrap();
    (client.sftp().await, client, bench.workspace(ada))
}

async fn names(sftp: &SftpSession, path: &str) -> Vec<String> {
    let mut names: Vec<_> =
        sftp.read_dir(path).await.unwrap().map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

async fn put(sftp: &SftpSession, path: &str, content: &[u8]) -> Result<(), String> {
    let mut file = sftp.create(path).await.map_err(|error| error.to_string())?;
    file.write_all(content).await.map_err(|error| error.to_string())?;
    file.close().await.map_err(|error| error.to_string())
}

#[actix::test]
async fn files_are_written_read_listed_moved_and_removed() {
    let bench = Bench::new().await;
    let (sftp, _client, folder) = sftp(&bench).await;
    assert_eq!(sftp.canonicalize(".").await.unwrap(), "/home/developer");
    assert!(names(&sftp, ".").await.is_empty());
    let large: Vec<u8> = (0..300_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    sftp.create_dir("notes").await.unwrap();
    assert!(sftp.create_dir("notes").await.is_err());
    assert!(sftp.create_dir("no/where").await.is_err());
    put(&sftp, "/home/developer/notes/large.bin", &large).await.unwrap();
    assert_eq!(fs::read(folder.join("notes/large.bin")).unwrap(), large);
    assert_eq!(sftp.read("notes/large.bin").await.unwrap(), large);
    let about = sftp.metadata("notes/large.bin").await.unwrap();
    assert_eq!((about.len(), about.is_dir()), (300_000, false));
    assert!(about.mtime.unwrap() > 0);
    // In place, behind, and anew.
    let mut file = sftp.open_with_flags("notes/large.bin", OpenFlags::WRITE).await.unwrap();
    file.seek(std::io::SeekFrom::Start(10)).await.unwrap();
    file.write_all(b"hello").await.unwrap();
    file.close().await.unwrap();
    assert_eq!(&fs::read(folder.join("notes/large.bin")).unwrap()[9..16], b"\x09hello\x0f");
    let flags = OpenFlags::WRITE | OpenFlags::APPEND;
    let mut file = sftp.open_with_flags("notes/large.bin", flags).await.unwrap();
    file.write_all(b"end").await.unwrap();
    file.close().await.unwrap();
    assert!(fs::read(folder.join("notes/large.bin")).unwrap().ends_with(b"end"));
    put(&sftp, "notes/large.bin", b"short").await.unwrap();
    assert_eq!(fs::read(folder.join("notes/large.bin")).unwrap(), b"short");
    let exclusive = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUDE;
    assert!(sftp.open_with_flags("notes/large.bin", exclusive).await.is_err());
    assert!(sftp.open_with_flags("none", OpenFlags::WRITE).await.is_err());
    sftp.rename("notes/large.bin", "b.txt").await.unwrap();
    put(&sftp, "c.txt", b"c").await.unwrap();
    assert!(sftp.rename("b.txt", "c.txt").await.is_err());
    assert!(sftp.rename("notes", "notes/below").await.is_err());
    sftp.rename("notes", "papers").await.unwrap();
    assert_eq!(names(&sftp, "/home/developer").await, ["b.txt", "c.txt", "papers"]);
    let size = FileAttributes { size: Some(2), mtime: Some(1_000_000), ..FileAttributes::empty() };
    sftp.set_metadata("b.txt", size).await.unwrap();
    assert_eq!(fs::read(folder.join("b.txt")).unwrap(), b"sh");
    assert_eq!(sftp.metadata("b.txt").await.unwrap().mtime, Some(1_000_000));
    let mode = FileAttributes { permissions: Some(0o777), ..FileAttributes::empty() };
    sftp.set_metadata("b.txt", mode).await.unwrap();
    assert!(sftp.remove_dir("b.txt").await.is_err());
    assert!(sftp.remove_file("papers").await.is_err());
    sftp.remove_file("b.txt").await.unwrap();
    put(&sftp, "papers/x", b"").await.unwrap();
    assert!(sftp.remove_dir("papers").await.is_err());
    sftp.remove_file("papers/x").await.unwrap();
    sftp.remove_dir("papers").await.unwrap();
    assert_eq!(names(&sftp, ".").await, ["c.txt"]);
}

#[actix::test]
async fn nothing_outside_the_workspace_is_reached() {
    let bench = Bench::new().await;
    let (sftp, _client, folder) = sftp(&bench).await;
    put(&sftp, "mine", b"mine").await.unwrap();
    let secret = bench.folder.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, folder.join("file-out")).unwrap();
    symlink(bench.folder.path(), folder.join("folder-out")).unwrap();
    symlink("mine", folder.join("file-in")).unwrap();
    for path in [
        "../../../../etc/passwd",
        "/etc/passwd",
        "../../secret.txt",
        "../secret.txt",
        "/home/developer/../../etc/passwd",
        "file-out",
        "folder-out/secret.txt",
        "file-in",
        "mine\0",
    ] {
        assert!(sftp.read(path).await.is_err(), "{path}");
        assert!(put(&sftp, path, b"theirs").await.is_err(), "{path}");
        assert!(sftp.metadata(path).await.is_err(), "{path}");
        assert!(sftp.rename("mine", path).await.is_err(), "{path}");
    }
    for path in ["folder-out", "/etc", "../../..", "/home/other"] {
        let listed = sftp.read_dir(path).await;
        let listed = listed.map(|names| names.map(|it| it.file_name()).collect::<Vec<_>>());
        assert!(listed.is_err() || listed.as_ref().is_ok_and(|it| it == &["home"]), "{listed:?}");
    }
    assert!(sftp.create_dir("/tmp/x").await.is_err());
    assert!(sftp.create_dir("../x").await.is_err());
    assert!(sftp.create_dir("folder-out/x").await.is_err());
    assert!(sftp.symlink("link", "/etc/passwd").await.is_err());
    assert!(sftp.read_link("file-out").await.is_err());
    assert!(sftp.symlink_metadata("file-out").await.unwrap().file_type().is_symlink());
    // A link may be removed, and what it leads to stays.
    sftp.remove_file("file-out").await.unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(fs::read_to_string(folder.join("mine")).unwrap(), "mine");
    assert_eq!(names(&sftp, "/").await, ["home"]);
    assert_eq!(names(&sftp, "/home").await, ["developer"]);
}

#[actix::test]
async fn what_was_not_closed_and_what_is_too_large_is_not_there() {
    let bench = Bench::new().await;
    let (sftp, client, folder) = sftp(&bench).await;
    put(&sftp, "kept", b"before").await.unwrap();
    let too_large = put(&sftp, "large", &vec![0; 1024 * 1024 + 1]).await;
    assert!(too_large.is_err());
    assert!(!folder.join("large").exists());
    let mut half = sftp.open_with_flags("kept", OpenFlags::WRITE | OpenFlags::READ).await.unwrap();
    half.write_all(b"half").await.unwrap();
    let mut read = String::new();
    half.rewind().await.unwrap();
    half.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "halfre");
    let mut open = Vec::new();
    while let Ok(file) = sftp.create(format!("new{}", open.len())).await {
        open.push(file);
        assert!(open.len() < 50);
    }
    assert!(open.len() >= 4);
    client.0.disconnect(russh::Disconnect::ByApplication, "", "").await.unwrap();
    drop((half, open, sftp));
    let spool = bench.folder.path().join("workspaces/.spool");
    crate::support::until("what was not closed is gone", async || {
        (fs::read_dir(&spool).unwrap().count() == 0).then_some(())
    })
    .await;
    assert_eq!(fs::read_to_string(folder.join("kept")).unwrap(), "before");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

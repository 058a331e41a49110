//! The clients that people have: `ssh`, `sftp` and `scp` of OpenSSH, and `sshpass`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Output, Stdio};

use greenroom::ssh::Means;
use russh::keys::ssh_key::LineEnding;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::bench::{Bench, key};
use crate::support::{PATIENCE, needs};

/// What has to be there for it.
const PROGRAMS: [(&str, &str); 4] = [
    ("ssh", "openssh-client"),
    ("sftp", "openssh-client"),
    ("scp", "openssh-client"),
    ("sshpass", "sshpass"),
];

/// Has them ask nothing and remember nothing.
const OPTIONS: [&str; 8] = [
    "-oStrictHostKeyChecking=no",
    "-oUserKnownHostsFile=/dev/null",
    "-oGlobalKnownHostsFile=/dev/null",
    "-oLogLevel=ERROR",
    "-oConnectTimeout=30",
    "-oIdentityAgent=none",
    "-oNumberOfPasswordPrompts=1",
    "-F/dev/null",
];

struct Programs {
    folder: tempfile::TempDir,
    port: u16,
    /// The password, or else a file with the private key.
    password: Option<String>,
}

impl Programs {
    async fn run(&self, program: &str, arguments: &[&str], typed: &str) -> Output {
        let port = self.port.to_string();
        let port_flag = if program == "ssh" { "-p" } else { "-P" };
        let mut command = match &self.password {
            Some(password) => {
                let mut command = Command::new("sshpass");
                command.args(["-p", password, program]).arg("-oPubkeyAuthentication=no");
                command
            }
            None => {
                let mut command = Command::new(program);
                command.args(["-i", "key", "-oBatchMode=yes", "-oIdentitiesOnly=yes"]);
                command
            }
        };
        command.args(OPTIONS).args([port_flag, &port]).args(arguments);
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(typed.as_bytes()).await.unwrap();
        drop(input);
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
    }

    async fn ssh(&self, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
        let all = [&["developer@127.0.0.1"], arguments].concat();
        let output = self.run("ssh", &all, typed).await;
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs commands of `sftp`; one that fails ends it.
    async fn sftp(&self, commands: &str) -> (bool, String) {
        // Not `-b`: that would forbid to ask for a password.
        let output = self.run("sftp", &["developer@127.0.0.1"], commands).await;
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

#[actix::test]
async fn the_programs_of_openssh_chat_upload_and_download() {
    if !needs::wanted("ssh", &PROGRAMS) {
        return;
    }
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let folder = bench.workspace(ada);
    let (port, password) = bench.password(ada).await;
    let (private, public) = key();
    bench.grant(ada, Means::Key(public)).await;
    for password in [Some(password), None] {
        let programs = Programs { folder: tempfile::tempdir().unwrap(), port, password };
        let here = programs.folder.path();
        fs::write(here.join("key"), private.to_openssh(LineEnding::LF).unwrap()).unwrap();
        fs::set_permissions(here.join("key"), fs::Permissions::from_mode(0o600)).unwrap();

        let said = programs.ssh(&["hello", "there"], "").await;
        assert_eq!(said, (Some(0), "echo: hello there\n".to_owned()));
        let (status, said) = programs.ssh(&["-T"], "one\ntwo\n/exit\n").await;
        assert_eq!((status, said.as_str()), (Some(0), "echo: one\necho: two\n"));
        let (status, said) = programs.ssh(&["-tt"], "one\r/exit\r").await;
        assert_eq!(status, Some(0));
        assert!(said.contains("Ada listens") && said.contains("echo: one\r\n"), "{said}");

        let large: Vec<u8> = (0..700_000_u32).map(|at| u8::try_from(at % 249).unwrap()).collect();
        fs::write(here.join("large.bin"), &large).unwrap();
        fs::create_dir_all(here.join("tree/below")).unwrap();
        fs::write(here.join("tree/below/leaf.txt"), "leaf").unwrap();
        let (_, said) = programs
            .sftp(
                "put large.bin\nmkdir docs\nput large.bin docs/again.bin\nrename large.bin moved.bin\n\
                 put -r tree\nget moved.bin back.bin\nls -l\npwd\n",
            )
            .await;
        assert!(said.contains("moved.bin") && said.contains("/home/developer"), "{said}");
        assert_eq!(fs::read(here.join("back.bin")).unwrap(), large, "{said}");
        assert_eq!(fs::read(folder.join("docs/again.bin")).unwrap(), large);
        assert_eq!(fs::read_to_string(folder.join("tree/below/leaf.txt")).unwrap(), "leaf");

        let to = "developer@127.0.0.1:from-scp.bin";
        let copied = programs.run("scp", &["-p", "large.bin", to], "").await;
        assert!(copied.status.success(), "{copied:?}");
        assert_eq!(fs::read(folder.join("from-scp.bin")).unwrap(), large);
        let from = "developer@127.0.0.1:/home/developer/tree";
        let copied = programs.run("scp", &["-r", from, "tree-back"], "").await;
        assert!(copied.status.success(), "{copied:?}");
        assert_eq!(fs::read_to_string(here.join("tree-back/below/leaf.txt")).unwrap(), "leaf");
        let old = programs.run("scp", &["-O", "large.bin", to], "").await;
        assert!(!old.status.success(), "{old:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[actix::test]
async fn the_programs_of_openssh_do_not_leave_the_workspace() {
    if !needs::wanted("ssh", &PROGRAMS) {
        return;
    }
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let password = Some(password);
    let programs = Programs { folder: tempfile::tempdir().unwrap(), port, password };
    let here = programs.folder.path();
    fs::write(here.join("mine.txt"), "mine").unwrap();
    programs.sftp("put mine.txt\n").await;
    symlink("/etc", bench.workspace(ada).join("etc")).unwrap();
    symlink("/etc/passwd", bench.workspace(ada).join("passwd")).unwrap();
    let (_, said) = programs
        .sftp(
            "get ../../etc/passwd a\nget /etc/passwd b\nget etc/passwd c\nget passwd d\n\
             put mine.txt /tmp/greenroom-of-test\nput mine.txt ../../tmp/greenroom-of-test\n\
             put mine.txt etc/greenroom-of-test\ncd etc\nls etc/\nsymlink /etc link\n",
        )
        .await;
    for name in ["a", "b", "c", "d"] {
        assert!(!here.join(name).exists(), "{name}: {said}");
    }
    assert!(!said.contains("hostname") && !said.contains("shadow"), "{said}");
    for path in ["/tmp/greenroom-of-test", "/etc/greenroom-of-test"] {
        assert!(!std::path::Path::new(path).exists(), "{said}");
    }
    let refused = programs.run("scp", &["developer@127.0.0.1:../../etc/passwd", "e"], "").await;
    assert!(!refused.status.success() && !here.join("e").exists(), "{refused:?}");
    // No way through to other ports of this machine.
    let forwarded = ["-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", "hi"];
    let all = [&forwarded[..3], &["developer@127.0.0.1"], &forwarded[3..]].concat();
    let output = programs.run("ssh", &all, "").await;
    assert_eq!(output.status.code(), Some(255), "{output:?}");
    bench.clock.advance(std::time::Duration::from_secs(3600)).await;
    let (status, said) = programs.ssh(&["hello"], "").await;
    assert_eq!((status, said.as_str()), (Some(255), ""));
}

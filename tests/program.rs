//! The program: how it is configured, called, stopped and looked after.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::agent_file::{Fixture, payload, sealed};
use crate::support::{Host, Site, until};

#[test]
fn a_bad_configuration_is_refused_with_its_place() {
    for (config, variable, says) in [
        ("[server]\nworkers = \"x\"\n", ("A", "b"), "config.toml, line 2: server.workers"),
        ("[elizaos]\nbnid = 1\n", ("A", "b"), "config.toml, line 2: elizaos.bnid"),
        ("", ("GREENROOM_SERVER__WROKERS", "1"), "GREENROOM_SERVER__WROKERS"),
        ("[model]\ndefault = \"nobody\"\n", ("A", "b"), "line 2: model.default"),
        ("[runtime]\nagent_mailbox = 1\n", ("A", "b"), "line 2: runtime.agent_mailbox"),
        ("", ("SERVER_HOST", "0.0.0.0"), "ELIZA_SERVER_AUTH_TOKEN"),
    ] {
        let site = Site::configured(config).with(variable.0, variable.1);
        for command in [&["config", "check"][..], &["serve"]] {
            let output = site.run(command);
            assert_eq!(output.status.code(), Some(1), "{config} {variable:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.starts_with("error: ") && said.contains(says), "{said}");
        }
    }
}

#[test]
fn a_wrong_call_is_told_from_a_failed_one() {
    let site = Site::new();
    for (arguments, code) in [
        (&["agents", "pause"][..], 2),
        (&["frobnicate"], 2),
        (&["serve", "--log-format", "xml"], 2),
        (&["agents", "create"], 2),
        (&["agents", "pause", ""], 2),
        (&["agents", "create", "--file", "absent.json"], 2),
        (&["--config", "absent.toml", "config", "check"], 1),
        (&["agents", "list", "--url", "http://127.0.0.1:1"], 1),
        (&["verify", "absent.db"], 1),
        (&["export", "ada"], 2),
        (&["export", "ada", "--output", "absent/ada.eliza-agent"], 1),
        (&["import"], 2),
        (&["import", "absent.eliza-agent"], 1),
        (&["import", "config.toml", "--password", "open sesame"], 2),
        (&["--version"], 0),
        (&["help"], 2),
    ] {
        let output = site.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let site = Site::configured("").with("ELIZA_SERVER_AUTH_TOKEN", "s3cret");
    let shown = site.say(&["config", "show"]);
    assert!(shown.contains("auth_token = \"********\"") && !shown.contains("s3cret"), "{shown}");
    let site = Site::configured("[elizaos]\nauth_token = 5317\n");
    let said = String::from_utf8(site.run(&["config", "check"]).stderr).unwrap();
    assert!(said.contains("line 2: elizaos.auth_token") && !said.contains("5317"), "{said}");
}

#[test]
fn a_signal_drains_and_the_next_host_finds_everything() {
    let site = Site::new();
    let mut host = site.serve();
    let written = std::fs::read_to_string(site.folder().join("data/listening.json")).unwrap();
    assert!(written.contains(&host.address.to_string()), "{written}");
    let folder = std::fs::metadata(site.folder().join("data")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    site.say(&["agents", "create", "Ada", "--autonomy"]);
    site.say(&["agents", "create", "Bob", "--start"]);
    site.say(&["agents", "pause", "bob"]);
    host.signal("TERM");
    host.wait_for("stopped");
    assert_eq!(host.end().code(), Some(0));
    assert!(!site.folder().join("data/listening.json").exists());

    let _host = site.serve();
    let listed: Value = serde_json::from_str(&site.say(&["agents", "list", "--json"])).unwrap();
    let states = |agents: &Value| {
        let agents = agents["agents"].as_array().unwrap().iter();
        agents.map(|agent| format!("{} {}", agent["name"], agent["state"])).collect::<Vec<_>>()
    };
    assert_eq!(states(&listed), ["\"Ada\" \"running\"", "\"Bob\" \"paused\""]);
}

/// A host whose agent waits for a model that never answers; with the model's end of the call.
fn stuck(settings: &str) -> (Site, Host, TcpStream) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let model = format!("openai:x@http://{}/v1", silent.local_addr().unwrap());
    let site = Site::configured(&format!("[model]\ndefault = \"{model}\"\n{settings}"));
    let host = site.serve();
    site.say(&["agents", "create", "Ada", "--start"]);
    let mut asking = site.command(&["agents", "chat", "ada", "hello"]);
    // It ends with the host; what it is told then is of no interest here.
    let asking = asking.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    drop(asking.spawn().unwrap());
    let (mut call, _) = silent.accept().unwrap();
    assert!(call.read(&mut [0; 64]).unwrap() > 0);
    (site, host, call)
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (_site, mut host, _call) = stuck("");
    host.signal("TERM");
    host.wait_for("draining");
    // For a second, it is the same wish.
    let begun = Instant::now();
    until("the end", async || {
        host.signal("INT");
        host.has_ended().then_some(())
    })
    .await;
    assert!(begun.elapsed() > Duration::from_millis(500));
    assert_eq!(host.end().code(), Some(130));
}

#[test]
fn a_run_that_outlasts_the_drain_is_cut_off_with_its_outcome() {
    let (site, host, mut call) = stuck("[server]\ndrain_s = 0\n");
    host.signal("TERM");
    assert_eq!(host.end().code(), Some(0));
    assert!(call.read_to_end(&mut Vec::new()).is_ok(), "the call is closed");
    let mut next = site.serve_logging();
    assert!(next.wait_for("booting").contains("interrupted_runs=0"));
}

#[test]
fn agents_are_moved_from_the_command_line() {
    let site = Site::new();
    let _host = site.serve();
    let character = r#"{"name": "Grace Hopper", "bio": ["Admiral"], "topics": ["compilers"]}"#;
    std::fs::write(site.folder().join("grace.json"), character).unwrap();
    assert!(site.say(&["agents", "create", "--file", "grace.json"]).ends_with("is stopped\n"));
    for (arguments, says) in [
        (&["agents", "start", "grace-hopper"][..], "Grace Hopper is running\n"),
        (&["agents", "pause", "Grace Hopper"], "Grace Hopper is paused\n"),
        (&["agents", "resume", "grace-hopper"], "Grace Hopper is running\n"),
        (&["agents", "restart", "grace-hopper"], "Grace Hopper is running\n"),
        (&["halt"], "halted: no agent works until `greenroom lift`\n"),
        (&["lift"], "lifted: the agents go on as they were asked to\n"),
    ] {
        assert_eq!(site.say(arguments), says, "{arguments:?}");
    }
    let reply = site.say(&["agents", "chat", "grace-hopper", "I need", "some help"]);
    assert!(reply.starts_with("Grace Hopper: "), "{reply}");
    let logs = site.say(&["agents", "logs", "grace-hopper"]);
    let entry = logs.lines().find(|line| line.contains("run_event")).unwrap();
    assert!(entry.starts_with("20") && entry.contains('T'), "{entry}");
    let shown: Value =
        serde_json::from_str(&site.say(&["agents", "show", "grace-hopper", "--json"])).unwrap();
    assert_eq!(shown["character"]["topics"][0], "compilers");
    assert_eq!(site.say(&["agents", "stop", "grace-hopper"]), "Grace Hopper is stopped\n");
    for command in ["stop", "logs"] {
        let refused = site.run(&["agents", command, "grace-hopper"]);
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&refused.stderr), "error: Grace Hopper is stopped\n");
    }
    let refused = site.run(&["agents", "create", "--file", "grace.json", "--start"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("exists already, unchanged"));
    let refused = site.run(&["agents", "pause", "grace-hopper"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&refused.stderr).lines().count(), 1);
    assert_eq!(site.say(&["agents", "delete", "grace-hopper"]), "Grace Hopper is gone\n");
    let nobody = site.run(&["agents", "show", "grace-hopper"]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no agent is called `grace-hopper`"));
}

#[test]
fn a_start_leaves_autonomy_as_it_was_unless_told() {
    let site = Site::new();
    let _host = site.serve();
    site.say(&["agents", "create", "Ada", "--autonomy"]);
    let is_autonomous = || {
        let shown = site.say(&["agents", "show", "ada", "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["autonomyEveryMs"].is_number()
    };
    site.say(&["agents", "start", "ada"]);
    assert!(is_autonomous(), "while it runs");
    for (flags, expected) in
        [(&[][..], true), (&["--no-autonomy"], false), (&[], false), (&["--autonomy"], true)]
    {
        site.say(&["agents", "stop", "ada"]);
        site.say(&[&["agents", "start", "ada"], flags].concat());
        assert_eq!(is_autonomous(), expected, "{flags:?}");
    }
    assert_eq!(
        site.run(&["agents", "start", "ada", "--autonomy", "--no-autonomy"]).status.code(),
        Some(2)
    );
}

#[test]
fn names_of_any_kind_are_shown_and_are_told_when_too_long() {
    let site = Site::new();
    let _host = site.serve();
    let long = "x".repeat(100_000);
    for (file, name) in [("long.json", long.as_str()), ("odd.json", "a\u{1b}[2J\n\u{202e}b")] {
        let character = serde_json::json!({ "name": name, "bio": [] }).to_string();
        std::fs::write(site.folder().join(file), character).unwrap();
        site.say(&["agents", "create", "--file", file]);
    }
    let listed = site.say(&["agents", "list"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(!listed.contains(['\u{1b}', '\u{202e}']) && listed.contains('…'), "{listed}");
    let refused = site.run(&["agents", "delete", &long]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the name is too long"));
}

#[test]
fn a_dialogue_is_read_line_by_line() {
    let site = Site::new();
    let _host = site.serve();
    site.say(&["agents", "create", "Ada", "--start"]);
    let mut chat = site.command(&["agents", "chat", "ada"]);
    chat.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut chat = chat.spawn().unwrap();
    chat.stdin.take().unwrap().write_all(b"hello\n\nI am glad\n").unwrap();
    let said = String::from_utf8(chat.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(said.lines().filter(|line| line.starts_with("Ada: ")).count(), 2, "{said}");
}

#[test]
fn backups_are_made_with_and_without_a_host_and_verified() {
    let site = Site::new();
    let refused = site.run(&["backup", "nothing.db"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no store at"));
    assert!(!site.folder().join("data").exists() && !site.folder().join("nothing.db").exists());
    let host = site.serve();
    site.say(&["agents", "create", "Ada"]);
    assert!(site.say(&["backup", "running.db"]).contains("secret.salt"));
    assert_eq!(site.run(&["backup", "running.db"]).status.code(), Some(1), "never overwritten");
    host.signal("KILL");
    host.end();
    site.say(&["backup", "alone.db"]);
    for file in ["running.db", "alone.db"] {
        let said = site.say(&["verify", file]);
        assert!(said.contains("agents: 1\n") && said.contains("is whole"), "{said}");
    }
    std::fs::write(site.folder().join("other.db"), "not a database").unwrap();
    assert_eq!(site.run(&["verify", "other.db"]).status.code(), Some(1));
}

/// A run that fails; answers with what it complained of.
fn complaint(site: &Site, arguments: &[&str]) -> String {
    let output = site.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn agents_leave_as_files_and_come_back() {
    let site = Site::new().with("GREENROOM_PASSWORD", "open sesame");
    let host = site.serve();
    site.say(&["agents", "create", "Ada"]);
    let said = site.say(&["export", "ada", "-o", "ada.eliza-agent", "--logs", "--files"]);
    let file = site.folder().join("ada.eliza-agent");
    let kept = std::fs::metadata(&file).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    assert!(said.starts_with("Ada is in ") && said.contains(&kept.len().to_string()), "{said}");
    let before = std::fs::read(&file).unwrap();
    let refused = complaint(&site, &["export", "ada", "-o", "ada.eliza-agent"]);
    assert!(refused.contains("exists already"), "{refused}");
    let refused = complaint(&site, &["export", "nobody", "-o", "ada.eliza-agent", "--force"]);
    assert!(refused.contains("nobody"), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    site.say(&["export", "ada", "-o", "ada.eliza-agent", "--force", "--no-secrets"]);
    assert_ne!(std::fs::read(&file).unwrap(), before);
    let files = std::fs::read_dir(site.folder()).unwrap().count();

    let said = site.say(&["import", "ada.eliza-agent"]);
    assert!(said.starts_with("Ada is here as ") && said.contains("memories: 0"), "{said}");
    let imported = site.say(&["import", "ada.eliza-agent", "--json"]);
    let imported: Value = serde_json::from_str(&imported).unwrap();
    let shown = site.say(&["agents", "show", imported["id"].as_str().unwrap(), "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["name"], &shown["state"]), (&"Ada".into(), &"stopped".into()));
    std::fs::write(site.folder().join("other"), "no agent").unwrap();
    assert!(complaint(&site, &["import", "other"]).contains("no .eliza-agent file"));
    let site = site.with("GREENROOM_PASSWORD", "another one");
    assert!(complaint(&site, &["import", "ada.eliza-agent"]).contains("decryption failed"));
    let site = site.with("GREENROOM_PASSWORD", "abc");
    assert!(complaint(&site, &["import", "ada.eliza-agent"]).contains("at least 4"));
    // Where nobody can be asked.
    let site = site.with("GREENROOM_PASSWORD", "");
    assert!(complaint(&site, &["import", "ada.eliza-agent"]).contains("GREENROOM_PASSWORD"));
    host.signal("KILL");
    host.end();
    let site = site.with("GREENROOM_PASSWORD", "open sesame");
    let refused = complaint(&site, &["import", "ada.eliza-agent"]);
    assert!(refused.contains("greenroom serve"), "{refused}");
    // Nothing half-made is left beside the file, but for the other one.
    assert_eq!(std::fs::read_dir(site.folder()).unwrap().count(), files + 1);
}

#[test]
fn a_file_with_an_agent_is_verified_without_a_host() {
    for Fixture { file, password, expected } in Fixture::all() {
        let site = Site::new().with("GREENROOM_PASSWORD", &password);
        let said = site.say(&["verify", file.to_str().unwrap()]);
        let memories = format!("memories: {}\n", expected["counts"]["memories"]);
        assert!(said.contains(&memories) && said.contains(" matches "), "{said}");
        assert_eq!(std::fs::read_dir(site.folder()).unwrap().count(), 0);
    }
    let site = Site::new().with("GREENROOM_PASSWORD", "open sesame");
    let mut odd = payload("Odd");
    odd["rooms"] = serde_json::json!([{"id": "r", "colour": "red"}]);
    for (name, file, says) in [
        ("lossy", sealed("open sesame", &odd), "rooms: 1 not the same, first rooms.0"),
        ("locked", sealed("open sesamE", &payload("Locked")), "decryption failed"),
    ] {
        std::fs::write(site.folder().join(name), file).unwrap();
        let said = complaint(&site, &["verify", name]);
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn one_folder_has_one_host() {
    let site = Site::new();
    let _host = site.serve();
    let mut second = site.command(&["serve"]);
    let output = second.env("GREENROOM_ELIZAOS__BIND", "127.0.0.1:0").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("data/lock"));
}

#[test]
fn a_port_that_was_chosen_and_is_busy_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let site = Site::new().with("SERVER_PORT", &port);
    let output = site.run(&["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{said}");
    assert!(!site.folder().join("data").exists(), "nothing was opened");
}

#[test]
fn a_token_is_asked_for_and_taken_from_the_configuration() {
    let site = Site::configured("[elizaos]\nauth_token = \"s3cret\"\n");
    let _host = site.serve();
    site.say(&["agents", "list"]);
    let refused = site.run(&["agents", "list", "--token", "wrong"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("did not accept the token"));
}

//! The clients that others wrote for Trinity, unchanged, against the running binary.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::support::needs::wanted;
use crate::support::python::{PYTHON, Venv};
use crate::support::{PATIENCE, Site};
use crate::trinity::{PASSWORD, Town};

/// Starts a program of a package. It asks for secrets at the terminal if it has one, so that it gets none.
const START: &str = "import os, sys; os.setsid(); sys.argv[0] = 'trinity'; \
                     from trinity_cli.main import main; main()";

/// The command line, with a home of its own.
struct Terminal {
    python: PathBuf,
    url: String,
    home: TempDir,
}

impl Terminal {
    async fn new(town: &Town) -> Self {
        let venv = Venv::installed().await;
        let home = tempfile::tempdir().unwrap();
        Self { python: venv.program("python"), url: town.server.trinity_url(), home }
    }

    /// Runs a command in a folder and types that.
    async fn run_in(&self, folder: &Path, arguments: &[&str], typed: &str) -> Output {
        let mut command = tokio::process::Command::new(&self.python);
        command.args(["-c", START]).args(arguments).current_dir(folder).env_clear();
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("COLUMNS", "200").env("PYTHONWARNINGS", "ignore").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(typed.as_bytes()).await.unwrap();
        drop(input);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        output.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {arguments:?}")).unwrap()
    }

    /// Runs a command that succeeds; what it prints.
    async fn say(&self, arguments: &[&str]) -> String {
        self.type_in(arguments, "").await
    }

    async fn type_in(&self, arguments: &[&str], typed: &str) -> String {
        let output = self.run_in(self.home.path(), arguments, typed).await;
        told(arguments, &output)
    }

    /// Runs a command that prints JSON.
    async fn json(&self, arguments: &[&str]) -> Value {
        let said = self.say(&[arguments, &["--format", "json"]].concat()).await;
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{arguments:?}: {said}"))
    }

    /// Runs a command that fails; what it says.
    async fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run_in(self.home.path(), arguments, "").await;
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
        text(&output.stdout) + &text(&output.stderr)
    }

    async fn log_in_as_admin(&self) {
        let arguments = ["login", "--instance", &self.url, "--admin"];
        let said = self.type_in(&arguments, &format!("{PASSWORD}\n")).await;
        assert!(said.contains("Logged in as admin [profile: 127.0.0.1]"), "{said}");
        assert!(said.contains("MCP API key provisioned"), "{said}");
    }

    fn config(&self) -> Value {
        let config = std::fs::read_to_string(self.home.path().join(".trinity/config.json"));
        serde_json::from_str(&config.unwrap()).unwrap()
    }
}

/// What a command printed that succeeded.
fn told(arguments: &[&str], output: &Output) -> String {
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}\n{complaint}");
    said
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn somebody_logs_in_and_out_by_password_and_by_code() {
    if !wanted("clients", &PYTHON) {
        return;
    }
    let town = Town::of(Site::new()).await;
    let terminal = Terminal::new(&town).await;
    let refused = ["login", "--instance", &terminal.url, "--admin"];
    let output = terminal.run_in(terminal.home.path(), &refused, "wrong\n").await;
    assert!(text(&output.stderr).contains("Authentication failed"), "{output:?}");
    terminal.log_in_as_admin().await;
    let status = terminal.say(&["status"]).await;
    for line in ["Role:     admin", "Status:   Connected", &terminal.url] {
        assert!(status.contains(line), "{status}");
    }
    let config = terminal.config();
    let key = &config["profiles"]["127.0.0.1"]["mcp_api_key"];
    assert!(key.as_str().unwrap().starts_with("trinity_mcp_"), "{config}");

    // Somebody else, with a code that comes by e-mail: here, into the log.
    let person = "person@example.org";
    let body = json!({"email": person, "default_role": "creator"});
    town.ok(&town.admin, "POST", "/api/settings/email-whitelist", body).await;
    let arguments = ["login", "--instance", &terminal.url, "--profile", "person"];
    let mut command = tokio::process::Command::new(&terminal.python);
    command.args(["-c", START]).args(arguments).current_dir(terminal.home.path()).env_clear();
    command.env("HOME", terminal.home.path()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{person}\n").as_bytes()).await.unwrap();
    let code = town.code(person).await;
    input.write_all(format!("{code}\n").as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let said = told(&arguments, &output);
    assert!(said.contains(&format!("Logged in as {person} [profile: person]")), "{said}");

    let profiles = terminal.json(&["profile", "list"]).await;
    let names: Vec<_> = profiles.as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["127.0.0.1", "person"]);
    assert!(terminal.say(&["status"]).await.contains("Role:     creator"));
    terminal.say(&["profile", "use", "127.0.0.1"]).await;
    assert!(terminal.say(&["status"]).await.contains("Role:     admin"));
    terminal.say(&["agents", "create", "ada"]).await;
    assert_eq!(terminal.json(&["--profile", "person", "agents", "list"]).await, json!([]));
    terminal.say(&["profile", "remove", "person"]).await;
    assert!(terminal.fail(&["profile", "use", "person"]).await.contains("not found"));
    assert!(terminal.say(&["logout"]).await.contains("Logged out"));
    let refused = terminal.fail(&["agents", "list"]).await;
    assert!(refused.contains("Authentication failed"), "{refused}");
}

#[tokio::test]
async fn init_asks_for_access_and_writes_where_the_tools_are() {
    if !wanted("clients", &PYTHON) {
        return;
    }
    let town = Town::of(Site::new()).await;
    let terminal = Terminal::new(&town).await;
    let typed = format!("{}\n{PASSWORD}\n", terminal.url);
    let said = terminal.type_in(&["init", "--admin"], &typed).await;
    for line in ["Connected to", "Logged in as admin", "Trinity CLI is ready"] {
        assert!(said.contains(line), "{said}");
    }
    let servers = std::fs::read_to_string(terminal.home.path().join(".mcp.json")).unwrap();
    assert!(servers.contains("Bearer trinity_mcp_"), "{servers}");
}

#[tokio::test]
async fn an_agent_is_made_talked_to_renamed_and_removed() {
    if !wanted("clients", &PYTHON) {
        return;
    }
    let town = Town::of(Site::new()).await;
    let terminal = Terminal::new(&town).await;
    terminal.log_in_as_admin().await;
    let made = terminal.json(&["agents", "create", "Data Loader"]).await;
    assert_eq!((&made["name"], &made["status"]), (&json!("data-loader"), &json!("running")));
    let listed = terminal.say(&["agents", "list"]).await;
    assert!(listed.contains("data-loader"), "{listed}");
    let got = terminal.json(&["agents", "get", "data-loader"]).await;
    assert_eq!(got["container_id"], made["container_id"]);

    let said = terminal.say(&["chat", "data-loader", "Hello, how are you?"]).await;
    assert!(!said.trim().is_empty());
    let whole = terminal.json(&["chat", "data-loader", "And what of tea?"]).await;
    assert!(whole["response"].is_string() && whole["execution"]["task_execution_id"].is_string());
    let history = terminal.json(&["history", "data-loader"]).await;
    let roles: Vec<_> = history.as_array().unwrap().iter().map(|turn| &turn["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    let logs = terminal.json(&["logs", "data-loader", "--tail", "5"]).await;
    assert!(logs["logs"].is_string());
    terminal.say(&["logs", "data-loader"]).await;

    terminal.say(&["agents", "stop", "data-loader"]).await;
    assert_eq!(terminal.json(&["agents", "get", "data-loader"]).await["status"], "stopped");
    terminal.say(&["agents", "start", "data-loader"]).await;
    assert_eq!(terminal.json(&["agents", "get", "data-loader"]).await["status"], "running");
    terminal.say(&["agents", "rename", "data-loader", "loader"]).await;
    let gone = terminal.fail(&["agents", "get", "data-loader"]).await;
    assert!(gone.contains("HTTP 404: Agent not found"), "{gone}");
    let kept = terminal.json(&["history", "loader"]).await;
    assert_eq!(kept, history);
    let again = terminal.fail(&["agents", "create", "loader"]).await;
    assert!(again.contains("HTTP 409: Agent already exists"), "{again}");
    terminal.say(&["agents", "delete", "loader", "--yes"]).await;
    let left = terminal.json(&["agents", "list"]).await;
    assert!(left.as_array().unwrap().iter().all(|agent| agent["name"] != "loader"), "{left}");
}

#[tokio::test]
async fn tags_schedules_health_and_skills_are_told() {
    if !wanted("clients", &PYTHON) {
        return;
    }
    let town = Town::of(Site::new()).await;
    let terminal = Terminal::new(&town).await;
    terminal.log_in_as_admin().await;
    terminal.say(&["agents", "create", "ada"]).await;
    let admin = &town.admin;
    town.ok(admin, "PUT", "/api/agents/ada/tags", json!({"tags": ["Etl", "daily"]})).await;
    let tags = terminal.json(&["tags", "get", "ada"]).await;
    assert_eq!(tags, json!({"agent_name": "ada", "tags": ["daily", "etl"]}));
    let all = terminal.json(&["tags", "list"]).await;
    assert_eq!(all["tags"], json!([{"tag": "daily", "count": 1}, {"tag": "etl", "count": 1}]));

    let body = json!({"name": "tea", "cron_expression": "0 9 * * *", "message": "make tea"});
    let made = town.ok(admin, "POST", "/api/agents/ada/schedules", body).await;
    let id = made["id"].as_str().unwrap();
    let listed = terminal.json(&["schedules", "list", "ada"]).await;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["cron_expression"]),
        (&made["id"], &json!("0 9 * * *"))
    );
    assert!(terminal.say(&["schedules", "list", "ada"]).await.contains("0 9 * * *"));
    let fired = terminal.say(&["schedules", "trigger", "ada", id]).await;
    assert!(fired.contains(&format!("Triggered schedule {id} on 'ada' (execution ")), "{fired}");
    let gone = terminal.fail(&["schedules", "trigger", "ada", "nothing"]).await;
    assert!(gone.contains("HTTP 404: Schedule not found"), "{gone}");

    let fleet = terminal.json(&["health", "fleet"]).await;
    assert!(fleet["summary"]["total_agents"].as_u64().unwrap() >= 1, "{fleet}");
    terminal.json(&["health", "agent", "ada"]).await;
    terminal.say(&["health", "fleet"]).await;
    assert_eq!(terminal.json(&["skills", "list"]).await, json!([]));
    assert!(terminal.say(&["skills", "list"]).await.contains("(no results)"));
    assert!(terminal.fail(&["skills", "get", "nothing"]).await.contains("HTTP 404"));
}

#[tokio::test]
async fn a_folder_is_deployed_and_deployed_again() {
    if !wanted("clients", &PYTHON) {
        return;
    }
    let town = Town::of(Site::new()).await;
    let terminal = Terminal::new(&town).await;
    terminal.log_in_as_admin().await;
    let folder = terminal.home.path().join("tea");
    std::fs::create_dir_all(folder.join("docs")).unwrap();
    let template =
        "name: tea-maker\ndescription: makes tea\nresources:\n  cpu: \"2\"\n  memory: 4g\n";
    std::fs::write(folder.join("template.yaml"), template).unwrap();
    std::fs::write(folder.join("CLAUDE.md"), "Make tea.\n").unwrap();
    std::fs::write(folder.join("docs/how.md"), "Boil water.\n").unwrap();
    std::fs::write(folder.join(".env"), "SECRET=never sent\n").unwrap();
    let deploy = async || {
        let output = terminal.run_in(&folder, &["deploy", "."], "").await;
        let said = told(&["deploy", "."], &output);
        assert!(said.contains("Verified: 3/3 files"), "{said}{}", text(&output.stderr));
        said
    };
    let said = deploy().await;
    assert!(said.contains("Agent 'tea-maker' deployed (status: running)"), "{said}");
    let path = "/api/agents/tea-maker/files/download?path=docs/how.md";
    let file = town.call(&town.admin, "GET", path, Value::Null).await;
    assert_eq!((file.status, file.text().as_str()), (200, "Boil water.\n"));
    let tracked = std::fs::read_to_string(folder.join(".trinity-remote.yaml")).unwrap();
    assert!(tracked.contains("agent: tea-maker"), "{tracked}");
    let said = deploy().await;
    for line in ["Redeploying 'tea-maker'", "Previous version: tea-maker (stopped: True)"] {
        assert!(said.contains(line), "{said}");
    }
    let old = terminal.json(&["agents", "get", "tea-maker"]).await;
    assert_eq!(old["status"], "stopped");
    let refused = terminal.fail(&["deploy", "--repo", "no-slash"]).await;
    assert!(refused.contains("Deploy failed"), "{refused}");
}

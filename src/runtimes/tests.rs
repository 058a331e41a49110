//! Small scripts that act as the programs.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::FutureExt;
use greenroom_actors::agent::{Change, Delivery};
use greenroom_actors::figures::Tally;
use greenroom_actors::ids::{EntityId, RoomId};
use greenroom_actors::letters::Terms;
use greenroom_actors::lifecycle::Command as Order;
use greenroom_actors::masks::{Masks, NoMasks};
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{Delta, NoTools, Role, SystemClock, Turn, collect};
use greenroom_actors::records::Room;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;

use super::*;
use crate::credentials::{CredentialSettings, Credentials, Known};
use crate::models::{self, ModelsSettings};
use crate::workspace::WorkspaceSettings;

/// What Claude Code says when all goes well, after `$1`.
const SAYS: &str = r#"
echo '{"type":"system","subtype":"init","model":"claude-x"}'
echo '{"type":"assistant","message":{"content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"Read","input":{"path":"a"}}],"usage":{"input_tokens":3,"output_tokens":2}}}'
echo '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1"}]}}'
echo 'not JSON'
"#;

const ENDS: &str = r#"
echo '{"type":"assistant","message":{"content":[{"type":"text","text":"Done."}]}}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"Done.","total_cost_usd":0.25,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":7}}'
"#;

/// Runtimes whose programs are scripts.
struct Stand {
    runtimes: Runtimes,
    workspaces: Workspaces,
    agent: AgentId,
    tally: Tally,
    folder: tempfile::TempDir,
}

impl Stand {
    fn new(script: &str) -> Self {
        Self::with(script, |_| {})
    }

    fn with(script: &str, change: impl FnOnce(&mut RuntimesSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        // Written by another process: one that this process is about to write could not be run while
        // another test's child still has it open.
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\"; chmod 755 \"$0\""])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let script = format!("#!/bin/sh\n{script}");
        writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        let mut settings = RuntimesSettings::default();
        settings.claude_code.program.clone_from(&program);
        settings.gemini_cli.program = program;
        change(&mut settings);
        let places = folder.path().join("workspaces");
        let workspaces = Workspaces::open(&places, &WorkspaceSettings::default()).unwrap();
        let models = models::build(&ModelsSettings::default(), &|_| None).unwrap();
        let env = |name: &str| match name {
            "ANTHROPIC_API_KEY" => Some("sk-platform-key".to_owned()),
            "PATH" => std::env::var(name).ok(),
            _ => None,
        };
        let (models, secrets) = (Arc::new(models), Arc::new(Secrets::new("salt")));
        let runtimes = Runtimes::new(settings, models, workspaces.clone(), secrets, &places, env);
        Self { runtimes, workspaces, agent: AgentId::new(), tally: Tally::counting(), folder }
    }

    fn prompt(&self, runtime: Value) -> Prompt {
        let character = json!({"id": self.agent, "name": "Ada", "settings": {"runtime": runtime}});
        Prompt {
            model: None,
            purpose: Purpose::Reply,
            character: Arc::new(serde_json::from_value(character).unwrap()),
            system: "You are Ada.".to_owned(),
            may_ignore: false,
            is_single_attempt: false,
            turns: ["hello", "hi", "what now?"]
                .into_iter()
                .zip([Role::User, Role::Assistant, Role::User])
                .map(|(text, role)| Turn::new(role, text))
                .collect(),
            tools: Vec::new(),
            settings: Map::new(),
            tally: self.tally.clone(),
            bounds: Bounds::default(),
        }
    }

    fn claude(&self) -> ModelStream {
        self.runtimes.generate(self.prompt(json!({"type": "claude-code", "model": "opus"})))
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("workspaces").join(self.agent.to_string())
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home().join(name)).unwrap()
    }

    /// Agents whose model is the runtimes.
    async fn registry(&self, masks: Arc<dyn Masks>) -> Registry {
        let ports = Ports {
            store: Arc::new(MemoryStore::new()),
            model: Arc::new(self.runtimes.clone()),
            clock: Arc::new(SystemClock),
            tools: Arc::new(NoTools),
            masks,
        };
        let settings = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, settings).await.unwrap();
        while registry.is_booting() {
            tokio::task::yield_now().await;
        }
        registry
    }

    /// A pipe that everything a script starts holds open: it ends with the last of them.
    fn pipe(&self) -> PathBuf {
        std::fs::create_dir_all(self.home()).unwrap();
        let pipe = self.home().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        pipe
    }
}

#[tokio::test]
async fn a_program_does_the_work_in_the_agents_folder() {
    let script =
        format!("cat > told; env > env; printf '%s\\n' \"$@\" > args; pwd > place{SAYS}{ENDS}");
    let stand = Stand::new(&script);
    let env = b"TOKEN=sk-own-1\nLD_PRELOAD=evil.so\nHOME=/root\n".to_vec();
    stand.workspaces.free(stand.agent).write(".env".parse().unwrap(), env).await.unwrap();
    let character = stand.prompt(json!("claude-code")).character;
    assert_eq!(
        stand.runtimes.which(stand.agent, &character),
        Which::Program(RuntimeKind::ClaudeCode)
    );
    let answer = collect(stand.claude(), 10_000, |_| {}).await.unwrap();
    assert_eq!(answer.text, "I look.\n\nDone.");
    assert_eq!(answer.acts.len(), 1);
    assert_eq!(
        (answer.acts[0].name.as_str(), &answer.acts[0].arguments),
        ("Read", &json!({"path": "a"}))
    );
    let usage = &answer.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (15, 7));
    assert_eq!((usage.cost_micros, usage.model.as_deref()), (Some(250_000), Some("claude-x")));

    let told = stand.read("told");
    assert!(told.starts_with("You are Ada."), "{told}");
    assert!(told.contains("User: hello") && told.ends_with("# Now\n\nwhat now?\n"), "{told}");
    let arguments = stand.read("args");
    assert_eq!(arguments, "-p\n--output-format\nstream-json\n--verbose\n--model=opus\n");
    let environment = stand.read("env");
    let home = format!("HOME={}", stand.home().display());
    for expected in ["TOKEN=sk-own-1", "ANTHROPIC_API_KEY=sk-platform-key", &home] {
        assert!(environment.lines().any(|line| line == expected), "{expected}: {environment}");
    }
    for absent in ["CARGO", "LD_PRELOAD", "HOME=/root"] {
        assert!(!environment.contains(absent), "{absent}: {environment}");
    }
    assert_eq!(stand.read("place").trim(), stand.home().display().to_string());
}

#[tokio::test]
async fn a_program_has_the_agents_own_token_for_github_unless_its_environment_says_another() {
    for (env, expected) in
        [("", "GITHUB_PAT=ghp_own"), ("GITHUB_PAT=ghp_env", "GITHUB_PAT=ghp_env")]
    {
        let stand = Stand::new(&format!("env > env{SAYS}{ENDS}"));
        stand
            .workspaces
            .free(stand.agent)
            .write(".env".parse().unwrap(), env.into())
            .await
            .unwrap();
        let sealed = stand.runtimes.inner.secrets.seal("ghp_own");
        let prompt = stand.prompt(json!("claude-code"));
        let mut character = Character::clone(&prompt.character);
        let settings = character.settings.as_mut().unwrap();
        settings.insert("secrets".to_owned(), json!({"GITHUB_PAT": sealed}));
        let prompt = Prompt { character: Arc::new(character), ..prompt };
        collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
        let environment = stand.read("env");
        assert!(environment.lines().any(|line| line == expected), "{environment}");
    }
}

/// A host's own models: one, which notes by what name it was asked for.
#[derive(Default)]
struct Own(Mutex<Vec<Option<String>>>);

impl Model for Own {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        self.0.lock().unwrap().push(prompt.model);
        let said = [Delta::Text("Hi.".to_owned()), Delta::Done(Usage::default())];
        stream::iter(said.map(Ok)).boxed()
    }

    fn knows(&self, model: &str) -> bool {
        model == "own"
    }

    fn embed(&self, _: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn embedder(&self) -> String {
        "own".to_owned()
    }
}

#[tokio::test]
async fn a_model_of_a_program_is_named_to_it_or_gives_way_to_the_agents_own() {
    let script = format!("printf '%s\\n' \"$@\" > args{SAYS}{ENDS}");
    for (kind, asked, expected) in [
        ("claude-code", "sonnet", Some("--model=sonnet")),
        ("claude-code", "claude-sonnet-4-5", Some("--model=claude-sonnet-4-5")),
        ("claude-code", "opus[1m]", Some("--model=opus[1m]")),
        // Another program's, this host's, and what is none.
        ("claude-code", "gemini-2.5-pro", Some("--model=usual")),
        ("claude-code", "doctor", Some("--model=usual")),
        ("claude-code", "--evil", Some("--model=usual")),
    ] {
        let stand = Stand::new(&script);
        let prompt = stand.prompt(json!({"type": kind, "model": "usual"}));
        let prompt = Prompt { model: Some(asked.to_owned()), ..prompt };
        collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
        let arguments = stand.read("args");
        let found = arguments.lines().find(|line| line.starts_with("--model="));
        assert_eq!(found, expected, "{asked}: {arguments}");
    }
    // Where no program does the work.
    let stand = Stand::new(&script);
    let own = Arc::new(Own::default());
    let runtimes = Runtimes::new(
        RuntimesSettings { enabled: false, ..RuntimesSettings::default() },
        own.clone(),
        stand.workspaces.clone(),
        Arc::new(Secrets::new("salt")),
        stand.folder.path(),
        |_| None,
    );
    for (model, is_known) in
        [("sonnet", true), ("haiku", true), ("gemini-2.5-pro", true), ("own", true), ("x", false)]
    {
        assert_eq!(runtimes.knows(model), is_known, "{model}");
        let prompt = stand.prompt(json!("claude-code"));
        let mut character = Character::clone(&prompt.character);
        let settings = character.settings.as_mut().unwrap();
        settings.insert("model".to_owned(), json!("usual"));
        let (character, model) = (Arc::new(character), Some(model.to_owned()));
        let prompt = Prompt { character, model, ..prompt };
        collect(runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
    }
    let asked = own.0.lock().unwrap().clone();
    let expected = ["usual", "usual", "usual", "own", "usual"];
    assert_eq!(asked, expected.map(|model| Some(model.to_owned())));
}

#[tokio::test]
async fn what_is_stopped_is_killed_with_all_that_it_started() {
    let stand =
        Stand::new("exec 3> pipe; (sleep 1000 & exec sleep 1000) & sleep 1000 & exec sleep 1000");
    let pipe = stand.pipe();
    let mut answer = stand.claude();
    assert!(answer.next().now_or_never().is_none());
    let next = tokio::spawn(async move { answer.next().await });
    let mut held = tokio::fs::File::open(&pipe).await.unwrap();
    while stand.tally.figures().children_bytes == 0 {
        tokio::task::yield_now().await;
    }
    next.abort();
    assert_eq!(held.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_killed_when_it_ends() {
    // Open before it is left behind, or nobody would ever open it.
    let script = format!("exec 3> pipe; (exec sleep 1000) & exec 3>&-; {SAYS}{ENDS}");
    let stand = Stand::new(&script);
    let pipe = stand.pipe();
    let reading = tokio::spawn(async move {
        let mut held = tokio::fs::File::open(&pipe).await.unwrap();
        held.read(&mut [0]).await.unwrap()
    });
    let answer = collect(stand.claude(), 10_000, |_| {}).await.unwrap();
    assert_eq!(answer.text, "I look.\n\nDone.");
    assert_eq!(reading.await.unwrap(), 0);
}

/// Waits until nobody holds a pipe open any more.
async fn is_let_go(pipe: PathBuf) {
    let mut held = tokio::fs::File::open(&pipe).await.unwrap();
    assert_eq!(held.read(&mut [0]).await.unwrap(), 0);
}

/// What it starts holds the pipe open in a session of its own, and does not heed being asked to end.
const LEAVES: &str =
    "(exec 3> pipe; exec setsid sh -c 'trap \"\" TERM HUP INT; echo > left; sleep 1000; sleep 1000') &
while [ ! -e left ]; do sleep 0.01; done";

#[tokio::test]
async fn what_leaves_its_group_is_killed_when_the_program_ends() {
    let stand = Stand::new(&format!("{LEAVES}\n{SAYS}{ENDS}"));
    let let_go = tokio::spawn(is_let_go(stand.pipe()));
    let answer = collect(stand.claude(), 10_000, |_| {}).await.unwrap();
    assert_eq!(answer.text, "I look.\n\nDone.");
    let_go.await.unwrap();
}

#[tokio::test]
async fn what_leaves_its_group_is_killed_when_the_program_is_stopped() {
    let stand = Stand::new(&format!("{LEAVES}\n{SAYS}\nsleep 1000"));
    let let_go = tokio::spawn(is_let_go(stand.pipe()));
    let mut answer = stand.claude();
    // It says something only once the other is gone from its group.
    assert!(answer.next().await.unwrap().is_ok());
    assert_eq!(stand.runtimes.inner.places.available_permits(), 3);
    drop(answer);
    let_go.await.unwrap();
    // A place is free once all of it is gone.
    drop(stand.runtimes.inner.places.acquire_many(4).await.unwrap());
}

#[tokio::test]
async fn one_that_says_no_more_and_does_not_end_is_killed() {
    let stand = Stand::new("exec 3> pipe; trap '' TERM HUP INT; exec >&- 2>&-; sleep 1000");
    let let_go = tokio::spawn(is_let_go(stand.pipe()));
    let refused = collect(stand.claude(), 10_000, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("it ended without an answer (it did not end"), "{refused}");
    let_go.await.unwrap();
}

#[tokio::test]
async fn what_a_host_leaves_is_known_by_its_mark_alone() {
    let stand = Stand::new(&format!("printf %s \"$GREENROOM_CHILD\" > mark; {SAYS}{ENDS}"));
    let env = b"GREENROOM_CHILD=of-my-own\n".to_vec();
    stand.workspaces.free(stand.agent).write(".env".parse().unwrap(), env).await.unwrap();
    let mut marks = Vec::new();
    for _ in 0..2 {
        collect(stand.claude(), 10_000, |_| {}).await.unwrap();
        marks.push(stand.read("mark"));
    }
    assert_ne!(marks[0], marks[1]);
    assert!(marks.iter().all(|mark| mark.contains('-') && mark != "of-my-own"), "{marks:?}");
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    for flood in ["while :; do echo yyyyyyyy; done", "exec tr '\\0' y < /dev/zero"] {
        let stand = Stand::with(flood, |settings| settings.output_max_bytes = 10_000);
        let refused = collect(stand.claude(), usize::MAX, |_| {}).await.unwrap_err();
        let expected = ModelError::Refused("claude-code: it wrote too much".to_owned());
        assert_eq!(refused, expected, "{flood}");
    }
}

#[tokio::test]
async fn a_failure_says_why_without_the_hosts_key() {
    let complaint =
        "echo \"bad $ANTHROPIC_API_KEY\" >&2; yes | head -c 100000 >&2; exit 3".to_owned();
    let said = r#"echo '{"type":"assistant","message":{"content":[{"type":"text","text":"it is sk-platform-key"}]}}'
echo '{"type":"result","is_error":true,"subtype":"error_max_turns","total_cost_usd":0.5}'"#;
    let stand = Stand::new(&complaint);
    let refused = collect(stand.claude(), 10_000, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("exit status: 3: bad ***"), "{refused}");
    assert!(refused.len() < 2_500, "{}", refused.len());
    let stand = Stand::new(said);
    let mut told = Vec::new();
    let refused = collect(stand.claude(), 10_000, |delta| told.push(delta.clone())).await;
    assert_eq!(refused, Err(ModelError::Refused("claude-code: error_max_turns".to_owned())));
    assert!(!format!("{told:?}").contains("sk-platform"), "{told:?}");
    assert!(told.iter().any(|delta| {
        matches!(delta, Delta::Billed(usage) if usage.cost_micros == Some(500_000))
    }));
}

#[tokio::test]
async fn a_long_complaint_ends_with_no_half_of_a_key() {
    // The key stands where the complaint is cut, in a line and in one long word.
    for script in [
        "printf '%01990d\\nkey %s %05000d' 0 \"$ANTHROPIC_API_KEY\" 0 >&2; exit 3",
        "printf '%01990d%s%05000d' 0 \"$ANTHROPIC_API_KEY\" 0 >&2; exit 3",
    ] {
        let refused = collect(Stand::new(script).claude(), 10_000, |_| {}).await.unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("exit status: 3") && !refused.contains("sk-"), "{refused}");
    }
}

#[tokio::test]
async fn one_that_takes_too_long_is_killed() {
    let stand = Stand::with("exec sleep 1000 3> pipe", |settings| settings.timeout_s = 1);
    let pipe = stand.pipe();
    let reading = tokio::spawn(async move {
        tokio::fs::File::open(&pipe).await.unwrap().read(&mut [0]).await.unwrap()
    });
    let late = collect(stand.claude(), 10_000, |_| {}).await;
    assert_eq!(late, Err(ModelError::TimedOut(Duration::from_secs(1))));
    assert_eq!(reading.await.unwrap(), 0);
}

#[tokio::test]
async fn one_that_holds_too_much_memory_is_killed() {
    let hoards = "exec 3> pipe; held=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 1000";
    let stand = Stand::new(hoards);
    let agent = stand.agent;
    stand.runtimes.bound_memory_by(move |asked| (asked == agent).then_some(64 << 20));
    let let_go = tokio::spawn(is_let_go(stand.pipe()));
    let refused = collect(stand.claude(), 10_000, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("hold more than 67108864 bytes of memory"), "{refused}");
    let_go.await.unwrap();
    assert_eq!(stand.tally.figures().children_bytes, 0);
}

#[tokio::test]
async fn no_more_run_than_may() {
    let stand = Stand::with("exec 3> pipe; exec sleep 1000", |settings| {
        settings.at_once = 1;
        settings.waiting = 1;
    });
    let pipe = stand.pipe();
    let mut first = stand.claude();
    let running = tokio::spawn(async move { first.next().await });
    let held = tokio::fs::File::open(&pipe).await.unwrap();
    let mut second = stand.claude();
    let waiting = tokio::spawn(async move { second.next().await });
    while stand.runtimes.inner.queue.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let refused = collect(stand.claude(), 10_000, |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("too many programs"), "{refused}");
    waiting.abort();
    running.abort();
    drop(held);
}

#[tokio::test]
async fn what_was_used_is_counted() {
    let script = format!("i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; {SAYS}{ENDS}");
    let stand = Stand::new(&script);
    collect(stand.claude(), 10_000, |_| {}).await.unwrap();
    let figures = stand.tally.figures();
    assert!(figures.children_cpu > Duration::ZERO, "{figures:?}");
    assert_eq!(figures.children_bytes, 0);
}

#[tokio::test]
async fn the_other_program_answers_in_one_object() {
    let stand = Stand::new(
        r#"printf '%s\n' "$@" > args; cat > /dev/null; echo 'Loaded cached credentials.'
cat <<'X'
{
  "response": "Hello there.",
  "stats": {
    "models": {"gemini-2.5-pro": {"tokens": {"prompt": 9, "candidates": 4, "thoughts": 1}}},
    "tools": {"byName": {"read_file": {"count": 2}}}
  }
}
X
"#,
    );
    let prompt = stand.prompt(json!({"type": "gemini-cli", "model": "gemini-2.5-pro"}));
    let answer = collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
    assert_eq!(answer.text, "Hello there.");
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (9, 5));
    assert_eq!(answer.usage.model.as_deref(), Some("gemini-2.5-pro"));
    assert_eq!(answer.acts[0].name, "read_file");
    assert_eq!(stand.read("args"), "--output-format\njson\n--model=gemini-2.5-pro\n");

    let stand = Stand::new(r#"echo '{"error": {"type": "E", "message": "no quota"}}'; exit 1"#);
    let prompt = stand.prompt(json!("gemini-cli"));
    let refused = collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await;
    assert_eq!(refused, Err(ModelError::Refused("gemini-cli: no quota".to_owned())));
}

#[tokio::test]
async fn the_model_answers_where_there_is_no_program() {
    let stand = Stand::with("exit 1", |settings| settings.claude_code.program = "no-such".into());
    let asks = stand.prompt(json!("claude-code"));
    let which = |runtime| stand.runtimes.which(stand.agent, &stand.prompt(runtime).character);
    assert_eq!(which(json!("claude-code")), Which::Model("the program is not installed"));
    assert_eq!(which(json!(null)), Which::Model("the agent asks for no runtime of its own"));
    let answer = collect(stand.runtimes.generate(asks), 10_000, |_| {}).await.unwrap();
    assert_eq!(answer.usage.model.as_deref(), Some("doctor"));
    // A title is no work to start a program for.
    let stand = Stand::new("exit 1");
    let title = Prompt { purpose: Purpose::Title, ..stand.prompt(json!("claude-code")) };
    collect(stand.runtimes.generate(title), 10_000, |_| {}).await.unwrap();
    let off = Stand::with("exit 1", |settings| settings.enabled = false);
    let character = off.prompt(json!("claude-code")).character;
    assert_eq!(
        off.runtimes.which(off.agent, &character),
        Which::Model("runtimes are switched off")
    );
}

#[tokio::test]
async fn guardrails_and_the_read_only_rule_are_told_to_the_program() {
    let stand = Stand::new(&format!("printf '%s\\n' \"$@\" > args; {SAYS}{ENDS}"));
    let mut prompt = stand.prompt(json!("claude-code"));
    let character = json!({"id": stand.agent, "name": "Ada", "settings": {
        "runtime": "claude-code", "guardrails": {"max_turns_chat": 3, "disallowed_tools": ["WebFetch"]},
        "workspace": {"read_only": true},
    }});
    prompt.character = Arc::new(serde_json::from_value(character).unwrap());
    prompt.bounds.rounds_max = Some(3);
    collect(stand.runtimes.generate(prompt.clone()), 10_000, |_| {}).await.unwrap();
    let arguments = stand.read("args");
    assert!(arguments.contains("--max-turns=3\n"), "{arguments}");
    let refused = "--disallowedTools=WebFetch,Write,Edit,MultiEdit,NotebookEdit,Bash\n";
    assert!(arguments.contains(refused), "{arguments}");

    let allowed = ["Read", "Bash(git log:*)", "--evil,x"].map(str::to_owned);
    prompt.character = stand.prompt(json!("claude-code")).character;
    prompt.bounds.allowed_tools = Some(allowed.into());
    collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
    let arguments = stand.read("args");
    assert!(arguments.contains("--allowedTools=Read,Bash(git log:*)\n"), "{arguments}");
    assert!(arguments.contains("--strict-mcp-config\n"), "{arguments}");
    let refused = arguments.lines().find(|line| line.starts_with("--disallowedTools=")).unwrap();
    assert!(refused.contains("Write") && !refused.contains("Bash,"), "{refused}");
    assert!(!refused.contains(",Read,"), "{refused}");
}

#[tokio::test]
async fn the_model_that_was_asked_for_last_reaches_the_program() {
    let stand = Stand::new(&format!("printf '%s\n' \"$@\" > args; {SAYS}{ENDS}"));
    for (settings, asked, expected) in [
        (json!({"runtime": "claude-code", "model": "own"}), Some("own"), "own"),
        (json!({"runtime": "claude-code", "model": "own"}), Some("this-time"), "this-time"),
        (
            json!({"runtime": {"type": "claude-code", "model": "opus"}, "model": "own"}),
            None,
            "opus",
        ),
        (json!({"runtime": {"type": "claude-code", "model": "opus"}}), Some("now"), "now"),
        (json!({"runtime": {"type": "claude-code", "model": "opus"}}), Some("--evil"), "opus"),
    ] {
        let mut prompt = stand.prompt(Value::Null);
        let character = json!({"id": stand.agent, "name": "Ada", "settings": settings});
        prompt.character = Arc::new(serde_json::from_value(character).unwrap());
        prompt.model = asked.map(str::to_owned);
        collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
        let arguments = stand.read("args");
        let expected = format!("--model={expected}\n");
        assert!(arguments.contains(&expected), "{settings} {asked:?}: {arguments}");
    }
    // What only names a provider is no model.
    let mut prompt = stand.prompt(json!("claude-code"));
    let mut character = Character::clone(&prompt.character);
    character.model_provider = Some("anthropic".to_owned());
    prompt.model = Some("anthropic".to_owned());
    prompt.character = Arc::new(character);
    collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
    assert!(!stand.read("args").contains("--model"));
}

#[tokio::test]
async fn a_program_that_cannot_be_bound_gives_way_to_the_model() {
    let stand = Stand::new("exit 1");
    let gemini = |settings: Value| {
        let mut settings = settings;
        settings["runtime"] = json!("gemini-cli");
        let character = json!({"id": stand.agent, "name": "Ada", "settings": settings});
        let character: Character = serde_json::from_value(character).unwrap();
        (stand.runtimes.which(stand.agent, &character), character)
    };
    for (settings, words) in [
        (json!({"workspace": {"read_only": true}}), "read-only"),
        (json!({"guardrails": {"disallowed_tools": ["x"]}}), "tools"),
        (json!({"guardrails": {"max_turns_task": 3}}), "turns"),
    ] {
        let (which, character) = gemini(settings);
        assert!(matches!(which, Which::Model(reason) if reason.contains(words)), "{which:?}");
        let prompt = Prompt { character: Arc::new(character), ..stand.prompt(Value::Null) };
        let answer = collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
        assert_eq!(answer.usage.model.as_deref(), Some("doctor"));
    }
    assert_eq!(gemini(json!({})).0, Which::Program(RuntimeKind::GeminiCli));
    // So does one for a single run that is bound.
    let mut prompt = stand.prompt(json!("gemini-cli"));
    prompt.bounds.allowed_tools = Some(Vec::new());
    let answer = collect(stand.runtimes.generate(prompt), 10_000, |_| {}).await.unwrap();
    assert_eq!(answer.usage.model.as_deref(), Some("doctor"));
}

#[tokio::test]
async fn programs_work_for_agents_of_administrators_unless_they_may_for_all() {
    let of = |stand: &Stand, owner: &str| {
        let mut character = Character::clone(&stand.prompt(json!("claude-code")).character);
        let owner = [("owner".to_owned(), json!(owner))];
        character.settings.get_or_insert_default().extend(owner);
        stand.runtimes.which(stand.agent, &character)
    };
    let (program, refused) = (
        Which::Program(RuntimeKind::ClaudeCode),
        Which::Model("programs work for agents of administrators only"),
    );
    let stand = Stand::new("exit 1");
    for (owner, expected) in [("", &program), ("admin", &program), ("ada@example.org", &refused)] {
        assert_eq!(of(&stand, owner), *expected, "{owner}");
    }
    // Once there is somebody to ask, what the character says of it does not count.
    let theirs = stand.agent;
    stand.runtimes.judged_by(move |agent| agent != theirs);
    assert_eq!(of(&stand, "admin"), refused);
    let open = Stand::with("exit 1", |settings| settings.owners = Owners::Everybody);
    assert_eq!(of(&open, "ada@example.org"), program);
}

#[actix::test]
async fn an_agent_that_tells_its_credentials_is_kept_masked() {
    let says = r#"echo "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"it is $TOKEN\"}]}}"
echo "{\"type\":\"result\",\"is_error\":false,\"result\":\"it is $TOKEN\",\"usage\":{}}""#;
    let stand = Stand::new(says);
    let known = Arc::new(Known::new(Arc::new(Secrets::new("salt"))));
    let registry = stand.registry(known.clone()).await;
    let credentials = Credentials::open(
        registry.clone(),
        stand.workspaces.clone(),
        known,
        CredentialSettings::default(),
    );
    let create = async |name: &str, settings: Value| {
        let character = json!({"name": name, "settings": settings});
        let character = serde_json::from_value(character).unwrap();
        let id = registry.create(character).await.unwrap().id;
        registry.ask(id, Change::to(Order::Start)).await.unwrap();
        id
    };
    let ada = create("Ada", json!({"runtime": "claude-code"})).await;
    let bob = create("Bob", json!({})).await;
    let env = vec![(".env".to_owned(), b"TOKEN=sk-planted-9".to_vec())];
    credentials.inject(ada, env, None).await.unwrap();
    let reply = registry.ask_agent(bob, ada, "what is it?").await.unwrap();
    assert_eq!(reply.text(), "it is ***");
    let events = registry.store().events(ada, 0, 1_000).await.unwrap();
    assert!(!format!("{events:?}").contains("sk-planted"));
}

#[actix::test]
async fn what_a_task_is_held_to_reaches_the_program() {
    let stand = Stand::new(&format!("printf '%s\\n' \"$@\" > args; {SAYS}{ENDS}"));
    let registry = stand.registry(Arc::new(NoMasks)).await;
    let guardrails = json!({"max_turns_chat": 3, "max_turns_task": 7});
    let character = json!({"id": stand.agent, "name": "Ada", "settings": {
        "runtime": "claude-code", "model": "own", "guardrails": guardrails,
    }});
    registry.create(serde_json::from_value(character).unwrap()).await.unwrap();
    registry.ask(stand.agent, Change::to(Order::Start)).await.unwrap();
    let task = Terms { is_beside: true, ..Terms::default() };
    let asked = Terms {
        rounds_max: Some(5),
        model: Some("opus".to_owned()),
        allowed_tools: Some(vec!["Read".to_owned()]),
        ..task.clone()
    };
    for (terms, expected) in [
        (Terms::default(), &["--model=own", "--max-turns=3"][..]),
        (task, &["--model=own", "--max-turns=7"]),
        (asked, &["--model=opus", "--max-turns=5", "--allowedTools=Read"]),
    ] {
        let room = Room {
            id: RoomId(uuid::Uuid::new_v4()),
            agent_id: stand.agent,
            name: "Tasks".to_owned(),
            channel_id: None,
            message_server_id: None,
            world_id: None,
            kind: "DM".to_owned(),
            source: "test".to_owned(),
            metadata: None,
            created_at: UnixMillis(0),
        };
        let content = Map::from_iter([("text".to_owned(), json!("look"))]);
        let delivery = Delivery {
            expects_reply: true,
            terms: Some(Box::new(terms)),
            ..Delivery::asking(EntityId::new(), room, content)
        };
        let reply = registry.deliver(stand.agent, delivery).await.unwrap().reply.unwrap();
        reply.within(Duration::from_secs(60)).await.unwrap();
        let arguments = stand.read("args");
        for argument in expected {
            assert!(arguments.lines().any(|line| line == *argument), "{argument}: {arguments}");
        }
    }
}

//! Files of an agent, and its read-only mode, which binds the agent and nobody else.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::ids::{AgentId, RoomId};
use greenroom_actors::ports::{Invocation, ToolError, Tools};
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::dialects::trinity::error::TrinityError;
use crate::roster::Share;
use crate::tools::FileTools;

/// Everybody who may come along, and an agent of one of them, with another that is stopped.
pub(super) struct Company {
    pub(super) site: Site,
    pub(super) owner: String,
    pub(super) shared: String,
    pub(super) stranger: String,
}

impl Company {
    pub(super) async fn new() -> Self {
        let site = Site::new().await;
        let owner = site.user("owner@example.org", Role::Creator).await;
        let shared = site.user("shared@example.org", Role::User).await;
        let stranger = site.user("stranger@example.org", Role::Creator).await;
        site.agent(&owner, "mine").await;
        site.agent(&owner, "still").await;
        site.call(&owner, "POST", "/api/agents/still/stop", Value::Null).await;
        let company = Self { site, owner, shared, stranger };
        company.share("mine").await;
        company
    }

    async fn share(&self, name: &str) {
        let roster = &self.site.stage.host.roster;
        let share = Share {
            id: 1,
            email: "shared@example.org".to_owned(),
            by_id: 1,
            by: "owner@example.org".to_owned(),
            created_at: UnixMillis(0),
            allows_proactive: false,
        };
        let entry = |entry: &mut crate::roster::Entry| {
            entry.shares.push(share);
            Ok::<_, TrinityError>(())
        };
        roster.amend(self.id(name).await, entry).await.unwrap();
    }

    pub(super) async fn id(&self, name: &str) -> AgentId {
        self.site.stage.host.roster.find(name).await.unwrap().unwrap().id
    }

    pub(super) async fn put(&self, path: &str, content: &str) -> (u16, Value) {
        let path = format!("/api/agents/mine/files?path={path}");
        self.site.call(&self.owner, "PUT", &path, json!({"content": content})).await
    }

    /// Writes a file beneath the API.
    pub(super) async fn write(&self, name: &str, path: &str, content: impl Into<Vec<u8>>) {
        let workspace = self.site.stage.host.workspaces.free(self.id(name).await);
        workspace.write(path.parse().unwrap(), content.into()).await.unwrap();
    }

    /// The four answers that guard P of reading gives: to a stranger, of a missing one too.
    pub(super) async fn check_permitted(&self, method: &str, rest: &str, body: Value) {
        for (token, name, status, words) in [
            ("", "mine", 401, "Not authenticated"),
            (self.stranger.as_str(), "mine", 403, "permission to access"),
            (&self.stranger, "none", 403, "permission to access"),
            (&self.site.admin, "none", 404, "Agent not found"),
        ] {
            let path = format!("/api/agents/{name}{rest}");
            let (found, told) = self.site.refused(token, method, &path, body.clone()).await;
            assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
        }
    }
}

#[actix_web::test]
async fn files_are_written_shown_sent_and_deleted_by_those_who_may() {
    let company = Company::new().await;
    let site = &company.site;
    for (method, rest) in [
        ("GET", "/files"),
        ("GET", "/files/download?path=a"),
        ("GET", "/files/preview?path=a"),
        ("PUT", "/files?path=a"),
        ("DELETE", "/files?path=a"),
    ] {
        let body = if method == "PUT" { json!({"content": "x"}) } else { Value::Null };
        company.check_permitted(method, rest, body.clone()).await;
        let path = format!("/api/agents/still{rest}");
        let (status, told) = site.refused(&company.owner, method, &path, body).await;
        assert!(status == 400 && told.contains("must be running"), "{method} {path}: {told}");
    }
    for path in ["content/B.txt", "/home/developer/content/a.txt", "content/deep/x.py", "top.md"] {
        let (status, written) = company.put(path, "grüße").await;
        assert_eq!(status, 200, "{written}");
        assert_eq!((&written["path"], &written["size"]), (&json!(path), &json!(7)));
        assert!(!written["modified"].as_str().unwrap().ends_with('Z'));
    }
    let get = async |token: &str, rest: &str| {
        site.call(token, "GET", &format!("/api/agents/mine{rest}"), Value::Null).await
    };
    let (_, all) = get(&company.shared, "/files").await;
    assert_eq!(
        (&all["base_path"], &all["requested_path"]),
        (&json!("/home/developer"), &json!("."))
    );
    assert_eq!((&all["total_files"], &all["show_hidden"]), (&json!(4), &json!(false)));
    assert!(all["truncated"].is_null());
    let names = |tree: &Value| {
        let nodes = tree.as_array().unwrap().iter();
        nodes.map(|node| node["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&all["tree"]), ["content", "mcp-servers", "top.md"]);
    let content = &all["tree"][0];
    assert_eq!((&content["type"], &content["file_count"]), (&json!("directory"), &json!(3)));
    assert_eq!(names(&content["children"]), ["deep", "a.txt", "B.txt"]);
    let file = &content["children"][1];
    assert_eq!((&file["type"], &file["path"]), (&json!("file"), &json!("content/a.txt")));
    let (_, hidden) = get(&site.admin, "/files?show_hidden=yes&path=/home/developer").await;
    assert!(names(&hidden["tree"]).starts_with(&[".claude".to_owned(), ".config".to_owned()]));
    let (_, part) = get(&company.owner, "/files?path=content%2Fdeep").await;
    assert_eq!(
        (&part["requested_path"], &part["total_files"]),
        (&json!("content/deep"), &json!(1))
    );

    let send = async |rest: &str| {
        site.send(&company.shared, "GET", &format!("/api/agents/mine/files/{rest}"), Value::Null)
            .await
    };
    let text = send("download?path=content/a.txt").await;
    assert_eq!(
        (text.text.as_str(), text.header("content-type")),
        ("grüße", "text/plain; charset=utf-8")
    );
    company.write("mine", "picture.png", [0x89, 0xff, 0]).await;
    let bytes = send("download?path=picture.png").await;
    assert_eq!(bytes.header("content-type"), "application/octet-stream");
    let shown = send("preview?path=picture.png").await;
    assert_eq!(shown.header("content-type"), "image/png");
    assert_eq!(shown.header("content-disposition"), "attachment; filename=\"picture.png\"");

    let delete = async |path: &str| {
        let path = format!("/api/agents/mine/files?path={path}");
        site.call(&company.shared, "DELETE", &path, Value::Null).await
    };
    let (_, one) = delete("content/a.txt").await;
    assert_eq!(
        one,
        json!({"success": true, "deleted": "content/a.txt", "type": "file", "file_count": 1})
    );
    let (_, all) = delete("content").await;
    assert_eq!((&all["type"], &all["file_count"]), (&json!("directory"), &json!(3)));
    assert_eq!(delete("content").await.0, 404);
}

#[actix_web::test]
async fn each_mistake_with_files_is_told() {
    let company = Company::new().await;
    company.put("a.txt", "x").await;
    company.put("folder/b", "x").await;
    let site = &company.site;
    let x = json!({"content": "x"});
    for (method, rest, body, status, words) in [
        ("GET", "?path=/etc", Value::Null, 403, "Access denied"),
        ("GET", "?path=/home/developer2", Value::Null, 403, "Access denied"),
        ("GET", "?path=..%2F..%2Fetc", Value::Null, 403, "Access denied"),
        ("GET", "?path=none", Value::Null, 404, "Path not found"),
        ("GET", "?path=a.txt", Value::Null, 400, "Not a directory"),
        ("GET", "?path=a%00b", Value::Null, 400, "Invalid path"),
        ("GET", "?show_hidden=perhaps", Value::Null, 422, "bool_parsing"),
        ("GET", "/download", Value::Null, 422, "missing"),
        ("GET", "/download?path=../../etc/passwd", Value::Null, 403, "Access denied"),
        ("GET", "/download?path=none", Value::Null, 404, "File not found"),
        ("GET", "/download?path=a.txt/x", Value::Null, 404, "File not found"),
        ("GET", "/download?path=folder", Value::Null, 400, "Not a file"),
        ("GET", "/preview?path=folder", Value::Null, 400, "Not a file"),
        ("GET", "/preview", Value::Null, 422, "missing"),
        ("PUT", "?path=b", json!({}), 422, "content"),
        ("PUT", "?path=b", json!({"content": 3}), 422, "string_type"),
        ("PUT", "", x.clone(), 422, "missing"),
        ("PUT", "?path=folder", x.clone(), 400, "Not a file"),
        ("PUT", "?path=.", x.clone(), 400, "Not a file"),
        ("PUT", "?path=.env", x.clone(), 403, "protected path: .env"),
        ("PUT", "?path=x/../.git/config", x.clone(), 403, "protected path: config"),
        ("PUT", "?path=sub/.gitignore", x.clone(), 403, "protected path: .gitignore"),
        ("PUT", "?path=.mcp.json.template", x.clone(), 403, "protected path"),
        ("PUT", "?path=.trinity/x", x.clone(), 403, "protected path: x"),
        ("PUT", "?path=/home/other/x", x.clone(), 403, "Access denied"),
        ("PUT", "?path=large", json!({"content": "x".repeat(9_000_000)}), 413, "too large"),
        ("DELETE", "?path=/home/developer", Value::Null, 403, "home directory"),
        ("DELETE", "?path=.", Value::Null, 403, "home directory"),
        ("DELETE", "?path=.trinity", Value::Null, 403, "protected path: .trinity"),
        ("DELETE", "?path=CLAUDE.md", Value::Null, 403, "protected path: CLAUDE.md"),
        ("DELETE", "?path=.mcp.json", Value::Null, 403, "protected path: .mcp.json"),
        ("DELETE", "?path=none", Value::Null, 404, "not found"),
        ("DELETE", "", Value::Null, 422, "missing"),
    ] {
        let path = format!("/api/agents/mine/files{rest}");
        let (found, told) = site.refused(&company.owner, method, &path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
}

#[cfg(unix)]
#[actix_web::test]
async fn links_in_a_workspace_lead_nowhere() {
    let company = Company::new().await;
    company.put("a.txt", "x").await;
    let folder =
        company.site.stage.folder().join("workspaces").join(company.id("mine").await.to_string());
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("etc")).unwrap();
    for (method, rest) in [
        ("GET", "/download?path=link"),
        ("GET", "/preview?path=link"),
        ("GET", "?path=etc"),
        ("GET", "/download?path=etc/passwd"),
        ("PUT", "?path=etc/x"),
        ("PUT", "?path=link"),
    ] {
        let path = format!("/api/agents/mine/files{rest}");
        let (status, told) =
            company.site.refused(&company.owner, method, &path, json!({"content": "x"})).await;
        assert!(
            status == 403 && told.contains("Access denied"),
            "{method} {path}: {status} {told}"
        );
    }
    let (_, all) =
        company.site.call(&company.owner, "GET", "/api/agents/mine/files", Value::Null).await;
    assert_eq!(all["total_files"], 1);
    let path = "/api/agents/mine/files?path=etc";
    let (status, _) = company.site.call(&company.owner, "DELETE", path, Value::Null).await;
    assert!(status == 200 && std::path::Path::new("/etc/passwd").exists());
}

/// What the agent's own tool says.
async fn tool(company: &Company, name: &str, path: &str) -> Result<String, ToolError> {
    let host = &company.site.stage.host;
    let agent = host.registry.record(company.id("mine").await).await.unwrap();
    let arguments = json!({"path": path, "content": "by the agent"});
    let call = Invocation {
        registry: host.registry.clone(),
        run_id: Default::default(),
        room_id: RoomId(agent.id.0),
        askers: Vec::new(),
        tally: Default::default(),
        name: name.to_owned(),
        arguments: arguments.as_object().cloned().unwrap(),
        key: uuid::Uuid::now_v7(),
        deadline: Duration::from_secs(10),
        agent,
    };
    let tools: Arc<dyn Tools> = Arc::new(FileTools::new(host.workspaces.clone()));
    tools.call(call).await.map(|done| done.text)
}

#[actix_web::test]
async fn read_only_binds_the_agents_tools_by_any_spelling_and_no_person() {
    let company = Company::new().await;
    let site = &company.site;
    company.put("main.py", "by a person").await;
    company.check_permitted("GET", "/read-only", Value::Null).await;
    let get =
        async || site.call(&company.shared, "GET", "/api/agents/mine/read-only", Value::Null).await;
    let set = async |body: Value| {
        site.call(&company.owner, "PUT", "/api/agents/mine/read-only", body).await
    };
    let (_, before) = get().await;
    assert_eq!((&before["enabled"], &before["agent_name"]), (&json!(false), &json!("mine")));
    assert_eq!(before["config"]["blocked_patterns"].as_array().unwrap().len(), 28);
    assert_eq!(before["config"]["allowed_patterns"].as_array().unwrap().len(), 7);
    tool(&company, "write_file", "main.py").await.unwrap();

    let (status, on) = set(json!({"enabled": true})).await;
    assert_eq!(status, 200, "{on}");
    assert_eq!((&on["status"], &on["hooks_injected"]), (&json!("updated"), &json!(true)));
    assert!(on["message"].as_str().unwrap().contains("Read-only mode enabled"));
    assert_eq!(on["config"], before["config"]);
    for path in [
        "main.py",
        "./main.py",
        "content/../main.py",
        "a//b/../../main.py",
        "content/./../src/deep/new.rs",
        ".claude/settings.json",
        ".env",
        "sub/Makefile",
        "template.yaml",
    ] {
        for name in ["write_file", "append_to_file", "delete_file"] {
            let refused = tool(&company, name, path).await;
            assert!(matches!(refused, Err(ToolError::Refused(_))), "{name} {path}: {refused:?}");
        }
    }
    for path in ["content/new.py", "notes.txt", "deep/run.log", "picture.png"] {
        tool(&company, "write_file", path).await.unwrap();
    }
    assert!(tool(&company, "write_file", "/home/developer/main.py").await.is_err());
    // A person is not bound.
    assert_eq!(company.put("main.py", "by a person").await.0, 200);
    let path = "/api/agents/mine/files?path=main.py";
    assert_eq!(site.call(&company.shared, "DELETE", path, Value::Null).await.0, 200);

    let own = json!({"enabled": "yes", "config": {"blocked_patterns": ["*.md"]}});
    let (_, own) = set(own).await;
    assert_eq!(own["config"]["blocked_patterns"], json!(["*.md"]));
    assert_eq!(own["config"]["allowed_patterns"], before["config"]["allowed_patterns"]);
    tool(&company, "write_file", "main.py").await.unwrap();
    assert!(tool(&company, "write_file", "a.md").await.is_err());
    let (_, off) = set(json!({"enabled": 0})).await;
    assert_eq!(
        (&off["enabled"], &off["config"], &off["hooks_injected"]),
        (&json!(false), &Value::Null, &json!(false))
    );
    assert!(off["message"].as_str().unwrap().contains("Read-only mode disabled"));
    tool(&company, "write_file", "a.md").await.unwrap();
    assert_eq!(get().await.1["config"]["blocked_patterns"], json!(["*.md"]));
    let still = site
        .call(&company.owner, "PUT", "/api/agents/still/read-only", json!({"enabled": true}))
        .await;
    assert!(still.1["message"].as_str().unwrap().contains("next start"), "{}", still.1);
}

#[actix_web::test]
async fn each_mistake_with_read_only_is_told() {
    let company = Company::new().await;
    let site = &company.site;
    let many = vec!["*"; 257];
    for (token, body, status, words) in [
        (&company.owner, json!({}), 400, "enabled is required"),
        (&company.owner, json!({"enabled": null}), 400, "enabled is required"),
        (&company.owner, json!({"enabled": "perhaps"}), 400, "enabled"),
        (&company.owner, json!({"enabled": true, "config": []}), 400, "config must be an object"),
        (
            &company.owner,
            json!({"enabled": true, "config": {"blocked_patterns": "*"}}),
            400,
            "blocked_patterns must be a list",
        ),
        (
            &company.owner,
            json!({"enabled": true, "config": {"allowed_patterns": 3}}),
            400,
            "allowed_patterns must be a list",
        ),
        (
            &company.owner,
            json!({"enabled": true, "config": {"allowed_patterns": [3]}}),
            400,
            "allowed_patterns",
        ),
        (
            &company.owner,
            json!({"enabled": true, "config": {"allowed_patterns": many}}),
            400,
            "at most 256",
        ),
        (&company.owner, json!([]), 422, "model_attributes_type"),
        (&company.shared, json!({"enabled": true}), 403, "owner"),
        (&company.stranger, json!({"enabled": true}), 403, "read-only settings"),
    ] {
        let (found, told) =
            site.refused(token, "PUT", "/api/agents/mine/read-only", body.clone()).await;
        assert!(found == status && told.contains(words), "{body}: {found} {told}");
    }
    for (token, status) in [(&site.admin, 404), (&company.stranger, 403)] {
        let body = json!({"enabled": true});
        assert_eq!(site.refused(token, "PUT", "/api/agents/none/read-only", body).await.0, status);
    }
}

#[actix_web::test]
async fn only_its_owner_reads_an_agents_keys_and_says_what_runs_for_it() {
    let company = Company::new().await;
    let site = &company.site;
    let files = json!({"files": {".mcp.json": "{}", ".env": "A=sk-planted"}});
    let inject = "/api/agents/mine/credentials/inject";
    assert_eq!(site.call(&company.owner, "POST", inject, files).await.0, 200);
    let at = |deed: &str, path: &str| format!("/api/agents/mine/files{deed}?path={path}");
    for path in [".env", ".mcp.json", "%2Fhome%2Fdeveloper%2F.env", "x%2F..%2F.env", ".%2F.env"] {
        for deed in ["/download", "/preview"] {
            let told = site.send(&company.shared, "GET", &at(deed, path), Value::Null).await;
            assert!(matches!(told.status, 400 | 403), "{path}: {} {}", told.status, told.text);
            assert!(!told.text.contains("planted"));
        }
    }
    let read = site.send(&company.owner, "GET", &at("/download", ".env"), Value::Null).await;
    assert_eq!((read.status, read.text.as_str()), (200, "A=sk-planted"));
    for path in
        [".mcp.json", ".claude/settings.json", ".claude/hooks/x.sh", ".gemini/settings.json"]
    {
        let path = at("", path);
        let body = json!({"content": "{}"});
        let (status, told) = site.refused(&company.shared, "PUT", &path, body.clone()).await;
        assert!(status == 403 && told.contains("Cannot edit protected path"), "{path}: {told}");
        assert_eq!(site.call(&company.owner, "PUT", &path, body).await.0, 200, "{path}");
    }
    let (status, _) = site
        .refused(&company.shared, "DELETE", &at("", ".claude/settings.json"), Value::Null)
        .await;
    assert_eq!(status, 403);
}

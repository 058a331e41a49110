//! Agents from archives and manifests, their skills and pictures.

use std::os::unix::fs::PermissionsExt;

use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::files::Company;
use crate::accounts::Role;
use crate::dialects::trinity::system_agent;

fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn archive(files: &[(&str, &str)]) -> String {
    STANDARD.encode(packed(files))
}

const TEMPLATE: &str = "name: Etl Helper\nresources: {cpu: 1, memory: 2g}\n";

#[actix_web::test]
async fn an_archive_becomes_an_agent_and_the_next_one_its_next_version() {
    let company = Company::new().await;
    let site = &company.site;
    let deploy = async |body: Value| {
        site.call(&company.owner, "POST", "/api/agents/deploy-local", body).await
    };
    let manifest = json!([{
        "path": "content/a.txt",
        // Not that of the text `begin`.
        "sha256": "a0d7ac0dd7e1abf4a5f0a5a5f3d45e1ea5eaeb0d7bb0a8ab0c4c80c5c9f0d5ad",
    }]);
    let files = [("template.yaml", TEMPLATE), ("content/a.txt", "begin"), (".env", "A=1\nB=2\n")];
    let credentials = json!({"B": "new", "C": "two words"});
    let body = json!({"archive": archive(&files), "credentials": credentials});
    let (status, first) = deploy(body).await;
    assert_eq!(status, 200, "{first}");
    let versioning = json!({
        "base_name": "etl-helper", "previous_version": null,
        "previous_version_stopped": false, "new_version": "etl-helper",
    });
    assert_eq!((&first["status"], &first["versioning"]), (&json!("success"), &versioning));
    assert_eq!(first["agent"]["resources"], json!({"cpu": "1", "memory": "2g"}));
    assert_eq!(first["credentials_imported"], json!({".env": "merged"}));
    assert_eq!((&first["credentials_injected"], &first["files_deployed"]), (&json!(2), &json!(3)));
    let path = "/api/agents/etl-helper/files/download?path=.env";
    let env = site.send(&company.owner, "GET", path, Value::Null).await.text;
    assert_eq!(env, "A=1\nB=new\nC=\"two words\"\n");

    let stage = &site.stage;
    let agent = stage.host.roster.find("etl-helper").await.unwrap().unwrap();
    let file = stage.folder().join(format!("workspaces/{}/.env", agent.id));
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let (status, second) = deploy(json!({"archive": archive(&files[..2])})).await;
    assert_eq!(status, 200, "{second}");
    let versioning = json!({
        "base_name": "etl-helper", "previous_version": "etl-helper",
        "previous_version_stopped": true, "new_version": "etl-helper-2",
    });
    assert_eq!((&second["versioning"], &second["credentials_imported"]), (&versioning, &json!({})));
    let (_, old) = site.call(&company.owner, "GET", "/api/agents/etl-helper", Value::Null).await;
    assert_eq!(old["status"], "stopped");
    // What is another's is no version of one's own.
    let other = site.user("other@example.org", Role::Creator).await;
    let body = json!({"archive": archive(&files), "name": "Etl Helper"});
    let (_, third) = site.call(&other, "POST", "/api/agents/deploy-local", body).await;
    assert_eq!(third["versioning"]["new_version"], "etl-helper-3");
    assert_eq!(third["versioning"]["previous_version"], Value::Null);

    let listed = manifest.to_string();
    let with_list = [files[0], files[1], (".trinity-manifest.json", listed.as_str())];
    let body = json!({"archive": archive(&with_list), "require_manifest": true, "name": "listed"});
    let (status, told) = deploy(body).await;
    assert_eq!((status, &told["detail"]["code"]), (400, &json!("INVALID_ARCHIVE")), "{told}");
}

#[actix_web::test]
async fn the_hosts_own_agent_is_no_version_of_what_is_deployed_under_its_name() {
    let company = Company::new().await;
    let (site, host) = (&company.site, &company.site.stage.host);
    system_agent::ensure(host).await.unwrap();
    let body =
        json!({"archive": archive(&[("template.yaml", TEMPLATE)]), "name": "trinity-system"});
    let (status, told) = site.call(&site.admin, "POST", "/api/agents/deploy-local", body).await;
    assert_eq!(status, 200, "{told}");
    let versioning = json!({
        "base_name": "trinity-system", "previous_version": null,
        "previous_version_stopped": false, "new_version": "trinity-system-2",
    });
    assert_eq!(told["versioning"], versioning);
    let own = host.roster.find("trinity-system").await.unwrap().unwrap();
    assert!(own.is_running() && own.entry.is_system);
}

#[actix_web::test]
async fn the_list_of_an_archives_files_is_none_of_them() {
    let company = Company::new().await;
    let text = "begin";
    let hash = |text: &str| {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let listed = json!([
        {"path": "content/a.txt", "sha256": hash(text)},
        {"path": "template.yaml", "sha256": hash(TEMPLATE)},
    ])
    .to_string();
    let files = [
        ("template.yaml", TEMPLATE),
        ("content/a.txt", text),
        (".trinity-manifest.json", listed.as_str()),
    ];
    let body = json!({"archive": archive(&files), "require_manifest": true});
    let path = "/api/agents/deploy-local";
    let (status, told) = company.site.call(&company.owner, "POST", path, body).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(
        (&told["verified"], &told["files_deployed"], &told["files_expected"]),
        (&json!(true), &json!(2), &json!(2))
    );
}

#[actix_web::test]
async fn an_archive_that_cannot_be_taken_says_why() {
    let company = Company::new().await;
    let site = &company.site;
    let mut device = Header::new_gnu();
    device.set_entry_type(EntryType::Fifo);
    device.set_size(0);
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    builder.append_data(&mut device, "pipe", &b""[..]).unwrap();
    let device = STANDARD.encode(builder.into_inner().unwrap().finish().unwrap());
    let names: Vec<String> = (0..1001).map(|nth| nth.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let credentials: serde_json::Map<_, _> =
        (0..101).map(|nth| (format!("K{nth}"), json!("v"))).collect();
    let good = archive(&[("template.yaml", TEMPLATE)]);
    let zeros = "0".repeat(9_000_000);
    let large = archive(&[("template.yaml", TEMPLATE), ("zeros.txt", &zeros)]);
    for (body, code) in [
        (json!({"archive": "no base64!"}), "INVALID_ARCHIVE"),
        (json!({"archive": STANDARD.encode("no archive")}), "INVALID_ARCHIVE"),
        (json!({"archive": device}), "INVALID_ARCHIVE"),
        (json!({"archive": archive(&many)}), "TOO_MANY_FILES"),
        (json!({"archive": archive(&[("a", "x")])}), "NOT_TRINITY_COMPATIBLE"),
        (json!({"archive": archive(&[("template.yaml", "name: x")])}), "NOT_TRINITY_COMPATIBLE"),
        (json!({"archive": archive(&[("template.yaml", "resources: {cpu: 1}")])}), "MISSING_NAME"),
        (json!({"archive": large}), "FILE_TOO_LARGE"),
        (json!({"archive": good, "credentials": credentials}), "TOO_MANY_CREDENTIALS"),
        (json!({"archive": good, "credentials": {"a b": "v"}}), "INVALID_CREDENTIALS"),
        (json!({"archive": good, "require_manifest": true}), "INVALID_ARCHIVE"),
    ] {
        let (status, told) =
            site.call(&company.owner, "POST", "/api/agents/deploy-local", body).await;
        assert_eq!((status, &told["detail"]["code"]), (400, &json!(code)), "{told}");
    }
    let body = json!({"archive": good});
    let (status, told) =
        site.refused(&company.shared, "POST", "/api/agents/deploy-local", body).await;
    assert!(status == 403 && told.contains("'creator'"), "{told}");
    for (body, kind, at) in [
        ("{}", "missing", json!(["body", "archive"])),
        ("", "missing", json!(["body"])),
        ("{\"archive\": ", "json_invalid", json!(["body", 11])),
    ] {
        let request = TestRequest::post().uri("/api/agents/deploy-local");
        let token = ("authorization", format!("Bearer {}", company.owner));
        let request = request.insert_header(token).set_payload(body);
        let heard = site.stage.ask(request).await;
        site.check("POST", "/api/agents/deploy-local", &heard);
        let fault = &heard.json()["detail"][0];
        assert_eq!((heard.status, &fault["type"]), (422, &json!(kind)), "{}", heard.text);
        assert_eq!(fault["loc"], at, "{}", heard.text);
    }
}

#[actix_web::test]
async fn a_manifest_becomes_a_system() {
    let company = Company::new().await;
    let site = &company.site;
    site.agent(&company.owner, "team-worker").await;
    let manifest = "name: team\nprompt: Be brief.\ndefault_tags: [team]\nagents:\n  orchestrator:\n    \
        template: local:default\n    schedules: [{name: daily, cron: '0 9 * * 1-5 30', message: Go}]\n    \
        folders: {consume: true}\n  worker:\n    template: local:default\n    resources: {cpu: 4}\n    \
        folders: {expose: true}\n    tags: [one]\npermissions: {preset: full-mesh}\n\
        system_view: {name: The team, icon: T}\n";
    let deploy = async |token: &str, body: Value| {
        site.call(token, "POST", "/api/systems/deploy", body).await
    };
    let (status, trial) =
        deploy(&company.owner, json!({"manifest": manifest, "dry_run": true})).await;
    assert_eq!((status, &trial["status"]), (200, &json!("valid")), "{trial}");
    let names: Vec<_> =
        trial["agents_to_create"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["team-orchestrator", "team-worker_2"]);
    let (status, made) = deploy(&company.owner, json!({"manifest": manifest})).await;
    assert_eq!((status, &made["status"]), (200, &json!("deployed")), "{made}");
    assert_eq!(made["agents_created"], json!(["team-orchestrator", "team-worker_2"]));
    assert_eq!(
        (&made["schedules_created"], &made["permissions_configured"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(made["prompt_updated"], true);
    let get = async |path: &str| site.call(&company.owner, "GET", path, Value::Null).await;
    let (_, schedules) = get("/api/agents/team-orchestrator/schedules").await;
    assert_eq!(
        (&schedules[0]["cron_expression"], &schedules[0]["timeout_seconds"]),
        (&json!("0 9 * * 1-5 30"), &json!(900))
    );
    let view = format!("/api/system-views/{}", made["system_view_created"].as_str().unwrap());
    let (_, view) = get(&view).await;
    assert_eq!(
        (&view["name"], &view["filter_tags"], &view["agent_count"]),
        (&json!("The team"), &json!(["team"]), &json!(2)),
    );
    let (_, worker) = get("/api/agents/team-worker_2").await;
    assert_eq!((&worker["tags"], &worker["status"]), (&json!(["one", "team"]), &json!("running")));
    let (_, folders) = get("/api/agents/team-orchestrator/folders").await;
    assert_eq!(folders["consumed_folders"][0]["currently_mounted"], true, "{folders}");
    let (_, systems) = get("/api/systems").await;
    assert_eq!(systems["systems"][0]["agent_count"], 2);
    let (_, one) = get("/api/systems/team").await;
    assert_eq!(one["agents"].as_array().unwrap().len(), 2);
    let yaml = site.send(&company.owner, "GET", "/api/systems/team/manifest", Value::Null).await;
    let again = crate::templates::yaml::read(&yaml.text).unwrap();
    assert_eq!(
        again["permissions"]["explicit"],
        json!({"orchestrator": ["worker_2"], "worker_2": ["orchestrator"]})
    );
    let (_, restarted) =
        site.call(&company.owner, "POST", "/api/systems/team/restart", Value::Null).await;
    assert_eq!(restarted["restarted"].as_array().unwrap().len(), 2, "{restarted}");
    assert_eq!(site.call(&company.stranger, "GET", "/api/systems/team", Value::Null).await.0, 404);
    for (body, status, words) in [
        (json!({"manifest": "{"}), 400, "Invalid YAML"),
        (
            json!({"manifest": "name: x\nagents: {a: {template: 'local:nope'}}", "dry_run": true}),
            400,
            "local:nope",
        ),
        (
            json!({"manifest": "name: x\nagents: {a: {template: plain}}", "dry_run": true}),
            400,
            "'local:' or 'github:'",
        ),
        (json!({"manifest": "name: x\nagents: {a: {template: 'local:none'}}"}), 400, "local:none"),
        (json!({}), 422, "missing"),
    ] {
        let (found, told) = site.refused(&company.owner, "POST", "/api/systems/deploy", body).await;
        assert!(found == status && told.contains(words), "{found} {told}");
    }
    assert_eq!(get("/api/agents/x-a").await.0, 404);
    assert_eq!(deploy(&company.shared, json!({"manifest": manifest})).await.0, 403);
}

#[actix_web::test]
async fn nothing_is_fetched_for_a_system_that_there_is_no_room_for() {
    let company = Company::new().await;
    let agents: Vec<_> =
        (0..10).map(|n| format!("  a{n}: {{template: 'github:none/none-{n}'}}\n")).collect();
    let manifest = format!("name: x\nagents:\n{}", agents.concat());
    let body = json!({"manifest": manifest});
    let told = company.site.call(&company.owner, "POST", "/api/systems/deploy", body).await;
    assert_eq!((told.0, &told.1["detail"]["code"]), (429, &json!("QUOTA_EXCEEDED")), "{}", told.1);
    assert_eq!(told.1["detail"]["current"], 2);
}

#[actix_web::test]
async fn playbooks_are_read_and_what_there_is_not_is_said() {
    let company = Company::new().await;
    let site = &company.site;
    let playbook =
        "---\nname: brief\ndescription: Writes a brief\nuser-invocable: false\n---\n# Brief\n";
    company.write("mine", ".claude/skills/brief/SKILL.md", playbook).await;
    company.write("mine", ".claude/skills/plain/SKILL.md", "# Plain").await;
    company.write("mine", ".claude/skills/none/other.md", "x").await;
    let get = async |path: &str| site.call(&company.shared, "GET", path, Value::Null).await;
    let (_, found) = get("/api/agents/mine/playbooks").await;
    assert_eq!(
        (&found["count"], &found["skill_paths"]),
        (&json!(2), &json!(["/home/developer/.claude/skills"]))
    );
    let first = &found["skills"][0];
    assert_eq!((&first["name"], &first["user_invocable"]), (&json!("brief"), &json!(false)));
    assert_eq!(found["skills"][1]["name"], "plain");
    assert_eq!(get("/api/skills/library").await, (200, json!([])));
    assert_eq!(get("/api/skills/library/status").await.1["configured"], false);
    for (path, git) in [("status", true), ("config", true), ("log", false), ("sync-state", false)] {
        let (status, told) = get(&format!("/api/agents/mine/git/{path}")).await;
        assert_eq!(
            (status, told["git_enabled"] == json!(false)),
            (if git { 200 } else { 400 }, git)
        );
    }
    let none = Value::Null;
    for (token, method, path, body, status) in [
        (&company.owner, "GET", "/api/agents/still/playbooks", none.clone(), 503),
        (&company.owner, "PUT", "/api/agents/mine/skills", json!({"skills": []}), 200),
        (&company.owner, "PUT", "/api/agents/mine/skills", json!({"skills": ["x"]}), 404),
        (&company.owner, "POST", "/api/agents/mine/skills/x", none.clone(), 404),
        (&company.shared, "PUT", "/api/agents/mine/skills", json!({"skills": []}), 403),
        (&company.owner, "POST", "/api/agents/mine/skills/inject", none.clone(), 200),
        (&site.admin, "POST", "/api/skills/library/sync", none.clone(), 400),
        (&company.owner, "POST", "/api/skills/library/sync", none.clone(), 403),
        (&company.owner, "POST", "/api/agents/mine/git/sync", none.clone(), 400),
        (&company.shared, "POST", "/api/agents/mine/git/initialize", none.clone(), 403),
        (&company.owner, "GET", "/api/agents/mine/avatar", none.clone(), 404),
        (&company.owner, "DELETE", "/api/agents/mine/avatar", none.clone(), 404),
        (&company.owner, "POST", "/api/agents/mine/avatar/generate", none.clone(), 501),
        (&company.owner, "POST", "/api/agents/mine/avatar/regenerate", none.clone(), 501),
        (&site.admin, "POST", "/api/agents/avatars/generate-defaults", none.clone(), 501),
    ] {
        let (found, told) = site.call(token, method, path, body).await;
        assert_eq!(found, status, "{method} {path}: {told}");
    }
}

#[actix_web::test]
async fn a_picture_that_a_template_brings_is_shown_until_it_is_removed() {
    let company = Company::new().await;
    let site = &company.site;
    let folder = site.stage.folder().join("templates/seen/.trinity");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("avatar.png"), [0x89, b'P', b'N', b'G']).unwrap();
    std::fs::write(folder.join("../template.yaml"), "name: seen\navatar_prompt: A lamp").unwrap();
    let body = json!({"name": "seen", "template": "local:seen"});
    assert_eq!(site.call(&company.owner, "POST", "/api/agents", body).await.0, 200);
    let get = async |path: &str| site.call(&company.owner, "GET", path, Value::Null).await.1;
    let url = get("/api/agents/seen").await["avatar_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("/api/agents/seen/avatar?v="), "{url}");
    // As an image of a page is asked for: without a token.
    let heard = site.send("", "GET", &url, Value::Null).await;
    assert_eq!((heard.status, heard.header("content-type")), (200, "image/png"));
    let identity = get("/api/agents/seen/avatar/identity").await;
    assert_eq!(
        (&identity["has_avatar"], &identity["identity_prompt"]),
        (&json!(true), &json!("A lamp"))
    );
    let path = "/api/agents/seen/avatar";
    assert_eq!(site.call(&company.owner, "DELETE", path, Value::Null).await.0, 200);
    assert_eq!(get("/api/agents/seen").await["avatar_url"], Value::Null);
    assert_eq!(site.send("", "GET", path, Value::Null).await.status, 404);
    assert_eq!(get("/api/agents/seen/avatar/identity").await["has_avatar"], false);
}

#[actix_web::test]
async fn other_names_of_a_file_are_unpacked_and_links_are_told_to_be_left_out() {
    let company = Company::new().await;
    let site = &company.site;
    let packed = |leads_to: &str, names_link: bool| {
        let hash = |text: &str| -> String {
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let mut listed = vec![
            json!({"path": "template.yaml", "sha256": hash(TEMPLATE)}),
            json!({"path": "content/again.yaml", "sha256": hash(TEMPLATE)}),
        ];
        listed.extend(names_link.then(|| json!({"path": "link", "link_target": "template.yaml"})));
        let listed = json!(listed).to_string();
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in [("template.yaml", TEMPLATE), (".trinity-manifest.json", &listed)] {
            let mut header = Header::new_gnu();
            header.set_size(content.len().try_into().unwrap());
            header.set_mode(0o644);
            builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        for (kind, path, target) in [
            (EntryType::Link, "content/again.yaml", "template.yaml"),
            (EntryType::Symlink, "link", leads_to),
        ] {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            builder.append_link(&mut header, path, target).unwrap();
        }
        STANDARD.encode(builder.into_inner().unwrap().finish().unwrap())
    };
    let deploy = async |archive: String| {
        let body = json!({"archive": archive, "require_manifest": true});
        site.call(&company.owner, "POST", "/api/agents/deploy-local", body).await
    };
    for (names_link, is_verified) in [(false, true), (true, false)] {
        let (status, made) = deploy(packed("template.yaml", names_link)).await;
        assert_eq!(status, 200, "{made}");
        for (field, value) in [
            ("verified", json!(is_verified)),
            ("files_deployed", json!(2)),
            ("files_expected", json!(2)),
            ("symlinks_deployed", json!(0)),
        ] {
            assert_eq!(made[field], value, "{field}: {made}");
        }
        assert!(made["warnings"][0].as_str().unwrap().contains("link"), "{made}");
        let name = made["versioning"]["new_version"].as_str().unwrap();
        let path = format!("/api/agents/{name}/files/download?path=content/again.yaml");
        assert_eq!(site.send(&company.owner, "GET", &path, Value::Null).await.text, TEMPLATE);
    }
    let (status, told) = deploy(packed("content", true)).await;
    assert_eq!((status, &told["detail"]["code"]), (400, &json!("INVALID_ARCHIVE")), "{told}");
}

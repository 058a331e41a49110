//! Section 7: the files, and the bundle of them.

use serde_json::{Value, json};

use super::{Cast, KEY, Row, Who};
use crate::credentials::bundle::{Key, seal};

fn at(deed: &str) -> String {
    format!("/api/agents/ada/credentials/{deed}")
}

#[actix_web::test]
async fn files_are_written_sealed_and_read_back() {
    let cast = Cast::new().await;
    let absent = json!({"exists": false});
    let mut files = json!({
        ".env": absent, ".mcp.json": absent, ".mcp.json.template": absent, ".credentials.enc": absent,
    });
    let expected = json!({"agent_name": "ada", "files": files, "credential_count": 0});
    assert_eq!(cast.ok("GET", &at("status"), Value::Null).await, expected);
    let env = "# x\n\nA=1\n B = \"q\"\nnothing\nC='3'\n";
    let body = json!({"files": {".mcp.json": "{}", ".env": env}});
    let told = cast.ok("POST", &at("inject"), body).await;
    assert_eq!(
        (&told["status"], &told["files_written"]),
        (&json!("success"), &json!([".mcp.json", ".env"]))
    );
    assert!(told["message"].is_string());
    let told = cast.ok("POST", &at("export"), Value::Null).await;
    let expected =
        json!({"status": "success", "encrypted_file": ".credentials.enc", "files_exported": 2});
    assert_eq!(told, expected);
    let told = cast.ok("POST", &at("import"), Value::Null).await;
    assert_eq!(
        (&told["status"], &told["files_imported"]),
        (&json!("success"), &json!([".env", ".mcp.json"]))
    );
    assert!(told["message"].is_string());
    let there = cast.ok("GET", &at("status"), Value::Null).await;
    assert_eq!(there["credential_count"], 3);
    files = there["files"].clone();
    for (name, is_there) in [
        (".env", true),
        (".mcp.json", true),
        (".mcp.json.template", false),
        (".credentials.enc", true),
    ] {
        assert_eq!(files[name]["exists"], is_there, "{name}");
        assert_eq!(files[name]["size"].is_u64(), is_there, "{name}");
        assert_eq!(files[name]["modified"].is_string(), is_there, "{name}");
    }
    for who in [Who::Owner, Who::Shared] {
        let path = "/api/agents/idle/credentials/status";
        let (status, told) = cast.site.call(cast.token(who), "GET", path, Value::Null).await;
        assert_eq!((status, &told["status"]), (200, &json!("agent_not_running")));
        assert_eq!(told["agent_name"], "idle");
    }
}

#[actix_web::test]
async fn each_refusal_of_credentials_is_told() {
    let cast = Cast::new().await;
    let (inject, export, import) = (at("inject"), at("export"), at("import"));
    let put = |body: Value, status: u16, words: &'static str| -> Row<'_> {
        (Who::Owner, "POST", &inject, body, status, words)
    };
    cast.told([
        put(Value::Null, 422, "missing|body"),
        put(json!([]), 422, "model_attributes_type"),
        put(json!({}), 422, "missing|files"),
        put(json!({"files": null}), 422, "dict_type|files"),
        put(json!({"files": []}), 422, "dict_type|files"),
        put(json!({"files": {".env": 1}}), 422, "string_type|.env"),
        put(json!({"files": {}}), 400, "No files"),
        put(
            json!({"files": {"a": "", ".env": ""}}),
            400,
            "Disallowed file path(s)|: a|.mcp.json.template",
        ),
        put(json!({"files": {"../.env": ""}}), 400, "Disallowed file path(s)|../.env"),
        put(json!({"files": {"/home/developer/.env": ""}}), 400, "Disallowed file path(s)"),
        // Who may comes before the shape.
        (Who::Shared, "POST", &inject, json!({}), 403, "=Owner access required"),
        (
            Who::Owner,
            "POST",
            "/api/agents/none/credentials/inject",
            json!({}),
            404,
            "=Agent not found",
        ),
        (Who::Owner, "POST", &export, Value::Null, 400, "No credential files"),
        (Who::Owner, "POST", &import, Value::Null, 400, "No .credentials.enc"),
    ])
    .await;
    for deed in ["inject", "export", "import"] {
        let path = format!("/api/agents/idle/credentials/{deed}");
        let body = if deed == "inject" { json!({"files": {".env": "A=1"}}) } else { Value::Null };
        let told = "not running|(status: stopped)";
        cast.told([(Who::Owner, "POST", path.as_str(), body, 400, told)]).await;
    }
    let key = Key::parse(KEY).unwrap();
    let other = Key::parse(&"5".repeat(64)).unwrap();
    let good = seal(&[(".env", "A=1")], &key, [1; 12]).unwrap();
    // Another first letter of what is sealed.
    let changed = good.replacen("\"ciphertext\": \"", "\"ciphertext\": \"//", 1);
    for (bundle, words) in [
        ("no JSON".to_owned(), "invalid format"),
        ("{}".to_owned(), ""),
        (good.replacen("\"version\": 1", "\"version\": 3", 1), "version"),
        (good.replacen("AES-256-GCM", "ROT13", 1), "algorithm"),
        (good.replacen("\"nonce\": \"", "\"nonce\": \"?", 1), ""),
        (changed, ""),
        (seal(&[(".env", "A=1")], &other, [1; 12]).unwrap(), "decryption failed"),
        (seal(&[("../x", "y")], &key, [1; 12]).unwrap(), "Disallowed file path(s)|../x"),
    ] {
        let files = json!({"files": {".credentials.enc": bundle}});
        cast.ok("POST", &inject, files).await;
        cast.told([(Who::Owner, "POST", import.as_str(), Value::Null, 400, words)]).await;
        let there = cast.ok("GET", &at("status"), Value::Null).await;
        assert_eq!(there["files"][".env"]["exists"], false, "{bundle}");
    }
    cast.ok("POST", &inject, json!({"files": {".credentials.enc": good}})).await;
    cast.told([(Who::Owner, "POST", import.as_str(), Value::Null, 200, "")]).await;

    let keyless = Cast::of(None, false).await;
    keyless.ok("POST", &inject, json!({"files": {".env": "A=1"}})).await;
    let variable = "CREDENTIAL_ENCRYPTION_KEY";
    keyless
        .told([
            (Who::Owner, "POST", export.as_str(), Value::Null, 400, variable),
            (Who::Owner, "POST", &import, Value::Null, 400, variable),
        ])
        .await;
}

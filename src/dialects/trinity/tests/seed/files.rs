//! Section 5: the tree and a download.

use std::fs::File;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{Cast, Row, Who};

/// Bytes of a file above what is sent.
const TOO_LARGE: u64 = 104_857_601;

#[actix_web::test]
async fn the_tree_is_as_it_is_asked_for() {
    let cast = Cast::of(None, false).await;
    for path in ["B.txt", "a.txt", "deep/x.py", ".hidden"] {
        let path = format!("/api/agents/ada/files?path=content/{path}");
        cast.ok("PUT", &path, json!({"content": "grüße"})).await;
    }
    let names = |tree: &Value| -> Vec<String> {
        let nodes = tree.as_array().unwrap().iter();
        nodes.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    };
    for (query, requested, total, expected) in [
        ("", ".", 3, vec!["content", "mcp-servers"]),
        ("?path=/home/developer", ".", 3, vec!["content", "mcp-servers"]),
        ("?path=content", "content", 3, vec!["deep", "a.txt", "B.txt"]),
        ("?path=/home/developer/content/", "content", 3, vec!["deep", "a.txt", "B.txt"]),
        ("?path=mcp-servers/../content/./deep", "content/deep", 1, vec!["x.py"]),
        ("?path=content&show_hidden=on", "content", 4, vec!["deep", ".hidden", "a.txt", "B.txt"]),
        ("?path=content&show_hidden=0", "content", 3, vec!["deep", "a.txt", "B.txt"]),
    ] {
        let told = cast.ok("GET", &format!("/api/agents/ada/files{query}"), Value::Null).await;
        assert_eq!(names(&told["tree"]), expected, "{query}");
        for (field, value) in [
            ("base_path", json!("/home/developer")),
            ("requested_path", json!(requested)),
            ("total_files", json!(total)),
            ("show_hidden", json!(query.contains("=on"))),
        ] {
            assert_eq!(told[field], value, "{query} {field}");
        }
    }
}

#[actix_web::test]
async fn each_refusal_of_a_tree_or_a_download_is_told() {
    let cast = Cast::of(None, false).await;
    cast.ok("PUT", "/api/agents/ada/files?path=a.txt", json!({"content": "x"})).await;
    let id = cast.site.stage.host.roster.find("ada").await.unwrap().unwrap().id;
    let home = cast.site.stage.folder().join("workspaces").join(id.to_string());
    assert!(home.is_dir(), "{}", home.display());
    symlink("/etc/passwd", home.join("link")).unwrap();
    symlink("/etc", home.join("etc")).unwrap();
    File::create(home.join("large")).unwrap().set_len(TOO_LARGE).unwrap();
    let mut all: Vec<(Who, String, u16, &str)> = Vec::new();
    let tree = |query: &str| format!("/api/agents/ada/files{query}");
    let download = |path: &str| format!("/api/agents/ada/files/download?path={path}");
    for (query, status, words) in [
        ("?path=nowhere", 404, "Path not found"),
        ("?path=a.txt", 400, "Not a directory"),
        ("?path=..", 403, "Access denied"),
        ("?path=../x", 403, "Access denied"),
        ("?path=/etc", 403, "Access denied"),
        ("?path=/home/developer2", 403, "Access denied"),
        ("?path=/home/developer/../developer2", 403, "Access denied"),
        ("?path=etc", 403, "Access denied"),
        ("?show_hidden=perhaps", 422, "bool_parsing|show_hidden"),
    ] {
        all.push((Who::Owner, tree(query), status, words));
    }
    for (path, status, words) in [
        ("nothing", 404, "File not found"),
        ("nowhere/a.txt", 404, "File not found"),
        (".", 400, "Not a file"),
        ("mcp-servers", 400, "Not a file"),
        ("large", 413, "too large"),
        ("..%2F..%2Fetc%2Fpasswd", 403, "Access denied"),
        ("/etc/passwd", 403, "Access denied"),
        ("/home/developer2/x", 403, "Access denied"),
        ("link", 403, "Access denied"),
        ("etc/passwd", 403, "Access denied"),
        ("x%00y", 400, "Invalid path"),
    ] {
        all.push((Who::Owner, download(path), status, words));
    }
    let bare = "/api/agents/ada/files/download".to_owned();
    for who in [Who::Owner, Who::Stranger] {
        // The shape of what is asked comes before who may, which tells strangers nothing.
        all.push((who, bare.clone(), 422, "missing|path"));
        all.push((who, tree("?show_hidden=7"), 422, "bool_parsing"));
    }
    let stopped = "/api/agents/idle/files";
    all.push((Who::Shared, stopped.to_owned(), 400, "must be running|browse"));
    all.push((Who::Shared, format!("{stopped}/download?path=x"), 400, "must be running|download"));
    let row = |(who, path, status, words): &(Who, String, u16, &'static str)| {
        (*who, path.clone(), *status, *words)
    };
    for (who, path, status, words) in all.iter().map(row) {
        let row: Row<'_> = (who, "GET", &path, Value::Null, status, words);
        cast.told([row]).await;
    }
}

#[actix_web::test]
async fn a_download_is_the_file_as_it_is() {
    let cast = Cast::of(None, false).await;
    let id = cast.site.stage.host.roster.find("ada").await.unwrap().unwrap().id;
    let workspace = cast.site.stage.host.workspaces.free(id);
    for (name, content) in
        [("text.md", "grüße\n".as_bytes()), ("picture", b"\xff\xd8\x00"), ("empty", b"")]
    {
        workspace.write(name.parse().unwrap(), content.to_vec()).await.unwrap();
    }
    for (name, sort, length) in [
        ("text.md", "text/plain; charset=utf-8", 8),
        ("/home/developer/text.md", "text/plain; charset=utf-8", 8),
        ("picture", "application/octet-stream", 3),
        ("empty", "text/plain; charset=utf-8", 0),
    ] {
        for who in [Who::Owner, Who::Shared, Who::Admin, Who::Key] {
            let path = format!("/api/agents/ada/files/download?path={name}");
            let heard = cast.site.send(cast.token(who), "GET", &path, Value::Null).await;
            assert_eq!((heard.status, heard.header("content-type")), (200, sort), "{who:?} {name}");
            if sort.starts_with("text") {
                assert_eq!(heard.text.len(), length, "{who:?} {name}");
            }
        }
    }
}

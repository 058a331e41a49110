//! How somebody comes to be known.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{PASSWORD, Site};
use crate::accounts::{Mode, NewListed, Role};
use crate::dialects::stage::{Heard, Setting, stage_of};
use crate::dialects::trinity::{Trinity, TrinitySettings};

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=XX";

fn parts(fields: &[(&str, &str)]) -> String {
    let part = |(name, text): &(&str, &str)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--XX--\r\n"
}

async fn log_in(site: &Site, path: &str, sort: &str, body: &str) -> Heard {
    let request = TestRequest::post().uri(path).insert_header(("content-type", sort));
    let heard = site.stage.ask(request.set_payload(body.to_owned())).await;
    site.check("POST", path, &heard);
    heard
}

#[actix_web::test]
async fn a_password_logs_in_by_either_form_and_by_no_other() {
    let site = Site::new().await;
    let good = "username=admin&password=Correct-Horse-7%21&grant_type=password&scope=";
    let fields = [("username", "admin"), ("password", PASSWORD)];
    for path in ["/api/token", "/token", "/api/token/"] {
        for (sort, body) in [(FORM, good.to_owned()), (PARTS, parts(&fields))] {
            let heard = log_in(&site, path, sort, &body).await;
            assert_eq!(heard.status, 200, "{path} {sort}: {}", heard.text);
            let told = heard.json();
            assert_eq!(told["token_type"], "bearer");
            let token = told["access_token"].as_str().unwrap();
            let (status, me) = site.call(token, "GET", "/api/users/me", Value::Null).await;
            let expected = json!({
                "username": "admin", "email": null, "name": null, "picture": null, "role": "admin"
            });
            assert_eq!((status, me), (200, expected));
        }
    }
    let missing = |names: &[&str]| -> Value {
        let fault = |name: &&str| json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": null});
        json!({"detail": names.iter().map(fault).collect::<Vec<_>>()})
    };
    for (sort, body, names) in [
        (
            "application/json",
            r#"{"username": "admin", "password": "x"}"#,
            &["username", "password"][..],
        ),
        (FORM, "username=admin", &["password"]),
        (FORM, "username=&password=x", &["username"]),
        (FORM, "", &["username", "password"]),
        (PARTS, "--XX--\r\n", &["username", "password"]),
    ] {
        let heard = log_in(&site, "/api/token", sort, body).await;
        assert_eq!((heard.status, heard.json()), (422, missing(names)), "{sort} {body}");
    }
    let heard = log_in(&site, "/api/token", PARTS, "nonsense").await;
    assert!(matches!(heard.status, 400 | 422), "{}", heard.text);
    let heard = log_in(&site, "/api/token", FORM, &"x".repeat(100_000)).await;
    assert_eq!(heard.status, 413);
}

#[actix_web::test]
async fn a_wrong_password_is_refused_and_soon_for_a_while() {
    let site = Site::new().await;
    for body in ["username=admin&password=x", "username=nobody&password=x"] {
        let heard = log_in(&site, "/token", FORM, body).await;
        assert_eq!(heard.status, 401);
        assert_eq!(heard.json(), json!({"detail": "Incorrect username or password"}));
        assert_eq!(heard.header("www-authenticate"), "Bearer");
    }
    for _ in 0..3 {
        assert_eq!(log_in(&site, "/token", FORM, "username=admin&password=x").await.status, 401);
    }
    let heard = log_in(&site, "/api/token", FORM, "username=admin&password=x").await;
    assert_eq!(heard.status, 429);
    let told = heard.json()["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("login attempts") && told.contains("seconds"), "{told}");
    assert!(heard.header("retry-after").parse::<u64>().unwrap() > 500);
    let (_, log) = site
        .call(&site.admin, "GET", "/api/audit-log?event_action=login_failed", Value::Null)
        .await;
    assert_eq!(log["total"], 5);
    assert!(!log.to_string().contains("password=x"));
}

#[actix_web::test]
async fn the_first_setup_is_made_once() {
    let stage = stage_of(Setting::default(), |host| {
        Trinity::new(TrinitySettings::default().into(), host.clone()).app()
    })
    .await;
    let said = async |method: &str, path: &str, body: Value| stage.said(method, path, body).await;
    let detail = |told: (u16, Value)| (told.0, told.1["detail"].as_str().unwrap().to_owned());
    assert_eq!(
        said("GET", "/api/setup/status", Value::Null).await,
        (200, json!({"setup_completed": false}))
    );
    assert_eq!(
        said("GET", "/api/auth/mode", Value::Null).await,
        (200, json!({"email_auth_enabled": true, "setup_completed": false}))
    );
    let address = json!({"email": "a@b"});
    let setup_required = (403, "setup_required".to_owned());
    let code = json!({"email": "a@b", "code": "123456"});
    for (path, body) in [
        ("/api/auth/email/request", &address),
        ("/api/auth/email/verify", &code),
        ("/api/access/request", &address),
    ] {
        assert_eq!(detail(said("POST", path, body.clone()).await), setup_required, "{path}");
    }
    let form = TestRequest::post().uri("/token").insert_header(("content-type", FORM));
    let heard = stage.ask(form.set_payload("username=admin&password=x")).await;
    assert_eq!((heard.status, heard.json()), (403, json!({"detail": "setup_required"})));

    let token = stage.host.accounts.setup_token().to_owned();
    let set = async |password: &str, again: &str, token: &str| {
        let body = json!({"password": password, "confirm_password": again, "setup_token": token});
        said("POST", "/api/setup/admin-password", body).await
    };
    for (password, again, token, status, words) in [
        (PASSWORD, PASSWORD, "wrong", 403, "token"),
        ("short", "short", "wrong", 403, "token"),
        ("short", "short", token.as_str(), 400, "12 characters"),
        ("correct-horse-7!", "correct-horse-7!", token.as_str(), 400, "uppercase"),
        ("P@ssw0rd1234!", "P@ssw0rd1234!", token.as_str(), 400, "common"),
        (PASSWORD, "Correct-Horse-8!", token.as_str(), 400, "Passwords do not match"),
    ] {
        let (found, told) = detail(set(password, again, token).await);
        assert!(found == status && told.contains(words), "{password}: {found} {told}");
    }
    let long = "Aa1!".repeat(40);
    assert_eq!(set(&long, &long, &token).await.0, 422);
    assert_eq!(set(PASSWORD, PASSWORD, &token).await, (200, json!({"success": true})));
    let (status, told) = detail(set("short", "", "").await);
    assert!(status == 403 && told.contains("already completed"), "{told}");
    assert_eq!(
        said("GET", "/api/setup/status", Value::Null).await,
        (200, json!({"setup_completed": true}))
    );
}

#[actix_web::test]
async fn a_code_by_email_lets_in_whoever_is_listed() {
    let site = Site::new().await;
    let accounts = &site.stage.host.accounts;
    let new = NewListed {
        email: "ada@example.org".to_owned(),
        added_by: None,
        default_role: Role::Creator,
        source: "manual",
    };
    accounts.list(new).await.unwrap();
    let post = async |path: &str, body: Value| site.call("", "POST", path, body).await;
    for (email, is_sent) in
        [("ada@example.org", true), ("bob@example.org", false), ("no address", false)]
    {
        let (status, told) = post("/api/auth/email/request", json!({"email": email})).await;
        assert_eq!((status, &told["success"]), (200, &json!(true)), "{email}");
        let expected = if is_sent { json!(600) } else { Value::Null };
        assert_eq!(told["expires_in_seconds"], expected, "{email}");
        assert!(told["message"].is_string());
    }
    let code = site.stage.letters.code("ada@example.org").unwrap();
    let verify = async |email: &str, code: &str| {
        post("/api/auth/email/verify", json!({"email": email, "code": code})).await
    };
    assert_eq!(verify("bob@example.org", &code).await.0, 401);
    let (status, told) = verify("Ada@example.org", &code).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(
        told["user"],
        json!({
            "username": "ada@example.org", "email": "ada@example.org", "role": "creator",
            "name": null, "picture": null
        })
    );
    let token = told["access_token"].as_str().unwrap();
    assert_eq!(site.call(token, "GET", "/api/users/me", Value::Null).await.1, told["user"]);
    for _ in 0..5 {
        assert_eq!(verify("ada@example.org", &code).await.0, 401);
    }
    assert_eq!(verify("ada@example.org", &code).await.0, 429);
    for _ in 0..2 {
        let sent = post("/api/auth/email/request", json!({"email": "ada@example.org"})).await;
        assert_eq!(sent.0, 200);
    }
    let sent = post("/api/auth/email/request", json!({"email": "ada@example.org"})).await;
    assert_eq!(sent.0, 429);
    for (email, status, was_there) in [
        ("eve@example.org", 200, json!(false)),
        ("eve@example.org", 200, json!(true)),
        ("eve", 400, Value::Null),
    ] {
        let (found, told) = post("/api/access/request", json!({"email": email})).await;
        assert_eq!((found, &told["already_registered"]), (status, &was_there), "{told}");
    }
    assert_eq!(post("/api/auth/email/request", json!({})).await.0, 422);
    site.call(&site.admin, "PUT", "/api/settings/email_auth_enabled", json!({"value": "false"}))
        .await;
    for path in ["/api/auth/email/request", "/api/access/request"] {
        let (status, told) = post(path, json!({"email": "eve@example.org"})).await;
        assert_eq!((status, &told["detail"]), (403, &json!("Email authentication is disabled")));
    }
}

#[actix_web::test]
async fn a_token_is_validated_from_header_cookie_or_query() {
    let site = Site::new().await;
    let ada = site.user("ada@example.org", Role::User).await;
    let ask = async |header: Option<(&str, String)>, query: &str| {
        let path = format!("/api/auth/validate{query}");
        let mut request = TestRequest::get().uri(&path);
        if let Some(header) = header {
            request = request.insert_header(header);
        }
        let heard = site.stage.ask(request).await;
        site.check("GET", "/api/auth/validate", &heard);
        (heard.status, heard.json())
    };
    let valid = (200, json!({"status": "valid", "user": "ada@example.org"}));
    assert_eq!(ask(Some(("authorization", format!("bearer {ada}"))), "").await, valid);
    assert_eq!(ask(Some(("cookie", format!("a=b; token={ada}; c=d"))), "").await, valid);
    assert_eq!(ask(None, &format!("?token={ada}")).await, valid);
    assert_eq!(ask(None, "").await, (401, json!({"detail": "No token provided"})));
    for query in ["?token=nonsense", "?token=a.b.c"] {
        assert_eq!(ask(None, query).await, (401, json!({"detail": "Invalid token"})));
    }
    // A cookie says nothing anywhere else.
    let request = TestRequest::get().uri("/api/users/me");
    let heard = site.stage.ask(request.insert_header(("cookie", format!("token={ada}")))).await;
    assert_eq!(heard.json(), json!({"detail": "Not authenticated"}));
}

#[actix_web::test]
async fn who_shows_nothing_good_is_told_so() {
    let site = Site::new().await;
    let admin = site.stage.host.accounts.user("admin").unwrap();
    let good = site.stage.host.accounts.token(&admin, Mode::Admin).unwrap();
    let (head, tail) = good.rsplit_once('.').unwrap();
    let flipped = format!("{head}.{}", tail.chars().rev().collect::<String>());
    for (header, detail) in [
        ("", "Not authenticated"),
        ("Basic YTpi", "Not authenticated"),
        ("Bearer", "Not authenticated"),
        ("Bearer nonsense", "Could not validate credentials"),
        (&format!("Bearer {flipped}"), "Could not validate credentials"),
        (&format!("Bearer trinity_mcp_{}", "A".repeat(43)), "Could not validate credentials"),
    ] {
        let mut request = TestRequest::get().uri("/api/users/me");
        if !header.is_empty() {
            request = request.insert_header(("authorization", header));
        }
        let heard = site.stage.ask(request).await;
        assert_eq!((heard.status, heard.json()), (401, json!({"detail": detail})), "{header}");
        assert_eq!(heard.header("www-authenticate"), "Bearer");
    }
}

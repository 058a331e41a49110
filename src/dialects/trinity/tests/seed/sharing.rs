//! Section 8.

use serde_json::{Value, json};

use super::{Cast, Row, Who};

const SHARE: &str = "/api/agents/ada/share";

#[actix_web::test]
async fn a_share_is_given_shown_and_taken_back() {
    let cast = Cast::of(None, false).await;
    let body = json!({"email": " Guest@Example.org ", "role": "admin"});
    let share = cast.ok("POST", SHARE, body).await;
    for (field, value) in [
        ("agent_name", json!("ada")),
        ("shared_with_email", json!("guest@example.org")),
        ("shared_by_email", json!("owner@example.org")),
        ("allow_proactive", json!(false)),
    ] {
        assert_eq!(share[field], value, "{field}");
    }
    assert!(
        share["id"].is_u64() && share["shared_by_id"].is_u64() && share["created_at"].is_string()
    );
    let shares = cast.ok("GET", "/api/agents/ada/shares", Value::Null).await;
    let emails: Vec<_> =
        shares.as_array().unwrap().iter().map(|share| &share["shared_with_email"]).collect();
    assert_eq!(emails, ["shared@example.org", "guest@example.org"]);
    // From the next request on, both ways.
    let ended = cast.ok("DELETE", &format!("{SHARE}/SHARED@example.org"), Value::Null).await;
    assert!(ended["message"].as_str().unwrap().contains("shared@example.org"), "{ended}");
    let ada = "/api/agents/ada";
    cast.told([(Who::Shared, "GET", ada, Value::Null, 403, "=Access denied to agent")]).await;
    cast.ok("POST", SHARE, json!({"email": "SHARED@EXAMPLE.ORG"})).await;
    cast.told([(Who::Shared, "GET", ada, Value::Null, 200, "")]).await;
    // An administrator, who has no address, is named.
    let (status, share) =
        cast.site.call(&cast.site.admin, "POST", SHARE, json!({"email": "a@b.c"})).await;
    assert_eq!((status, &share["shared_by_email"]), (200, &json!("admin")));
}

#[actix_web::test]
async fn each_refusal_of_a_share_is_told() {
    let cast = Cast::of(None, false).await;
    let long = format!("{}@example.org", "x".repeat(250));
    let given = |body: Value, status: u16, words: &'static str| -> Row<'static> {
        (Who::Owner, "POST", SHARE, body, status, words)
    };
    let to = |email: &str| json!({"email": email});
    let guest = "/api/agents/ada/share/guest@example.org";
    cast.told([
        given(Value::Null, 422, "missing|body"),
        given(json!({}), 422, "missing|email"),
        given(json!({"email": 1}), 422, "string_type|email"),
        given(json!([]), 422, "model_attributes_type"),
        given(to(""), 400, "Invalid email"),
        given(to("nobody"), 400, "Invalid email"),
        given(to("@example.org"), 400, "Invalid email"),
        given(to("a@"), 400, "Invalid email"),
        given(to("a@b@c"), 400, "Invalid email"),
        given(to(&long), 400, "Invalid email"),
        given(to("owner@example.org"), 400, "yourself"),
        given(to("OWNER@example.org"), 400, "yourself"),
        given(to("Shared@Example.org"), 409, "already shared|shared@example.org"),
        // Who may comes before the shape.
        (Who::Shared, "POST", SHARE, json!({}), 403, "=Owner access required"),
        (Who::Owner, "POST", "/api/agents/none/share", json!({}), 404, "=Agent not found"),
        (Who::Owner, "DELETE", guest, Value::Null, 404, "No sharing found|guest@example.org"),
        (Who::Admin, "DELETE", guest, Value::Null, 404, "No sharing found|guest@example.org"),
        (
            Who::Owner,
            "DELETE",
            "/api/agents/ada/share/nobody",
            Value::Null,
            404,
            "No sharing found|nobody",
        ),
    ])
    .await;
}

//! Section 10: what pages ask of all agents at once.

use serde_json::{Value, json};

use super::{ALL, Cast, Who};
use crate::dialects::stage::HUSH;

#[actix_web::test]
async fn bulk_reads_tell_of_what_one_may_see() {
    let cast = Cast::of(None, false).await;
    cast.ok("PUT", "/api/agents/ada/autonomy", json!({"enabled": true})).await;
    for who in ALL {
        let (stats, flags) = ("/api/agents/context-stats", "/api/agents/autonomy-status");
        if who == Who::Nobody {
            for path in [stats, flags] {
                cast.told([(who, "GET", path, Value::Null, 401, "=Not authenticated")]).await;
            }
            continue;
        }
        let token = cast.token(who);
        let (status, told) = cast.site.call(token, "GET", stats, Value::Null).await;
        assert_eq!(status, 200, "{who:?}");
        let agents = told["agents"].as_array().unwrap();
        let mut names: Vec<_> =
            agents.iter().map(|agent| agent["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        let (seen, expected) = match who {
            Who::Admin => (
                vec!["ada", "idle", "theirs", "trinity-system"],
                json!({
                    "ada": {"autonomy_enabled": true}, "idle": {"autonomy_enabled": false},
                    "theirs": {"autonomy_enabled": false},
                }),
            ),
            Who::Stranger | Who::OtherKey => {
                (vec!["theirs"], json!({"theirs": {"autonomy_enabled": false}}))
            }
            _ => (
                vec!["ada", "idle"],
                json!({"ada": {"autonomy_enabled": true}, "idle": {"autonomy_enabled": false}}),
            ),
        };
        assert_eq!(names, seen, "{who:?}");
        assert_eq!(
            cast.site.call(token, "GET", flags, Value::Null).await,
            (200, expected),
            "{who:?}"
        );
        for agent in agents {
            let (status, activity) =
                if agent["name"] == "idle" { ("stopped", "offline") } else { ("running", "idle") };
            for (field, value) in [
                ("status", json!(status)),
                ("activityState", json!(activity)),
                ("contextPercent", json!(0.0)),
                ("contextUsed", json!(0)),
                ("contextMax", json!(200_000)),
            ] {
                assert_eq!(agent[field], value, "{who:?} {field}: {agent}");
            }
            if agent["name"] == "idle" {
                assert_eq!(agent["lastActivityTime"], Value::Null);
            }
        }
    }
    let nobody = cast.site.user("new@example.org", crate::accounts::Role::User).await;
    for (path, expected) in [
        ("/api/agents", json!([])),
        ("/api/agents/context-stats", json!({"agents": []})),
        ("/api/agents/autonomy-status", json!({})),
    ] {
        assert_eq!(
            cast.site.call(&nobody, "GET", path, Value::Null).await,
            (200, expected),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn an_agent_at_work_is_active_and_its_window_that_of_its_runtime() {
    let cast = Cast::of(None, false).await;
    let made = json!({"name": "gemini", "runtime": "gemini-cli"});
    cast.ok("POST", "/api/agents", made).await;
    let task = json!({"message": HUSH, "async_mode": true});
    cast.ok("POST", "/api/agents/ada/task", task).await;
    let of = async |name: &str| {
        let all = cast.ok("GET", "/api/agents/context-stats", Value::Null).await;
        let agents = all["agents"].as_array().unwrap();
        agents.iter().find(|agent| agent["name"] == name).unwrap().clone()
    };
    let ada = of("ada").await;
    assert_eq!(ada["activityState"], "active", "{ada}");
    assert!(ada["lastActivityTime"].as_str().unwrap().ends_with('Z'), "{ada}");
    assert_eq!(of("gemini").await["contextMax"], 1_000_000);
    cast.ok("POST", "/api/agents/ada/stop", Value::Null).await;
    let ada = of("ada").await;
    assert_eq!(
        (&ada["activityState"], &ada["lastActivityTime"]),
        (&json!("offline"), &Value::Null)
    );
}

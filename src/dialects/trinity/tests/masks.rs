//! What must not be told of an agent is not kept or told in what it says beside its runs either.

use std::sync::Arc;

use greenroom_actors::character::Character;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::{Mask, Masks};
use greenroom_actors::ports::Store;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::dialects::stage::Setting;
use crate::dialects::trinity::TrinitySettings;

const SECRET: &str = "sk_planted_9";

/// Hides one word for all agents.
struct OneWord(Arc<Mask>);

impl Masks for OneWord {
    fn is_empty(&self) -> bool {
        false
    }

    fn of(&self, _: AgentId) -> Option<Arc<Mask>> {
        Some(Arc::clone(&self.0))
    }

    fn met(&self, _: AgentId, _: &Character, _: UnixMillis) -> Option<Fact> {
        None
    }

    fn leaving(&self, _: AgentId) -> Vec<Fact> {
        Vec::new()
    }

    fn left(&self, _: AgentId) {}
}

#[actix_web::test]
async fn what_an_agent_tells_asks_and_emits_is_kept_and_told_masked() {
    let masks = Arc::new(OneWord(Arc::new(Mask::over([SECRET]).unwrap())));
    let setting = Setting { masks, ..Setting::default() };
    let site = Site::of(setting, TrinitySettings::default()).await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let key = site.agent_key("mine").await;
    let host = &site.stage.host;
    let agent = host.roster.find("mine").await.unwrap().unwrap().id;
    let mut happenings = host.organisation.watch();

    let said = format!("it is {SECRET}!");
    let notice = json!({
        "notification_type": "info", "title": said, "message": said, "category": said,
        "metadata": {"found": [said], SECRET: 1},
    });
    let (status, told) = site.call(&key, "POST", "/api/notifications", notice).await;
    assert_eq!((status, &told["title"]), (201, &json!("it is ***!")), "{told}");
    let event = json!({"event_type": "mine.told", "payload": {"found": said}});
    let (status, told) = site.call(&key, "POST", "/api/events", event).await;
    assert_eq!(status, 201, "{told}");
    let named = json!({"event_type": format!("mine.{SECRET}")});
    let (status, told) = site.refused(&key, "POST", "/api/events", named).await;
    assert!(status == 400 && !told.contains(SECRET), "{told}");
    // Where a text is cut, no half of it is left.
    let long = format!("{}{SECRET}", "x".repeat(295));
    let file = json!({"requests": [{
        "id": SECRET, "type": said, "title": long, "question": said, "options": [said],
        "context": {"found": said},
    }]});
    let workspace = host.workspaces.free(agent);
    let path = ".trinity/operator-queue.json".parse().unwrap();
    workspace.write(path, file.to_string().into_bytes()).await.unwrap();
    let queue = "/api/operator-queue/agents/mine";
    let (_, asked) = site.call(&owner, "GET", queue, Value::Null).await;
    let ask = &asked["items"][0];
    assert_eq!((&ask["question"], &ask["request_id"]), (&json!("it is ***!"), &json!("***")));
    // Its answer finds the way into the file all the same.
    let respond = format!("/api/operator-queue/{}/respond", ask["id"].as_str().unwrap());
    let (status, _) = site.call(&owner, "POST", &respond, json!({"response": "yes"})).await;
    assert_eq!(status, 200);
    let path = ".trinity/operator-queue.json".parse().unwrap();
    let held = workspace.read(path, 0, 10_000).await.unwrap().bytes;
    let held: Value = serde_json::from_slice(&held).unwrap();
    assert_eq!(held["requests"][0]["status"], "responded");

    for path in ["/api/notifications", "/api/events", queue] {
        let told = site.send(&owner, "GET", path, Value::Null).await.text;
        assert!(told.contains("***") && !told.contains("sk_pl"), "{path}: {told}");
    }
    let mut heard = 0;
    while let Ok(happening) = happenings.try_recv() {
        assert!(!format!("{happening:?}").contains("sk_pl"), "{happening:?}");
        heard += 1;
    }
    assert!(heard >= 4, "a notice, an event, an ask, an answer: {heard}");
    let kept = site.stage.store.documents("trinity", "", 0, 1_000).await.unwrap();
    assert!(!format!("{kept:?}").contains("sk_pl"));
}

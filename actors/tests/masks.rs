//! What is masked of an agent is nowhere: not in the store, not in events, not in what is handed on.

use std::sync::{Arc, Mutex};

use greenroom_actors::agent::Entitle;
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::documents::Document;
use greenroom_actors::error::ModelError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, RoomId};
use greenroom_actors::masks::{Mask, Masks};
use greenroom_actors::ports::{MemoryQuery, RunQuery, Store};
use greenroom_actors::time::UnixMillis;
use serde_json::json;

use crate::support::{Act, Stage, settings};

const SECRET: &str = "sk-planted-1";

/// Masks one secret for one agent, and notes what it hears.
#[derive(Default)]
pub(crate) struct OneSecret {
    agent: Mutex<Option<AgentId>>,
    left: Mutex<Vec<AgentId>>,
}

impl Masks for OneSecret {
    fn is_empty(&self) -> bool {
        self.agent.lock().unwrap().is_none()
    }

    fn of(&self, agent: AgentId) -> Option<Arc<Mask>> {
        let masked = *self.agent.lock().unwrap() == Some(agent);
        masked.then(|| Arc::new(Mask::over([SECRET]).unwrap()))
    }

    fn met(&self, agent: AgentId, character: &Character, at: UnixMillis) -> Option<Fact> {
        if character.name != "Bob" {
            return None;
        }
        *self.agent.lock().unwrap() = Some(agent);
        let (shelf, key) = ("masks".to_owned(), agent.to_string());
        Some(Fact::DocumentSet(Box::new(Document {
            shelf,
            key,
            value: json!("sealed"),
            updated_at: at,
        })))
    }

    fn leaving(&self, agent: AgentId) -> Vec<Fact> {
        vec![Fact::DocumentRemoved { shelf: "masks".to_owned(), key: agent.to_string() }]
    }

    fn left(&self, agent: AgentId) {
        self.left.lock().unwrap().push(agent);
    }
}

/// All that is kept of an agent, as text.
async fn kept(stage: &Stage, agent: AgentId) -> String {
    let store = &stage.store;
    let record: Option<AgentRecord> = store.agent(agent).await.unwrap();
    let mut all = vec![format!("{record:?}")];
    let runs = store.runs(RunQuery::of(agent, 100)).await.unwrap();
    for run in &runs {
        all.push(format!("{:?}", store.steps(vec![run.id]).await.unwrap()));
    }
    all.push(format!("{runs:?}"));
    all.push(format!("{:?}", store.memories(MemoryQuery::of(agent, 100)).await.unwrap()));
    all.push(format!("{:?}", store.events(agent, 0, 1_000).await.unwrap()));
    let logs = greenroom_actors::ports::LogQuery::of(agent, 100);
    all.push(format!("{:?}", store.logs(logs).await.unwrap()));
    all.join("\n")
}

#[actix::test]
async fn a_run_that_tells_a_secret_is_kept_and_told_masked() {
    let masks = Arc::new(OneSecret::default());
    let stage = Stage::masked(masks.clone(), settings()).await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    assert!(stage.store.document("masks", &bob.to_string()).await.unwrap().is_some());
    let mut pieces = stage.registry.watch_pieces();
    let told = format!("the key is {SECRET}!");
    stage.model.then(Act::Call("so", vec![("reads", json!({"key": SECRET}))]));
    stage.model.then(Act::Say(told.clone()));
    let reply = stage.registry.ask_agent(ada, bob, &format!("what is {SECRET}?")).await.unwrap();
    assert_eq!(reply.text(), "so\n\nthe key is ***!");
    let mut live = String::new();
    while let Ok(piece) = pieces.try_recv() {
        live.push_str(&piece.text);
    }
    assert_eq!(live, "so\n\nthe key is ***!");

    stage.model.then(Act::Fail(ModelError::Refused(told.clone())));
    let failed = stage.registry.ask_agent(ada, bob, "again").await.unwrap_err();
    assert_eq!(failed.to_string(), "model: refused by the provider: the key is ***!");

    stage.model.then(Act::Say(told.clone()));
    let wanted = Entitle { talk: Vec::new(), room_id: RoomId(bob.0), asked_by: ada.into() };
    let title = stage.registry.ask(bob, wanted).await.unwrap();
    let title = title.within(std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!(title, "the key is ***!");

    for agent in [ada, bob] {
        let kept = kept(&stage, agent).await;
        assert!(kept.contains("the key is ***!"), "{kept}");
        assert!(!kept.contains(SECRET), "{kept}");
    }
    // Its own model is told what was said to it as it is kept, and what its tools said as it is.
    assert!(!format!("{:?}", stage.model.prompts.lock().unwrap()[0].turns).contains(SECRET));

    stage.registry.remove(bob, false).await.unwrap();
    assert_eq!(stage.store.document("masks", &bob.to_string()).await.unwrap(), None);
    assert_eq!(*masks.left.lock().unwrap(), [bob]);
}

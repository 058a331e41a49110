//! What agents say in channels of their own accord.

use futures::{StreamExt, stream};
use greenroom_actors::agent::Change;
use greenroom_actors::channels::{ChannelEventKind, ChannelMessage, MessageServer};
use greenroom_actors::feed::Fed;
use greenroom_actors::figures::Tally;
use greenroom_actors::ids::{ChannelId, EntityId, derived};
use greenroom_actors::lifecycle::Command;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::ports::{
    Delta, MemoryQuery, MessageQuery, Model, ModelFuture, ModelStream, Prompt, Role, ToolCall,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::runs::Usage;

use super::*;
use crate::messaging::MessagingSettings;
use crate::messaging::{HOPS_MAX, Messaging, NewChannel, NewMessage};

/// Says something in the channel whatever it is told, and nothing once it has.
struct Chatty;

impl Model for Chatty {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let is_done = prompt.turns.last().is_some_and(|turn| turn.role == Role::Tool);
        let arguments = json!({"channel": "#Plaza", "text": "and again"});
        let call = ToolCall { id: "1".to_owned(), name: "send_to_channel".to_owned(), arguments };
        let first = if is_done { Delta::Text(String::new()) } else { Delta::ToolCall(call) };
        stream::iter([Ok(first), Ok(Delta::Done(Usage::default()))]).boxed()
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let one = Embedding { embedder: self.embedder(), vector: vec![1.0] };
        std::future::ready(Ok(vec![one; texts.len()])).boxed()
    }

    fn embedder(&self) -> String {
        "none".to_owned()
    }
}

/// Agents in a channel.
struct Plaza {
    registry: Registry,
    messaging: Messaging,
    tools: ChannelTools,
    agents: Vec<Arc<AgentRecord>>,
    channel: ChannelId,
}

const SERVER: greenroom_actors::ids::ServerId = MessageServer::DEFAULT;

impl Plaza {
    async fn new(names: &[&str]) -> Self {
        let voice = Voice::default();
        let ports = Ports {
            store: Arc::new(MemoryStore::default()),
            model: Arc::new(Chatty),
            clock: Arc::new(SystemClock),
            tools: Arc::new(ChannelTools::new(voice.clone())),
            masks: Arc::new(NoMasks),
        };
        let settings = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, settings).await.unwrap();
        let messaging =
            Messaging::open(registry.clone(), MessagingSettings::default()).await.unwrap();
        let mut agents = Vec::new();
        for name in names {
            let agent = registry.create(Character::named(name)).await.unwrap();
            registry.ask(agent.id, Change::to(Command::Start)).await.unwrap();
            messaging.enlist(SERVER, agent.id).await.unwrap();
            agents.push(agent);
        }
        let tools = ChannelTools::new(voice.clone());
        assert!(tools.offered(Arc::clone(&agents[0])).await.is_empty());
        voice.speaks_through(messaging.clone());
        let users = agents.iter().map(|agent| agent.id.into()).collect();
        let channel = Self::channel(&messaging, "plaza", users).await;
        Self { registry, messaging, tools, agents, channel }
    }

    async fn channel(messaging: &Messaging, name: &str, users: Vec<EntityId>) -> ChannelId {
        let channel = messaging.create_channel(NewChannel {
            id: None,
            server_id: SERVER,
            name: name.to_owned(),
            kind: "GROUP".to_owned(),
            source_type: None,
            source_id: None,
            topic: None,
            metadata: None,
            participants: users,
        });
        channel.await.unwrap().id
    }

    async fn call(&self, name: &str, arguments: Value, key: uuid::Uuid) -> String {
        let agent = &self.agents[0];
        let call = Invocation {
            agent: Arc::clone(agent),
            registry: self.registry.clone(),
            run_id: Default::default(),
            room_id: greenroom_actors::ids::RoomId(agent.id.0),
            askers: vec![agent.id],
            name: name.to_owned(),
            arguments: arguments.as_object().cloned().unwrap(),
            key,
            deadline: Duration::from_secs(10),
            tally: Tally::default(),
        };
        match self.tools.call(call).await {
            Ok(output) => output.text,
            Err(error) => error.to_string(),
        }
    }

    async fn messages(&self) -> Vec<ChannelMessage> {
        self.messaging.messages(MessageQuery::of(self.channel, 100)).await.unwrap()
    }

    /// Waits until so many messages are dealt with.
    async fn completed(&self, count: usize) {
        let mut feed = self.messaging.follow(self.channel, 0);
        let mut ended = 0;
        while ended < count {
            let Fed::Event(event) = feed.next().await.unwrap() else { continue };
            ended += usize::from(event.kind == ChannelEventKind::Completed);
        }
    }
}

#[actix::test]
async fn what_an_agent_says_is_heard_and_remembered_once() {
    let plaza = Plaza::new(&["Ada"]).await;
    let other = Plaza::channel(&plaza.messaging, "elsewhere", Vec::new()).await;
    let first = plaza.messaging.channels(SERVER, 0, 10).await.unwrap();
    let listed = plaza.call("list_channels", json!({}), uuid::Uuid::now_v7()).await;
    assert_eq!((first.len(), listed), (2, format!("- plaza (id {})", plaza.channel)));
    let key = derived("call");
    for _ in 0..2 {
        let said = plaza.call("send_to_channel", json!({"channel": "plaza", "text": " hi "}), key);
        assert_eq!(said.await, "Said in plaza.");
    }
    let by_id = json!({"channel": plaza.channel.to_string(), "text": "more"});
    assert_eq!(plaza.call("send_to_channel", by_id, derived("b")).await, "Said in plaza.");
    for (channel, text, expected) in [
        ("elsewhere".to_owned(), "x", "refused: you take part in no channel elsewhere".to_owned()),
        (other.to_string(), "x", format!("refused: you take part in no channel {other}")),
        ("none".to_owned(), "x", "refused: you take part in no channel none".to_owned()),
        ("plaza".to_owned(), " ", "text: must have 1 to 16384 bytes".to_owned()),
    ] {
        let arguments = json!({"channel": channel, "text": text});
        assert_eq!(plaza.call("send_to_channel", arguments, derived("c")).await, expected);
    }
    let messages = plaza.messages().await;
    let mut texts: Vec<_> = messages.iter().map(|message| message.content.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["hi", "more"]);
    let message = messages.iter().find(|message| message.content == "hi").unwrap();
    let metadata = message.metadata.as_ref().unwrap();
    assert_eq!((&metadata["agentName"], &metadata["hops"]), (&json!("Ada"), &json!(1)));
    assert_eq!(message.source_type.as_deref(), Some("agent_response"));
    let agent = plaza.agents[0].id;
    let memories = plaza.registry.store().memories(MemoryQuery::of(agent, 10)).await.unwrap();
    let remembered = memories.iter().find(|memory| memory.text() == "hi").unwrap();
    assert_eq!((remembered.id.0, memories.len()), (message.id.0, 2));
    let room = plaza.registry.store().room(agent, remembered.room_id).await.unwrap().unwrap();
    assert_eq!(room.channel_id, Some(plaza.channel.to_string()));
    plaza.completed(2).await;
}

#[actix::test]
async fn agents_that_answer_one_another_come_to_an_end() {
    let plaza = Plaza::new(&["Ada", "Bob"]).await;
    let person = NewMessage {
        id: None,
        channel_id: plaza.channel,
        author_id: EntityId(derived("person")),
        author_name: None,
        content: "hello everyone".to_owned(),
        raw_message: None,
        in_reply_to: None,
        source_type: "test".to_owned(),
        source_id: None,
        metadata: Map::new(),
    };
    plaza.messaging.say(person).await.unwrap();
    // Each of the two begins a chain of messages; all but the last of a chain are told to the other.
    let chain = usize::try_from(HOPS_MAX).unwrap() + 1;
    plaza.completed(2 + 2 * chain).await;
    let hops = |message: &ChannelMessage| message.metadata.as_ref()?.get("hops")?.as_u64();
    let mut all: Vec<u64> = plaza.messages().await.iter().filter_map(hops).collect();
    all.sort_unstable();
    let expected: Vec<u64> = (1..=HOPS_MAX + 1).flat_map(|hops| [hops, hops]).collect();
    assert_eq!(all, expected);
}

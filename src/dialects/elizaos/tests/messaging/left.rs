//! Messages that a process left on their way to their agents when it ended.

use std::sync::Arc;

use greenroom_actors::channels::{
    Addressed, ChannelEvent, ChannelEventKind, ChannelMessage, NewChannelEvent,
};
use greenroom_actors::facts::{Batch, Epoch, Fact};
use greenroom_actors::ids::{ChannelId, ChannelMessageId};
use greenroom_actors::ports::Store;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, json};

use super::super::support::{Stage, stage_over};
use super::{USER, channel, ready};

/// What a process keeps of a message before it brings it to the agent.
async fn half_said(stage: &Stage, channel: &str, agent: &str, content: &str) -> ChannelMessageId {
    let (id, channel_id) = (ChannelMessageId::new(), channel.parse().unwrap());
    let at = UnixMillis(1_700_000_000_000);
    let message = ChannelMessage {
        id,
        channel_id,
        author_id: USER.parse().unwrap(),
        content: content.to_owned(),
        raw_message: None,
        in_reply_to: None,
        source_type: Some("test".to_owned()),
        source_id: None,
        metadata: Some(Map::new()),
        created_at: at,
        updated_at: at,
    };
    let data = json!({"messageId": id, "authorId": USER, "agents": [agent]});
    let addressed = Addressed {
        message_id: id,
        channel_id,
        agent_id: agent.parse().unwrap(),
        author_name: Some("Uma".to_owned()),
        is_one_of_several: false,
    };
    let facts = vec![
        Fact::MessageSet(Box::new(message)),
        Fact::ChannelHappened(NewChannelEvent {
            channel_id,
            at,
            kind: ChannelEventKind::Said,
            data: data.as_object().unwrap().clone(),
        }),
        Fact::Addressed(Box::new(addressed)),
    ];
    stage.store.commit(Batch { epoch: Epoch(1), facts }).await.unwrap();
    id
}

/// The end of a message, once it is there.
async fn end(stage: &Stage, channel: &str, message: ChannelMessageId) -> ChannelEvent {
    let channel: ChannelId = channel.parse().unwrap();
    loop {
        let events = stage.host.messaging.events(channel, 0, 100).await.unwrap();
        let is_end = |event: &&ChannelEvent| {
            matches!(event.kind, ChannelEventKind::Completed | ChannelEventKind::Failed)
                && event.data["messageId"] == json!(message)
        };
        if let Some(end) = events.iter().find(is_end) {
            return end.clone();
        }
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn what_was_left_on_its_way_is_brought_by_the_next_process_or_told_to_have_failed() {
    let (stage, agent) = ready().await;
    let resting = stage.running("Resting").await;
    let here = channel(&stage, &[&agent], "DM").await;
    let there = channel(&stage, &[&resting], "DM").await;
    assert_eq!(
        stage.send("POST", &format!("/api/agents/{resting}/stop"), super::NONE).await.status,
        200
    );
    let heard = half_said(&stage, &here, &agent, "hello").await;
    let unheard = half_said(&stage, &there, &resting, "hello").await;
    let gone = half_said(&stage, &here, &agent, "removed").await;
    let channel_id = here.parse().unwrap();
    let removed = Fact::MessageRemoved { channel_id, id: gone };
    stage.store.commit(Batch { epoch: Epoch(1), facts: vec![removed] }).await.unwrap();
    assert_eq!(stage.host.messaging.deliver_left().await, Ok(0), "it is at it itself");

    let clock = Arc::clone(stage.host.registry.clock());
    let next = stage_over(stage.store.clone(), Default::default(), clock).await;
    assert_eq!(next.host.messaging.deliver_left().await, Ok(3));
    assert_eq!(next.host.messaging.deliver_left().await, Ok(0));
    assert_eq!(end(&next, &here, heard).await.kind, ChannelEventKind::Completed);
    let failed = end(&next, &there, unheard).await;
    assert_eq!((failed.kind, &failed.data["agentId"]), (ChannelEventKind::Failed, &json!(resting)));

    let path = format!("/api/messaging/channels/{here}/messages");
    let listed = next.get(&path).await.json();
    let listed = listed["data"]["messages"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(listed[0]["content"], "echo: hello");
    // Another one after it finds nothing to do.
    let clock = Arc::clone(stage.host.registry.clock());
    let last = stage_over(stage.store.clone(), Default::default(), clock).await;
    assert_eq!(last.host.messaging.deliver_left().await, Ok(0));
}

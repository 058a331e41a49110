//! A talk with an agent without sessions, which are not there yet: the message goes to the agent
//! itself, in a room of the channel that the recorded session had.

use std::collections::BTreeMap;

use greenroom_actors::ids::{AgentId, seen_by};
use serde_json::{Value, json};
use uuid::Uuid;

use super::binder::Binder;
use super::line::Line;
use crate::support::http::Client;

#[derive(Debug, Default)]
pub(crate) struct Talks(BTreeMap<String, Talk>);

#[derive(Debug)]
struct Talk {
    agent: String,
    user: String,
    channel: String,
}

impl Talks {
    /// Does for a line what it does with sessions, and says what was wrong with the answer.
    pub(crate) async fn stand_in(
        &mut self,
        line: &Line,
        client: &Client,
        binder: &mut Binder,
    ) -> Result<(), String> {
        let asked = line.request.body.as_ref().unwrap_or(&Value::Null);
        let recorded = &line.response.body;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let parts = line.request.path.split('/').collect::<Vec<_>>();
        match parts[..] {
            ["", "api", "messaging", "sessions"] => {
                let channel = Uuid::new_v4().to_string();
                binder.bind(recorded["channelId"].as_str().unwrap(), &channel);
                let (agent, user) = (text(&asked["agentId"]), text(&asked["userId"]));
                self.0.insert(text(&recorded["sessionId"]), Talk { agent, user, channel });
                Ok(())
            }
            ["", "api", "messaging", "sessions", session, "messages"] => {
                let talk = &self.0[session];
                let said = asked["content"].as_str().unwrap();
                let agent = AgentId(Uuid::parse_str(&talk.agent).unwrap());
                // Where the recorded server keeps what is said over that transport.
                let is_http = asked["transport"] == "http";
                let room = match is_http {
                    true => talk.channel.clone(),
                    false => seen_by(agent, &talk.channel).to_string(),
                };
                let message = json!({"text": said, "userId": talk.user, "roomId": room});
                let path = format!("/agents/{}/message", talk.agent);
                let answer = client.post(path, &message).await.unwrap();
                let answered = answer.parsed().unwrap_or_default();
                let ours = answered["data"]["messageId"].as_str();
                if let (false, Some(ours)) = (is_http, ours) {
                    // What there is the agent's own id of a message of the channel.
                    let theirs = recorded["userMessage"]["id"].as_str().unwrap();
                    binder.bind(&seen_by(agent, &format!("{theirs}-{agent}")).to_string(), ours);
                }
                let reply = &answered["data"]["agentResponses"][0]["text"];
                let expected = format!("Stub reply to: {said}");
                if answer.status == 200 && *reply == json!(expected) {
                    return Ok(());
                }
                Err(format!("{} instead of {expected:?}", answer.text()))
            }
            _ => Err(format!("nothing is done in place of {}", line.request.path)),
        }
    }
}

//! Agents that speak and listen: in the voice of their character, with an entry in their log.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use greenroom_actors::agent::Keep;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, LogId, RoomId};
use greenroom_actors::lifecycle::State;
use greenroom_actors::records::LogEntry;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::{UnixMillis, millis};
use serde_json::{Map, Value, json};

use super::Speech;
use super::engine::Spoken;
use super::error::SpeechError;
use super::sound::Format;
use super::wish::Wish;

/// How an agent is to say something, and where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner<'a> {
    /// The voice; absent: as the character says.
    pub voice: Option<&'a str>,
    /// How fast, as a multiple of the usual; absent: as the character says.
    pub speed: Option<f64>,
    /// What sort of file is wanted.
    pub format: Format,
    /// Where it is said, in the agent's eyes.
    pub room: Option<RoomId>,
}

impl Speech {
    /// Whether that agent could speak now.
    ///
    /// # Errors
    /// [`CoreError::NotRunning`] and [`SpeechError::NoSynthesizer`].
    pub async fn could_speak(
        &self,
        registry: &Registry,
        agent: AgentId,
    ) -> Result<(), SpeechError> {
        let record = running(registry, agent).await?;
        self.synthesizer(&Wish::of(&record.character)).map(drop)
    }

    /// Says a text as a running agent. Answers once the entry in its log is durable.
    ///
    /// # Errors
    /// As [`speak`](Self::speak), [`CoreError::NotRunning`] and [`CoreError::Halted`].
    pub async fn speak_as(
        &self,
        registry: &Registry,
        agent: AgentId,
        text: &str,
        manner: Manner<'_>,
    ) -> Result<Spoken, SpeechError> {
        let record = running(registry, agent).await?;
        let wish = Wish::of(&record.character).but(manner.voice, manner.speed);
        let engine = self.synthesizer(&wish)?.name();
        let call = Call::begun(registry, agent, "TEXT_TO_SPEECH", engine);
        let spoken = registry.unless_halted(self.speak(text, &wish, manner.format)).await;
        let spoken = spoken.unwrap_or_else(|halted| Err(halted.into()));
        let params = json!({
            "text": self.speakable(text),
            "voice": wish.voice,
            "speed": wish.speed,
            "format": manner.format.name(),
        });
        let response =
            |spoken: &Spoken| json!({"format": spoken.format.name(), "bytes": spoken.bytes.len()});
        call.ended(manner.room, params, spoken.as_ref().map(response)).await?;
        spoken
    }

    /// The words that a running agent hears in a file. Answers once the entry in its log is durable.
    ///
    /// # Errors
    /// As [`listen`](Self::listen), [`CoreError::NotRunning`] and [`CoreError::Halted`].
    pub async fn listen_as(
        &self,
        registry: &Registry,
        agent: AgentId,
        path: &Path,
        language: Option<&str>,
    ) -> Result<String, SpeechError> {
        let record = running(registry, agent).await?;
        let wish = Wish::of(&record.character);
        let engine = self.recognizer(&wish)?.name();
        let call = Call::begun(registry, agent, "TRANSCRIPTION", engine);
        let words = registry.unless_halted(self.listen(path, &wish, language)).await;
        let words = words.unwrap_or_else(|halted| Err(halted.into()));
        let size = tokio::fs::metadata(path).await.map(|about| about.len()).unwrap_or_default();
        let params = json!({"bytes": size, "language": language});
        call.ended(None, params, words.as_ref().map(|words| json!(words))).await?;
        words
    }
}

/// The record of an agent that runs.
async fn running(registry: &Registry, id: AgentId) -> Result<Arc<AgentRecord>, CoreError> {
    let record = registry.record(id).await?;
    let state = record.lifecycle.state();
    if state == State::Running { Ok(record) } else { Err(CoreError::NotRunning { id, state }) }
}

/// One call of an engine, for the agent's log.
struct Call<'a> {
    registry: &'a Registry,
    agent: AgentId,
    kind: &'static str,
    engine: String,
    at: UnixMillis,
    begun: Instant,
}

impl<'a> Call<'a> {
    fn begun(registry: &'a Registry, agent: AgentId, kind: &'static str, engine: String) -> Self {
        let at = registry.clock().now();
        Self { registry, agent, kind, engine, at, begun: Instant::now() }
    }

    /// Keeps how it ended, in the form of elizaOS' entries; never the sound itself.
    async fn ended(
        self,
        room: Option<RoomId>,
        params: Value,
        outcome: Result<Value, &SpeechError>,
    ) -> Result<(), CoreError> {
        let Self { registry, agent, kind, engine, at, begun } = self;
        let mut body = Map::new();
        let prompt = params.get("text").cloned();
        for (key, value) in [
            ("modelType", json!(kind)),
            ("modelKey", json!(kind)),
            ("params", params),
            ("timestamp", json!(at)),
            ("executionTime", json!(millis(begun.elapsed()))),
            ("provider", json!(engine)),
        ] {
            body.insert(key.to_owned(), value);
        }
        if let Some(prompt) = prompt {
            body.insert("prompt".to_owned(), prompt);
        }
        match outcome {
            Ok(response) => body.insert("response".to_owned(), response),
            Err(error) => body.insert("error".to_owned(), json!(error.to_string())),
        };
        let entry = LogEntry {
            id: LogId::new(),
            agent_id: agent,
            entity_id: agent.into(),
            // As elizaOS has it where nothing was said anywhere.
            room_id: room.unwrap_or(RoomId(agent.0)),
            run_id: None,
            kind: format!("useModel:{kind}"),
            body,
            created_at: registry.clock().now(),
        };
        // It happened, also where the agent has stopped meanwhile.
        let keep = Keep { facts: vec![Fact::Logged(Box::new(entry))], while_running: false };
        registry.ask(agent, keep).await.map(drop)
    }
}

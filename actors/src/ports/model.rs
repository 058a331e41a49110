//! The model: what answers prompts and turns texts into vectors.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::budget::Rate;
use crate::character::Character;
use crate::error::ModelError;
use crate::figures::Tally;
use crate::records::Embedding;
use crate::runs::Usage;

/// An answer of a model, to be awaited on any thread.
pub type ModelFuture<T> = BoxFuture<'static, Result<T, ModelError>>;

/// An answer of a model as it comes.
pub type ModelStream = BoxStream<'static, Result<Delta, ModelError>>;

/// Answers prompts.
///
/// A call is cancelled by dropping what it returned; no byte is sent for it after that. A model may
/// panic: the run it was called in fails, and nothing else does.
pub trait Model: Send + Sync + 'static {
    /// Answers `prompt`, piece by piece. The last piece is [`Delta::Done`].
    fn generate(&self, prompt: Prompt) -> ModelStream;

    /// What [`generate`](Self::generate) may cost at most for this prompt, with everything that it may
    /// try. Budgets reserve that much before the call.
    ///
    /// By default that of a model that costs nothing and makes one attempt.
    fn quote(&self, prompt: &Prompt) -> Quote {
        let max_tokens = prompt.max_tokens().unwrap_or(Quote::MAX_TOKENS);
        Quote {
            model: prompt.model.clone().unwrap_or_default(),
            input_tokens_max: prompt.input_tokens_max(),
            output_tokens_max: u64::from(max_tokens),
            cost_micros_max: 0,
            max_tokens,
            rate: Rate::default(),
        }
    }

    /// What the model of that name (the default one if absent) can do with a prompt for `purpose`; asked
    /// before the prompt is made.
    fn abilities(&self, model: Option<&str>, purpose: Purpose) -> Abilities {
        let _ = (model, purpose);
        Abilities::default()
    }

    /// Whether there is a model of that name. Prompts may name others, and are answered by the default
    /// one; what people set by hand is refused.
    fn knows(&self, model: &str) -> bool {
        let _ = model;
        true
    }

    /// Turns texts into vectors, one for each, in order.
    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>>;

    /// The name of the embedder, as its embeddings carry it.
    fn embedder(&self) -> String;
}

/// What a model can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Tokens that it reads at once.
    pub context_tokens: u32,
    /// Whether it calls tools.
    pub calls_tools: bool,
    /// Whether memories from other talks help it.
    pub recalls: bool,
}

impl Default for Abilities {
    /// Everything, without bound.
    fn default() -> Self {
        Self { context_tokens: u32::MAX, calls_tools: true, recalls: true }
    }
}

/// What a prompt is for, so that a host can choose a model by it and a log can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To answer somebody.
    Reply,
    /// To think, without anybody to answer.
    Reflect,
    /// To do something, without anybody to answer: for a goal, or because it is time.
    Work,
    /// To put a talk, which the one turn holds, into fewer words. Little is asked, so a small model
    /// will do.
    Summarise,
    /// To find a title for a talk, which the one turn holds: a line for each that spoke, the
    /// speaker before the first colon. Little is asked, so a small model will do.
    Title,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever the agent speaks with.
    User,
    /// The agent.
    Assistant,
    /// A tool that the agent called.
    Tool,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
    /// The calls the agent makes in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that it answers, if a tool speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

impl Turn {
    /// A turn of words alone.
    #[must_use]
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), tool_calls: Vec::new(), answers: None }
    }
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// Its parameters, as a JSON schema.
    pub parameters: Value,
}

impl ToolSpec {
    /// A tool with these parameters (the properties of a JSON schema) and no others, of which some are
    /// required.
    #[must_use]
    pub fn new(name: &str, description: &str, properties: Value, required: &[&str]) -> Self {
        let parameters = json!({
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        });
        Self { name: name.to_owned(), description: description.to_owned(), parameters }
    }
}

/// A call of a tool, as the model wants it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's id of it.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// With what.
    pub arguments: Value,
}

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The model by its name in the configuration; the default one if absent.
    pub model: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
    /// Who the agent is. Already worded in `system`; a rule-based model reads it from here.
    pub character: Arc<Character>,
    /// What the model is told before anything else.
    pub system: String,
    /// Whether the last turn may not be for the agent at all. A model that finds so answers with
    /// [`IGNORE`](Self::IGNORE) and nothing else.
    pub may_ignore: bool,
    /// Whether one attempt at the first model is all that may be made: a budget has no room for more.
    pub is_single_attempt: bool,
    /// The conversation, oldest first; the last turn is the one to answer. May be empty.
    pub turns: Vec<Turn>,
    /// The tools it may call.
    pub tools: Vec<ToolSpec>,
    /// Settings by elizaOS' names: `temperature`, `maxTokens`, `topP`, `stop`, …
    pub settings: Map<String, Value>,
    /// Where the bytes are counted that are sent and received for it, and what a child process takes.
    pub tally: Tally,
    /// What the run that it is of must not go beyond, for a model that acts by itself.
    pub bounds: Bounds,
}

/// What a run must not go beyond. The runtime holds models to it that ask for each call; one that goes
/// on by itself has to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// How often the model may go on after a tool, if that is said of the run or its agent.
    pub rounds_max: Option<u32>,
    /// The only tools that it may use, by their names; all that it has if absent.
    pub allowed_tools: Option<Vec<String>>,
}

impl Prompt {
    /// The answer of a model that finds that nothing is to be said.
    pub const IGNORE: &str = "IGNORE";

    /// Tokens that a provider adds to each message, tool or call at most: marks of its beginning, its
    /// end and who speaks.
    const FRAME_TOKENS: u64 = 16;

    /// Tokens that a provider adds to the whole at most, and what a prompt without a turn is made
    /// to say.
    const FRAME_TOKENS_OF_ALL: u64 = 128;

    /// The tokens of its answer at most, as its settings say.
    #[must_use]
    pub fn max_tokens(&self) -> Option<u32> {
        let asked = self.settings.get("maxTokens").and_then(Value::as_u64);
        asked.and_then(|asked| u32::try_from(asked).ok()).filter(|asked| *asked > 0)
    }

    /// Tokens that a model reads with it at most.
    ///
    /// A token stands for at least one byte with every tokenizer in use, so that the bytes of all
    /// texts bound it, with an allowance for what a provider puts around each. Texts that a tokenizer
    /// rewrites first (a single sign for a whole word) could have more; they are rare, and the usual
    /// text has a quarter of that.
    #[must_use]
    pub fn input_tokens_max(&self) -> u64 {
        let bytes = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let mut tokens = Self::FRAME_TOKENS_OF_ALL.saturating_add(bytes(self.system.len()));
        let mut add = |length: usize| {
            let framed = bytes(length).saturating_add(Self::FRAME_TOKENS);
            tokens = tokens.saturating_add(framed);
        };
        for turn in &self.turns {
            add(turn.text.len());
            for call in &turn.tool_calls {
                add(call.id.len() + call.name.len() + call.arguments.to_string().len());
            }
        }
        for tool in &self.tools {
            add(tool.name.len() + tool.description.len() + tool.parameters.to_string().len());
        }
        tokens
    }
}

/// What a call of a model may cost at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// The model that is asked first.
    pub model: String,
    /// Tokens read, in all attempts together.
    pub input_tokens_max: u64,
    /// Tokens written, in all attempts together.
    pub output_tokens_max: u64,
    /// What these cost, in millionths of a US dollar.
    pub cost_micros_max: u64,
    /// The tokens of one answer that this rests on. Where the prompt's settings do not bound the
    /// answer, they have to be given this as `maxTokens` for the quote to be true.
    pub max_tokens: u32,
    /// What tokens count as if the answer does not say what it cost.
    pub rate: Rate,
}

impl Quote {
    /// The tokens of one answer where neither the prompt nor the model bounds them.
    pub const MAX_TOKENS: u32 = 4_096;
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Some more words.
    Text(String),
    /// A call of a tool, whole.
    ToolCall(ToolCall),
    /// A tool of its own that the model has used: told, and not to be called.
    Acted(ToolCall),
    /// The end, and what it cost, with the attempts that came to nothing before and may be billed all
    /// the same.
    Done(Usage),
    /// Before an error, where no answer came of it: what the attempts may be billed for. A model that
    /// fails without it was billed for nothing.
    Billed(Usage),
}

impl Delta {
    /// Whether it is a text without anything to read.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// The words.
    pub text: String,
    /// The calls it wants made.
    pub tool_calls: Vec<ToolCall>,
    /// The tools of its own that the model has used.
    pub acts: Vec<ToolCall>,
    /// What it cost.
    pub usage: Usage,
}

/// Waits for the whole answer, handing each piece to `observe` as it comes.
///
/// # Errors
/// What the model failed with; [`ModelError::Unavailable`] if the answer broke off, or grew beyond
/// `max_bytes`.
pub async fn collect(
    mut stream: ModelStream,
    max_bytes: usize,
    mut observe: impl FnMut(&Delta),
) -> Result<Generation, ModelError> {
    let mut whole = Generation::default();
    while let Some(delta) = stream.next().await {
        let delta = delta?;
        observe(&delta);
        match delta {
            Delta::Text(text) => {
                whole.text.push_str(&text);
                if whole.text.len() > max_bytes {
                    let reason = format!("the answer is longer than {max_bytes} bytes");
                    return Err(ModelError::Unavailable(reason));
                }
            }
            Delta::ToolCall(call) => whole.tool_calls.push(call),
            Delta::Acted(call) => whole.acts.push(call),
            Delta::Billed(usage) => whole.usage.add(&usage),
            Delta::Done(usage) => {
                whole.usage = usage;
                return Ok(whole);
            }
        }
    }
    Err(ModelError::Unavailable("the answer broke off".to_owned()))
}

//! The answer of a program, as it comes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use greenroom_actors::error::ModelError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::{Mask, Sieve};
use greenroom_actors::ports::{Delta, ModelStream, Prompt, ToolCall};
use greenroom_actors::runs::Usage;
use tokio::time::{Instant, timeout_at};

use super::asked::{RuntimeKind, Wish};
use super::child::{Launch, Running};
use super::claude::Claude;
use super::gemini::Gemini;
use super::{Inner, told};
use crate::credentials::{self, GITHUB_PAT, own_github_token};

/// Calls of its own tools that are told on of one answer.
const ACTS_MAX: usize = 256;

/// What a program says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// Some more words.
    Said(String),
    /// It has used a tool of its own.
    Acted(ToolCall),
    /// The end, and what it cost.
    Done(Usage),
    /// It has failed, for this reason and at that cost.
    Failed(String, Usage),
}

/// How a program is understood.
enum Reader {
    Claude(Claude),
    Gemini(Gemini),
}

/// An answer that is under way.
struct Answer {
    runtimes: Arc<Inner>,
    agent: AgentId,
    kind: RuntimeKind,
    running: Running,
    reader: Reader,
    deadline: Instant,
    allowed: Duration,
    /// What can be told next.
    ready: VecDeque<Result<Delta, ModelError>>,
    /// Keeps the host's own key out of what is told.
    sieve: Option<Sieve>,
    mask: Option<Arc<Mask>>,
    acts: usize,
    is_over: bool,
}

/// Starts a program for that prompt.
///
/// # Errors
/// [`ModelError::Unavailable`] if too many run, or it cannot be started.
pub(super) async fn of(
    runtimes: Arc<Inner>,
    program: PathBuf,
    wish: Wish,
    prompt: Prompt,
) -> Result<ModelStream, ModelError> {
    let allowed = Duration::from_secs(u64::from(runtimes.settings.timeout_s));
    let deadline = Instant::now() + allowed;
    let unavailable =
        |reason: String| ModelError::Unavailable(format!("{}: {reason}", wish.kind.as_str()));
    let full = |_full| unavailable("too many programs run already".to_owned());
    let queued = Arc::clone(&runtimes.queue).try_acquire_owned().map_err(full)?;
    let place = timeout_at(deadline, Arc::clone(&runtimes.places).acquire_owned()).await;
    let place = place.map_err(|_late| ModelError::TimedOut(allowed))?;
    let place = place.map_err(|_closed| unavailable("the host goes down".to_owned()))?;
    let agent = prompt.character.agent_id();
    let settings = runtimes.settings.of(wish.kind);
    let workspace = runtimes.workspaces.free(agent);
    let made = workspace.make_folder(crate::workspace::WorkPath::HOME).await;
    made.map_err(|error| unavailable(error.to_string()))?;
    let own = credentials::environment_of(&runtimes.workspaces, agent).await;
    let mut own = own.map_err(|error| unavailable(error.to_string()))?;
    own.extend(token(&runtimes, &prompt, &own));
    let platform = Some(settings.key_env.as_str())
        .filter(|name| wish.uses_platform_key && !name.is_empty())
        .filter(|name| own.iter().all(|(given, _)| given != name))
        .and_then(|name| Some((name.to_owned(), (runtimes.env)(name)?)));
    let mask = platform.as_ref().and_then(|(_, key)| Mask::over([key.as_str()])).map(Arc::new);
    let folder = runtimes.folder.join(agent.to_string());
    let launch = Launch {
        program,
        arguments: told::arguments(&wish, &prompt, &settings.arguments),
        environment: told::environment(&*runtimes.env, &folder, platform, own),
        folder,
        input: told::text(&prompt),
        output_max: runtimes.settings.output_max_bytes,
    };
    let running = Running::start(
        launch,
        Arc::clone(&runtimes),
        (agent, prompt.tally.clone()),
        [queued, place],
    );
    let running = running.map_err(|error| unavailable(format!("cannot be started: {error}")))?;
    let answer = Answer {
        runtimes,
        agent,
        kind: wish.kind,
        running,
        reader: match wish.kind {
            RuntimeKind::ClaudeCode => Reader::Claude(Claude::default()),
            RuntimeKind::GeminiCli => Reader::Gemini(Gemini::default()),
        },
        deadline,
        allowed,
        ready: VecDeque::new(),
        sieve: mask.clone().map(Sieve::new),
        mask,
        acts: 0,
        is_over: false,
    };
    let deltas = stream::unfold(answer, |mut answer| async {
        let delta = answer.next().await?;
        Some((delta, answer))
    });
    Ok(deltas.boxed())
}

/// The agent's own token for GitHub, unless its environment says another.
fn token(runtimes: &Inner, prompt: &Prompt, own: &[(String, String)]) -> Option<(String, String)> {
    if own.iter().any(|(name, _)| name == GITHUB_PAT) {
        return None;
    }
    let token = runtimes.secrets.open(own_github_token(&prompt.character)?)?;
    Some((GITHUB_PAT.to_owned(), token.to_string()))
}

impl Answer {
    async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            if self.is_over {
                return None;
            }
            let mut heard = Vec::new();
            match timeout_at(self.deadline, self.running.line()).await {
                Ok(Ok(Some(line))) => match &mut self.reader {
                    Reader::Claude(claude) => claude.take(&line, &mut heard),
                    Reader::Gemini(gemini) => gemini.take(&line),
                },
                Ok(Ok(None)) => {
                    if let Reader::Gemini(gemini) = &mut self.reader {
                        gemini.finish(&mut heard);
                    }
                    if heard.is_empty() {
                        let (_, how) = self.running.ended().await;
                        let reason = format!("it ended without an answer ({how})");
                        heard.push(Heard::Failed(reason, self.spent()));
                    }
                }
                Ok(Err(error)) => heard.push(Heard::Failed(error.to_string(), self.spent())),
                Err(_late) => {
                    let spent = self.spent();
                    self.end([Ok(Delta::Billed(spent)), Err(ModelError::TimedOut(self.allowed))]);
                }
            }
            for heard in heard {
                self.hear(heard).await;
            }
        }
    }

    async fn hear(&mut self, heard: Heard) {
        if self.is_over {
            return;
        }
        match heard {
            Heard::Said(text) => {
                let text = match &mut self.sieve {
                    Some(sieve) => sieve.push(&text),
                    None => text,
                };
                self.ready.push_back(Ok(Delta::Text(text)));
            }
            Heard::Acted(mut call) => {
                self.acts = self.acts.saturating_add(1);
                if self.acts <= ACTS_MAX {
                    if let Some(mask) = &self.mask {
                        mask.hide_in(&mut call.arguments);
                    }
                    self.ready.push_back(Ok(Delta::Acted(call)));
                }
            }
            Heard::Done(usage) => {
                self.running.leave().await;
                self.look_again().await;
                let rest = self.sieve.as_mut().map(Sieve::finish).unwrap_or_default();
                if !rest.is_empty() {
                    self.ready.push_back(Ok(Delta::Text(rest)));
                }
                self.end([Ok(Delta::Done(self.named(usage)))]);
            }
            Heard::Failed(mut reason, usage) => {
                self.running.leave().await;
                self.look_again().await;
                if let Some(mask) = &self.mask {
                    mask.hide(&mut reason);
                }
                let reason = format!("{}: {reason}", self.kind.as_str());
                // It has done something by now, which another attempt would do again.
                let error = ModelError::Refused(reason);
                self.end([Ok(Delta::Billed(self.named(usage))), Err(error)]);
            }
        }
    }

    /// The program may have written credentials itself.
    async fn look_again(&self) {
        let looked = self.runtimes.workspaces.credentials_changed(self.agent).await;
        if let Err(error) = looked {
            tracing::warn!(agent = %self.agent, %error, "credentials are not looked at again");
        }
    }

    fn spent(&self) -> Usage {
        match &self.reader {
            Reader::Claude(claude) => claude.spent(),
            Reader::Gemini(_) => Usage::default(),
        }
    }

    fn named(&self, usage: Usage) -> Usage {
        let model = usage.model.or_else(|| Some(self.kind.as_str().to_owned()));
        Usage { model, ..usage }
    }

    fn end(&mut self, last: impl IntoIterator<Item = Result<Delta, ModelError>>) {
        self.ready.extend(last);
        self.is_over = true;
    }
}

/// Dollars in millionths. Nothing else converts a float; a cast saturates.
#[allow(clippy::as_conversions)]
pub(super) fn micros(dollars: f64) -> u64 {
    (dollars * 1_000_000.0).round() as u64
}

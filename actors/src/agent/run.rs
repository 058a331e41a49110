//! A run: from what there is to do, through one call of the model, to an outcome that is recorded.
//!
//! A run is a task of its own on the agent's arbiter. It may panic or be cut off at any point; what
//! is recorded of it by then stays, and the agent records the rest.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::asked::Entitle;
use super::hearing::{Hearing, failed};
use super::journal::{Journal, object};
use super::spending::{Meter, Patience};
use super::{letters, prompt};
use crate::budget::Reservation;
use crate::character::AgentRecord;
use crate::error::{CoreError, ModelError, StoreError};
use crate::facts::{EventKind, Fact};
use crate::ids::{self, AgentId, LetterId, MemoryId, RoomId, RunId};
use crate::letters::{Heard, Letter, LetterStatus};
use crate::ports::{Generation, MemoryQuery, Prompt, Purpose, collect};
use crate::records::{MESSAGES, Memory};
use crate::runs::{Run, RunKind, RunStatus, Step, StepEnd, StepKind, StepStatus, Usage};
use crate::runtime::Runtime;
use crate::time::UnixMillis;

/// How far a run has come, seen by the agent beside it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The run, once its beginning is on its way to the store.
    run: RefCell<Option<Run>>,
    /// Whether its end is on its way to the store: nothing leaves the process any more.
    is_closing: Cell<bool>,
}

impl Progress {
    /// The run, if it is begun and its end is not on its way.
    pub(crate) fn open_run(&self) -> Option<Run> {
        if self.is_closing.get() { None } else { self.run.borrow().clone() }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// The letter whose answer is on its way to the store.
    pub(crate) fn closing_letter(&self) -> Option<LetterId> {
        if self.is_closing.get() { self.run.borrow().as_ref()?.letter_id } else { None }
    }
}

/// What a run is begun for.
#[derive(Clone, Debug)]
pub(crate) enum Occasion {
    /// The letter that waits longest.
    Letter,
    /// A tick at which a reflection is due.
    Reflection,
    /// Somebody wants a title.
    Title(Arc<Entitle>),
}

impl Occasion {
    fn kind(&self) -> RunKind {
        match self {
            Self::Letter => RunKind::Reply,
            Self::Reflection => RunKind::Tick,
            Self::Title(_) => RunKind::Job,
        }
    }

    fn purpose(&self) -> Purpose {
        match self {
            Self::Letter => Purpose::Reply,
            Self::Reflection => Purpose::Reflect,
            Self::Title(_) => Purpose::Title,
        }
    }
}

/// What a run left behind.
#[derive(Debug, Default)]
pub(crate) struct Landing {
    /// How it ended; `None`: there was nothing to do, and nothing is recorded.
    pub(crate) status: Option<RunStatus>,
    /// Why it did not complete.
    pub(crate) error: Option<CoreError>,
    /// The letter it was about, if any.
    pub(crate) letter: Option<LetterId>,
    /// Where that letter was said for others to hear.
    pub(crate) heard: Option<Heard>,
    /// Whether that letter was given up with the run.
    pub(crate) is_given_up: bool,
    /// Whether another letter waited behind that one.
    pub(crate) has_more_letters: bool,
    /// What the agent said.
    pub(crate) said: Option<Memory>,
    /// What it found for whoever asked for it, and nobody else hears.
    pub(crate) found: Option<String>,
    /// When it reflected.
    pub(crate) reflected_at: Option<UnixMillis>,
}

/// A run about to begin.
pub(crate) struct Errand {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) agent: AgentId,
    pub(crate) run: RunId,
    /// The memory that the agent's words will be.
    pub(crate) said: MemoryId,
    pub(crate) occasion: Occasion,
    /// Whether it was begun by a tick.
    pub(crate) is_tick: bool,
    /// Settings of the model given at the start.
    pub(crate) overrides: Option<Map<String, Value>>,
    pub(crate) progress: Rc<Progress>,
}

impl Errand {
    /// Carries the run out.
    pub(crate) async fn carry_out(self) -> Landing {
        let about = match self.find_letter().await {
            Ok(about) => about,
            Err(error) => return Landing { error: Some(error), ..Landing::default() },
        };
        if matches!(self.occasion, Occasion::Letter) && about.is_none() {
            return Landing::default();
        }
        let (letter, has_more_letters) = match about {
            Some((letter, has_more)) => (Some(letter), has_more),
            None => (None, false),
        };
        let id = letter.as_ref().map(|letter| letter.id);
        let heard = letter.as_ref().and_then(|letter| letter.heard);
        let landing = self.run(letter).await.unwrap_or_else(|error| Landing {
            error: Some(error),
            letter: id,
            heard,
            ..Landing::default()
        });
        Landing { has_more_letters, ..landing }
    }

    /// The letter to deal with, and whether another waits behind it; those tried too often are given
    /// up on the way.
    async fn find_letter(&self) -> Result<Option<(Letter, bool)>, CoreError> {
        if !matches!(self.occasion, Occasion::Letter) {
            return Ok(None);
        }
        loop {
            let waiting = self.runtime.ports.store.waiting_letters(self.agent, 2).await?;
            let has_more = waiting.len() > 1;
            let Some(letter) = waiting.into_iter().next() else { return Ok(None) };
            if letter.attempts < self.runtime.settings.letter_attempts_max {
                return Ok(Some((letter, has_more)));
            }
            let reason = "tried too often";
            let mut facts = Vec::from(letters::given_up(&self.journal(), letter.id, reason));
            let now = self.runtime.now();
            facts.extend(letter.heard.map(|heard| failed(heard, self.agent, reason, now)));
            self.runtime.commit(facts).await?;
        }
    }

    async fn run(&self, letter: Option<Letter>) -> Result<Landing, CoreError> {
        let record = self.runtime.record(self.agent).await?;
        let (room_id, entity_id) = match (&letter, &self.occasion) {
            (Some(letter), _) => (letter.room_id, letter.from),
            (None, Occasion::Title(wanted)) => (wanted.room_id, wanted.asked_by),
            (None, _) => (RoomId(self.agent.0), self.agent.into()),
        };
        let mut prompt = self.prompt(&record, room_id, letter.as_ref()).await?;
        let run = Run {
            id: self.run,
            agent_id: self.agent,
            kind: self.occasion.kind(),
            status: RunStatus::Started,
            room_id,
            entity_id,
            letter_id: letter.as_ref().map(|letter| letter.id),
            firing_id: None,
            resumes: None,
            started_at: self.runtime.now(),
            ended_at: None,
            error: None,
            usage: Usage::default(),
        };
        let reservation = self.runtime.reservation(&record, run.id, 0, &mut prompt)?;
        self.open(&run, &prompt, &reservation).await?;
        let meter = Meter::default();
        let answer = self.generate(prompt.clone(), letter.as_ref(), &meter).await;
        let bill = meter.bill(&answer, &reservation);
        self.runtime.count_call(&reservation, &bill);
        self.close(&run, &record, &prompt, letter, answer, bill).await
    }

    async fn prompt(
        &self,
        record: &AgentRecord,
        room: RoomId,
        letter: Option<&Letter>,
    ) -> Result<Prompt, CoreError> {
        let may_ignore = letter.is_some_and(|letter| letter.may_be_ignored);
        let settings = &self.runtime.settings;
        let max_bytes = usize::try_from(settings.context_memory_max_bytes).unwrap_or(usize::MAX);
        let character = &record.character;
        let turns = match &self.occasion {
            Occasion::Title(wanted) => {
                vec![prompt::talk(&wanted.talk, &character.name, max_bytes)]
            }
            Occasion::Letter | Occasion::Reflection => {
                let memories = self.context(room, letter).await?;
                prompt::turns(&memories, self.agent.into(), max_bytes)
            }
        };
        let purpose = self.occasion.purpose();
        let overrides = self.overrides.as_ref();
        let mut asked = Map::new();
        for key in ["temperature", "maxTokens", "topP", "stop"] {
            let overridden = overrides.and_then(|settings| settings.get(key));
            if let Some(value) = overridden.or_else(|| character.setting(key)) {
                asked.insert(key.to_owned(), value.clone());
            }
        }
        if purpose == Purpose::Title {
            asked = prompt::title_settings();
        }
        let model = overrides.and_then(|settings| settings.get("model")?.as_str());
        Ok(Prompt {
            model: model.or_else(|| character.model()).map(str::to_owned),
            purpose,
            may_ignore,
            system: prompt::system(character, purpose, may_ignore),
            turns,
            tools: Vec::new(),
            settings: asked,
            character: Arc::new(character.clone()),
        })
    }

    /// What was said in the room lately, newest first; the letter, if there is one, before all.
    async fn context(
        &self,
        room: RoomId,
        letter: Option<&Letter>,
    ) -> Result<Vec<Memory>, StoreError> {
        let query = MemoryQuery {
            kind: Some(MESSAGES.to_owned()),
            room_id: Some(room),
            ..MemoryQuery::of(self.agent, self.runtime.settings.context_memories)
        };
        let mut memories = self.runtime.ports.store.memories(query).await?;
        if let Some(letter) = letter {
            // Others may have been written since, or in the same millisecond: the last message must
            // be the one that is answered.
            let place = memories.iter().position(|memory| memory.id == letter.memory_id);
            let answered = match place {
                Some(place) => Some(memories.remove(place)),
                None => self.runtime.ports.store.memory(self.agent, letter.memory_id).await?,
            };
            memories.splice(0..0, answered);
        }
        Ok(memories)
    }

    /// Records that the run begins, and what the model is about to be asked.
    async fn open(
        &self,
        run: &Run,
        prompt: &Prompt,
        reservation: &Reservation,
    ) -> Result<(), CoreError> {
        let journal = self.journal();
        let mut facts = Vec::with_capacity(6);
        if self.is_tick {
            facts.push(journal.event(EventKind::Ticked, json!({"runId": run.id})));
        }
        facts.push(Fact::RunStarted(Box::new(run.clone())));
        facts.extend(run.letter_id.map(Fact::LetterTried));
        facts.push(Fact::Reserved(Box::new(reservation.clone())));
        facts.push(Fact::StepIntended(Box::new(Step {
            run_id: run.id,
            agent_id: run.agent_id,
            index: 0,
            kind: StepKind::Model,
            name: prompt.model.clone().unwrap_or_default(),
            status: StepStatus::Intended,
            intent: json!({"system": prompt.system, "turns": prompt.turns}),
            outcome: None,
            started_at: run.started_at,
            ended_at: None,
            usage: Usage::default(),
        })));
        facts.push(journal.run_event(run, RunStatus::Started, None, run.started_at));
        facts
            .push(journal.event(EventKind::RunStarted, json!({"runId": run.id, "kind": run.kind})));
        let mut patience = Patience::of(&self.runtime);
        loop {
            self.progress.run.replace(Some(run.clone()));
            let exceeded = match self.runtime.commit(facts.clone()).await {
                Err(StoreError::Exceeded(exceeded)) => exceeded,
                committed => return committed.map(drop).map_err(CoreError::from),
            };
            self.progress.run.replace(None);
            if let Err(error) = patience.wait(exceeded).await {
                self.refuse(run, facts, &error).await?;
                return Err(error);
            }
        }
    }

    /// Records a run that could not make its first call.
    async fn refuse(
        &self,
        run: &Run,
        begun: Vec<Fact>,
        error: &CoreError,
    ) -> Result<(), CoreError> {
        let is_of_the_call = |fact: &Fact| {
            matches!(fact, Fact::Reserved(_) | Fact::StepIntended(_) | Fact::LetterTried(_))
        };
        let mut facts: Vec<_> = begun.into_iter().filter(|fact| !is_of_the_call(fact)).collect();
        let (journal, reason) = (self.journal(), error.to_string());
        let usage = Usage::default();
        facts.extend(journal.run_ended(run, RunStatus::Failed, Some(&reason), journal.now, usage));
        self.progress.is_closing.set(true);
        self.runtime.commit(facts).await?;
        Ok(())
    }

    async fn generate(
        &self,
        prompt: Prompt,
        letter: Option<&Letter>,
        meter: &Meter,
    ) -> Result<Generation, ModelError> {
        let deadline = Duration::from_secs(u64::from(self.runtime.settings.run_deadline_s));
        let max_bytes = usize::try_from(self.runtime.settings.answer_max_bytes);
        let max_bytes = max_bytes.unwrap_or(usize::MAX);
        let may_ignore = prompt.may_ignore;
        let mut watched =
            letter.map(|letter| self.runtime.pieces.of(self.agent, letter, self.said, may_ignore));
        let answer = meter.listen(self.runtime.ports.model.generate(prompt));
        let answer = collect(answer, max_bytes, |delta| {
            if let Some(watched) = &mut watched {
                watched(delta);
            }
        });
        match select(Box::pin(answer), self.runtime.sleep(deadline)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(ModelError::TimedOut(deadline)),
        }
    }

    /// Records how the run ended and what came of it.
    async fn close(
        &self,
        run: &Run,
        record: &AgentRecord,
        prompt: &Prompt,
        letter: Option<Letter>,
        answer: Result<Generation, ModelError>,
        usage: Usage,
    ) -> Result<Landing, CoreError> {
        let now = self.runtime.now();
        let journal = self.journal();
        let (text, error) = match answer {
            Ok(answer) => (answer.text, None),
            Err(error) => (String::new(), Some(error)),
        };
        let status = match &error {
            None => RunStatus::Completed,
            Some(ModelError::TimedOut(_)) => RunStatus::TimedOut,
            Some(_) => RunStatus::Failed,
        };
        let reason = error.as_ref().map(ToString::to_string);
        let mut facts = Vec::with_capacity(16);
        facts.push(step_ended(run, &text, reason.as_deref(), &usage, now));
        let took = now.since(run.started_at);
        facts.push(journal.model_log(run, prompt, &text, &usage, reason.as_deref(), took));
        let mut landing =
            Landing { letter: run.letter_id, status: Some(status), ..Landing::default() };
        if matches!(self.occasion, Occasion::Title(_)) {
            landing.found = error.is_none().then_some(text);
        } else if error.is_none() && is_worth_saying(&text, prompt) {
            let said = self.said(run, letter.as_ref(), &text, now);
            facts.push(Fact::Remembered(Box::new(said.clone())));
            let kind = if letter.is_some() { EventKind::Said } else { EventKind::Thought };
            facts.push(journal.event(
                kind,
                json!({"runId": run.id, "memoryId": said.id, "roomId": said.room_id, "text": text}),
            ));
            landing.said = Some(said);
        }
        if matches!(self.occasion, Occasion::Reflection) && error.is_none() {
            facts.push(Fact::Reflected { id: self.agent, at: now });
            landing.reflected_at = Some(now);
        }
        let mut heard = Vec::new();
        if let Some(letter) = &letter {
            landing.heard = letter.heard;
            landing.is_given_up = error.as_ref().is_some_and(|error| self.is_last(letter, error));
            if landing.is_given_up {
                let reason = reason.as_deref().unwrap_or_default();
                facts.extend(letters::given_up(&journal, letter.id, reason));
            }
            if error.is_none() {
                facts.push(Fact::LetterSettled { id: letter.id, status: LetterStatus::Answered });
                if let (Some(asker), Some(said), true) =
                    (letter.from_agent, &landing.said, letter.expects_reply)
                {
                    facts.extend(letters::answer(letter, asker, said, now));
                }
            }
            // Others hear of a failure once nothing more is to come.
            if error.is_none() || landing.is_given_up {
                let (name, said) = (&record.character.name, landing.said.as_ref());
                heard = self.heard(letter, name, said, reason.as_deref(), now).await?;
            }
        }
        facts.extend(journal.run_ended(run, status, reason.as_deref(), now, usage.clone()));
        self.progress.is_closing.set(true);
        self.commit_end(facts, heard).await?;
        landing.error = error.map(CoreError::Model);
        Ok(landing)
    }

    /// Whether a letter is not tried again after that: another attempt would meet the same, or there
    /// were enough.
    fn is_last(&self, letter: &Letter, error: &ModelError) -> bool {
        let attempts = letter.attempts.saturating_add(1);
        !error.is_transient() || attempts >= self.runtime.settings.letter_attempts_max
    }

    /// What others hear of it, if others heard the letter.
    async fn heard(
        &self,
        letter: &Letter,
        name: &str,
        said: Option<&Memory>,
        error: Option<&str>,
        now: UnixMillis,
    ) -> Result<Vec<Fact>, StoreError> {
        let Some(heard) = letter.heard else { return Ok(Vec::new()) };
        let room = match said {
            Some(_) => self.runtime.ports.store.room(self.agent, letter.room_id).await?,
            None => None,
        };
        let channel_type = room.map_or_else(|| "GROUP".to_owned(), |room| room.kind);
        let hearing = Hearing { heard, agent: self.agent, name, channel_type, now };
        Ok(match (said, error) {
            (_, Some(error)) => vec![hearing.failed(error)],
            (None, None) => vec![hearing.is_done()],
            (Some(said), None) => {
                hearing.said(said).into_iter().chain([hearing.is_done()]).collect()
            }
        })
    }

    /// Commits the end of the run; without what others hear of it, if their channel is gone.
    async fn commit_end(&self, facts: Vec<Fact>, heard: Vec<Fact>) -> Result<(), CoreError> {
        if heard.is_empty() {
            self.runtime.commit(facts).await?;
            return Ok(());
        }
        let both = facts.iter().chain(&heard).cloned().collect();
        match self.runtime.commit(both).await {
            Err(StoreError::Missing { .. }) => self.runtime.commit(facts).await?,
            committed => committed?,
        };
        Ok(())
    }

    /// What the agent said or thought, as it remembers it.
    fn said(&self, run: &Run, letter: Option<&Letter>, text: &str, now: UnixMillis) -> Memory {
        let id = self.said;
        let content = match letter {
            Some(letter) => json!({
                "text": text, "thought": "", "actions": ["REPLY"], "providers": [], "simple": true,
                "responseId": id, "inReplyTo": answered(letter),
            }),
            None => json!({"text": text, "thought": text, "source": "autonomy", "actions": []}),
        };
        Memory {
            id,
            agent_id: self.agent,
            kind: MESSAGES.to_owned(),
            room_id: run.room_id,
            world_id: None,
            entity_id: self.agent.into(),
            content: object(content),
            metadata: Map::new(),
            unique: true,
            created_at: now,
        }
    }

    fn journal(&self) -> Journal {
        Journal { agent: self.agent, now: self.runtime.now() }
    }
}

/// What a reply says that it answers. elizaOS derives that anew from the memory's id where it was
/// said in a channel, and its clients compare it.
fn answered(letter: &Letter) -> Uuid {
    match letter.heard {
        Some(_) => ids::seen_by(letter.to, &letter.memory_id.to_string()),
        None => letter.memory_id.0,
    }
}

/// Whether an answer is more than silence.
fn is_worth_saying(text: &str, prompt: &Prompt) -> bool {
    let is_ignored = prompt.may_ignore && text.trim() == Prompt::IGNORE;
    !is_ignored && !text.trim().is_empty()
}

fn step_ended(
    run: &Run,
    text: &str,
    error: Option<&str>,
    usage: &Usage,
    ended_at: UnixMillis,
) -> Fact {
    let (status, outcome) = match error {
        None => (StepStatus::Succeeded, json!({"text": text})),
        Some(error) => (StepStatus::Failed, json!({"error": error})),
    };
    Fact::StepEnded(Box::new(StepEnd {
        run_id: run.id,
        index: 0,
        status,
        outcome,
        ended_at,
        usage: usage.clone(),
    }))
}

//! A run: from what there is to do, through calls of models and tools, to an outcome that is
//! recorded.
//!
//! A run is a task of its own on the agent's arbiter. It may panic or be cut off at any point; what
//! is recorded of it by then stays, and the agent records the rest.

mod cause;
mod course;
mod ending;
mod parking;
mod replay;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Map, Value};

use super::GoalWork;
use super::asked::Entitle;
use super::context::{self, Scene};
use super::firing::FiringsWaiting;
use super::journal::Journal;
use crate::error::{CoreError, ModelError};
use crate::guardrails::Guardrails;
use crate::ids::{AgentId, ApprovalId, LetterId, MemoryId, RoomId, RunId};
use crate::letters::Heard;
use crate::masks::Mask;
use crate::ports::Purpose;
use crate::records::Memory;
use crate::runs::{Run, RunKind, RunStatus, Usage};
use crate::runtime::Runtime;
use crate::time::UnixMillis;

use cause::{Cause, Found};
use course::Course;

pub(super) use parking::RESUMABLE_MAX;

/// How far a run has come, seen by the agent beside it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The run with what it cost so far, once its beginning is on its way to the store.
    run: RefCell<Option<Run>>,
    /// Where the letter that it answers was said for others to hear.
    heard: Cell<Option<Heard>>,
    /// When something last came of it.
    moved_at: Cell<UnixMillis>,
    /// Seconds that it may take, where its cause says so.
    allowed_s: Cell<Option<u32>>,
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

    /// A run that begins now.
    pub(crate) fn beginning(now: UnixMillis) -> Self {
        let progress = Self::default();
        progress.moved(now);
        progress
    }

    /// Something comes of it: a step begins or ends, a piece of an answer is there.
    pub(crate) fn moved(&self, now: UnixMillis) {
        self.moved_at.set(now);
    }

    /// When something last came of it.
    pub(crate) fn moved_at(&self) -> UnixMillis {
        self.moved_at.get()
    }

    /// Seconds that it may take, where its cause says so.
    pub(crate) fn allowed_s(&self) -> Option<u32> {
        self.allowed_s.get()
    }

    /// Whether its beginning is on its way to the store: soon something leaves the process.
    pub(crate) fn has_begun(&self) -> bool {
        self.run.borrow().is_some()
    }

    /// The letter that it answers, its room and where it was heard; nothing if the answer is on its
    /// way to the store already.
    pub(crate) fn answering(&self) -> Option<(LetterId, RoomId, Option<Heard>)> {
        let run = self.open_run()?;
        Some((run.letter_id?, run.room_id, self.heard.get()))
    }

    /// The letter that it answers, once that is known.
    pub(crate) fn letter(&self) -> Option<LetterId> {
        self.run.borrow().as_ref()?.letter_id
    }

    /// The letter whose answer is on its way to the store.
    pub(crate) fn closing_letter(&self) -> Option<LetterId> {
        if self.is_closing.get() { self.letter() } else { None }
    }

    fn begun(&self, run: &Run) {
        self.run.replace(Some(run.clone()));
    }

    /// The beginning was refused after all.
    fn not_begun(&self) {
        self.run.replace(None);
    }

    fn spent(&self, usage: &Usage) {
        if let Some(run) = self.run.borrow_mut().as_mut() {
            run.usage.add(usage);
        }
    }

    fn closing(&self) {
        self.is_closing.set(true);
    }
}

/// What a run is begun for.
#[derive(Clone, Debug)]
pub(crate) enum Occasion {
    /// The letter that waits longest.
    Letter,
    /// A tick at which a reflection is due.
    Reflection,
    /// The firing of a trigger that waits longest.
    Firing {
        /// Whether those that wait for a tick count too.
        at_tick_too: bool,
    },
    /// A tick at which there are goals to work for.
    Goals,
    /// Somebody wants a title.
    Title(Arc<Entitle>),
    /// A parked run that may go on; as what, its record says.
    Parked,
    /// A letter that is dealt with beside the conversation.
    Task {
        /// The letter.
        letter: LetterId,
        /// The run for it that was parked and may go on.
        parked: Option<RunId>,
    },
}

impl Occasion {
    fn kind(&self) -> RunKind {
        match self {
            Self::Letter => RunKind::Reply,
            Self::Reflection | Self::Goals | Self::Parked => RunKind::Tick,
            Self::Firing { .. } => RunKind::Trigger,
            Self::Title(_) | Self::Task { .. } => RunKind::Job,
        }
    }

    /// Whether a parked run goes on with it.
    pub(super) fn is_resumption(&self) -> bool {
        matches!(self, Self::Parked | Self::Task { parked: Some(_), .. })
    }

    pub(super) fn purpose(&self) -> Purpose {
        match self {
            Self::Letter | Self::Task { .. } => Purpose::Reply,
            Self::Reflection | Self::Parked => Purpose::Reflect,
            Self::Goals | Self::Firing { .. } => Purpose::Work,
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
    /// What waits behind the firing it was about; `None` if it was for none.
    pub(crate) firings_left: Option<FiringsWaiting>,
    /// When its firing is taken up again, if it failed and is to be made again.
    pub(crate) retry_at: Option<UnixMillis>,
    /// What it waits for, if it is parked.
    pub(crate) parked: Option<ApprovalId>,
    /// Whether it was to go on with a parked run.
    pub(crate) is_resumption: bool,
    /// Whether another parked run may go on.
    pub(crate) has_more_resumable: bool,
    /// What there is to do for its goals, where that was what the run was about.
    pub(crate) goal_work: Option<GoalWork>,
}

impl Landing {
    /// Hides secrets in what it says.
    fn hide(&mut self, mask: &Mask) {
        if let Some(said) = &mut self.said {
            mask.hide_in_map(&mut said.content);
        }
        if let Some(found) = &mut self.found {
            mask.hide(found);
        }
        if let Some(error) = &mut self.error {
            mask.hide_in_error(error);
        }
    }
}

/// A run about to begin.
pub(crate) struct Errand {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) agent: AgentId,
    pub(crate) run: RunId,
    /// The memory that the agent's words will be.
    pub(crate) said: MemoryId,
    pub(crate) occasion: Occasion,
    /// Whether the agent has goals.
    pub(crate) has_goals: bool,
    /// Whether it was begun by a tick.
    pub(crate) is_tick: bool,
    /// Settings of the model given at the start.
    pub(crate) overrides: Option<Map<String, Value>>,
    pub(crate) progress: Rc<Progress>,
}

impl Errand {
    /// Carries the run out. What is handed on of it holds none of the agent's secrets.
    pub(crate) async fn carry_out(self) -> Landing {
        let (runtime, agent) = (Arc::clone(&self.runtime), self.agent);
        let mut landing = self.course().await;
        if let Some(mask) = runtime.mask(agent) {
            landing.hide(&mask);
        }
        landing
    }

    async fn course(mut self) -> Landing {
        let is_resumption = self.occasion.is_resumption();
        let cause = match self.find_cause().await {
            Ok(Found::Cause(cause)) => *cause,
            Ok(Found::GivenUp(letter, reason)) => {
                let (letter, error) = (Some(letter), Some(CoreError::Cancelled(reason)));
                return Landing { letter, error, is_given_up: true, ..Landing::default() };
            }
            Ok(Found::Nothing(_)) if is_resumption => {
                return Landing { is_resumption, ..Landing::default() };
            }
            Ok(Found::Nothing(Some(left))) => {
                return Landing { firings_left: Some(left), ..Landing::default() };
            }
            // The goals, if that is what it was about, rest or are gone.
            Ok(Found::Nothing(None)) => return self.nothing_to_do().await,
            Err(error) => {
                let firings_left = self.firing_again();
                let error = Some(error);
                return Landing { error, is_resumption, firings_left, ..Landing::default() };
            }
        };
        if let Some(run) = &cause.parked {
            self.runtime.goes_on_with(self.run, run.id);
            if matches!(self.occasion, Occasion::Parked) {
                self.occasion = match self.occasion_of(run).await {
                    Ok(occasion) => occasion,
                    Err(error) => {
                        return Landing { error: Some(error), is_resumption, ..Landing::default() };
                    }
                };
            }
        }
        let letter = cause.letter.as_ref();
        let (id, heard) = (letter.map(|letter| letter.id), letter.and_then(|letter| letter.heard));
        self.progress.heard.set(heard);
        let (has_more_letters, has_more_resumable) =
            (cause.has_more_letters, cause.has_more_resumable);
        let firings_left = cause.firings_left;
        let landing = match self.run(cause).await {
            Ok(landing) => {
                let later = |left: FiringsWaiting| left.and_later(landing.retry_at);
                Landing { firings_left: firings_left.map(later), ..landing }
            }
            Err(error) => Landing {
                error: Some(error),
                letter: id,
                heard,
                firings_left: self.firing_again(),
                ..Landing::default()
            },
        };
        Landing { has_more_letters, has_more_resumable, is_resumption, ..landing }
    }

    /// That firings are looked for again, where it was about one.
    fn firing_again(&self) -> Option<FiringsWaiting> {
        let is_for_firing = matches!(self.occasion, Occasion::Firing { .. });
        is_for_firing.then(|| FiringsWaiting::found(true))
    }

    async fn run(&self, cause: Cause) -> Result<Landing, CoreError> {
        let record = self.runtime.record(self.agent).await?;
        let (room_id, entity_id) = match (&cause.letter, &self.occasion) {
            (Some(letter), _) => (letter.room_id, letter.from),
            (None, Occasion::Title(wanted)) => (wanted.room_id, wanted.asked_by),
            (None, _) => (RoomId(self.agent.0), self.agent.into()),
        };
        let begun = || Run {
            id: self.run,
            agent_id: self.agent,
            kind: self.occasion.kind(),
            status: RunStatus::Started,
            room_id,
            entity_id,
            letter_id: cause.letter.as_ref().map(|letter| letter.id),
            firing_id: cause.firing.as_ref().map(|(firing, _)| firing.id),
            resumes: cause.earlier.first().map(|run| run.id),
            started_at: self.runtime.now(),
            ended_at: None,
            error: None,
            usage: Usage::default(),
        };
        let run = cause.parked.clone().unwrap_or_else(begun);
        let room_id = run.room_id;
        let scene = Scene {
            runtime: &self.runtime,
            record: &record,
            occasion: &self.occasion,
            room_id,
            letter: cause.letter.as_ref(),
            trigger: cause.trigger(),
            goals: &cause.goals,
            overrides: self.overrides.as_ref(),
        };
        let past = self.past(&cause).await?;
        let context = context::of(&scene).await?;
        let mut course = Course::new(self, Arc::clone(&record), run, context, past, &cause);
        let allowed = cause.trigger().and_then(|trigger| trigger.timeout_s);
        let allowed = cause.terms().and_then(|terms| terms.deadline_s).or(allowed);
        let allowed = allowed.or_else(|| Guardrails::of(&record.character).timeout_s);
        self.progress.allowed_s.set(allowed);
        let allowed = allowed.unwrap_or(self.runtime.settings.run_deadline_s);
        let deadline = Duration::from_secs(u64::from(allowed));
        let ending = {
            let going = pin!(course.go());
            match select(going, self.runtime.sleep(deadline)).await {
                Either::Left((ending, _)) => ending,
                Either::Right(((), _)) => Err(ModelError::TimedOut(deadline).into()),
            }
        };
        match ending {
            // Nothing of it is recorded, so that nothing is to be ended.
            Err(error) if !course.is_begun() => Err(error),
            Ok(Some(approval)) => self.park(course, approval).await,
            ending => self.close(course, &record, cause, ending.err()).await,
        }
    }

    /// Where there was nothing to do after all.
    async fn nothing_to_do(&self) -> Landing {
        match self.goal_work().await {
            Ok(goal_work) => Landing { goal_work, ..Landing::default() },
            Err(error) => Landing { error: Some(error), ..Landing::default() },
        }
    }

    /// What there is to do for the goals now, if that is what the run is about.
    async fn goal_work(&self) -> Result<Option<GoalWork>, CoreError> {
        if !matches!(self.occasion, Occasion::Goals) {
            return Ok(None);
        }
        let goals = self.runtime.ports.store.goals(self.agent).await?;
        let now = self.runtime.now();
        let work = GoalWork::of(&goals, now);
        if work != GoalWork::Now || !self.is_work_parked().await? {
            return Ok(Some(work));
        }
        let from = now.plus(self.runtime.settings.idle_goals_rest());
        Ok(Some(GoalWork::Later { from, may_be_woken: false }))
    }

    fn journal(&self) -> Journal {
        Journal { agent: self.agent, now: self.runtime.now() }
    }
}

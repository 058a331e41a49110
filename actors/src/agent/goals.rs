//! An agent's goals: how they are set and changed, and when they are worked for.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use super::journal::Journal;
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::goals::{Goal, GoalPatch, GoalStatus};
use crate::ids::GoalId;
use crate::runtime::Runtime;
use crate::time::UnixMillis;

/// Sets a goal for an agent, in any state; answers with it once it is durable.
///
/// An autonomous agent works for it from its next tick on. The same `id` given again changes nothing
/// and answers with what there is. Fails with [`CoreError::Invalid`] for a text that cannot be or
/// where there are too many open goals, and with [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Goal, CoreError>")]
pub struct SetGoal {
    /// Its id; a new one if absent.
    pub id: Option<GoalId>,
    /// What is to be reached, in words.
    pub text: String,
}

/// Changes a goal, in any state; answers with it once that is durable.
///
/// Fails with [`CoreError::NotFound`], [`CoreError::Invalid`] and [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Goal, CoreError>")]
pub struct AmendGoal {
    /// Which goal.
    pub id: GoalId,
    /// What changes.
    pub patch: GoalPatch,
}

/// Removes a goal, in any state; answers whether there was one.
///
/// Fails with [`CoreError::Store`].
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<bool, CoreError>")]
pub struct RemoveGoal(pub GoalId);

/// When an agent is to work for its goals, as far as is known in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GoalWork {
    /// There is no open goal.
    #[default]
    None,
    /// At each tick.
    Now,
    /// Not before this; sooner where something happens meanwhile, if `may_be_woken`.
    Later { from: UnixMillis, may_be_woken: bool },
}

impl GoalWork {
    /// What open goals want, of which some may rest.
    pub(crate) fn of(goals: &[Goal], now: UnixMillis) -> Self {
        let open = goals.iter().filter(|goal| goal.status == GoalStatus::Open);
        if open.clone().any(|goal| goal.is_due(now)) {
            return Self::Now;
        }
        let first = open.filter_map(|goal| goal.rests_until).min();
        first.map_or(Self::None, |from| Self::Later { from, may_be_woken: false })
    }

    /// What is known at first: whether there are open goals.
    pub(super) fn seeded(has_goals: bool) -> Self {
        if has_goals { Self::Now } else { Self::None }
    }

    pub(super) fn is_due(self, now: UnixMillis) -> bool {
        match self {
            Self::None => false,
            Self::Now => true,
            Self::Later { from, .. } => from <= now,
        }
    }

    /// Whether there is an open goal at all.
    pub(super) fn is_any(self) -> bool {
        self != Self::None
    }

    /// After something has happened that may be of use.
    pub(super) fn woken(self) -> Self {
        match self {
            Self::Later { may_be_woken: true, .. } => Self::Now,
            same => same,
        }
    }
}

/// How a change of goals ends.
type Changed<T> = AtomicResponse<Agent, Result<T, CoreError>>;

impl Handler<SetGoal> for Agent {
    type Result = Changed<Goal>;

    fn handle(&mut self, SetGoal { id, text }: SetGoal, _: &mut Context<Self>) -> Self::Result {
        let journal = self.journal();
        let goal = match Goal::new(self.id, &text, journal.now) {
            Ok(goal) => Goal { id: id.unwrap_or(goal.id), ..goal },
            Err(error) => return AtomicResponse::new(Box::pin(fut::err(error))),
        };
        let runtime = Arc::clone(&self.runtime);
        self.change_goals(async move {
            let goals = runtime.ports.store.goals(goal.agent_id).await?;
            if let Some(same) = goals.iter().find(|other| other.id == goal.id) {
                return Ok(same.clone());
            }
            let open = goals.iter().filter(|goal| goal.status == GoalStatus::Open).count();
            if open >= Goal::OPEN_MAX {
                let reason = format!("there are {open} open goals, and may be no more");
                return Err(CoreError::Invalid { field: "goal", reason });
            }
            keep(&runtime, &journal, &goal).await?;
            Ok(goal)
        })
    }
}

impl Handler<AmendGoal> for Agent {
    type Result = Changed<Goal>;

    fn handle(
        &mut self,
        AmendGoal { id, patch }: AmendGoal,
        _: &mut Context<Self>,
    ) -> Self::Result {
        let (journal, runtime) = (self.journal(), Arc::clone(&self.runtime));
        self.change_goals(async move {
            let goals = runtime.ports.store.goals(journal.agent).await?;
            let goal = goals.into_iter().find(|goal| goal.id == id);
            let goal = goal.ok_or(CoreError::NotFound { what: "goal", id: id.0 })?;
            let goal = patch.on(goal, journal.now)?;
            keep(&runtime, &journal, &goal).await?;
            Ok(goal)
        })
    }
}

impl Handler<RemoveGoal> for Agent {
    type Result = Changed<bool>;

    fn handle(&mut self, RemoveGoal(id): RemoveGoal, _: &mut Context<Self>) -> Self::Result {
        let (agent_id, runtime) = (self.id, Arc::clone(&self.runtime));
        self.change_goals(async move {
            let removed = runtime.commit(vec![Fact::GoalRemoved { agent_id, id }]).await?;
            Ok(removed.affected.first().is_some_and(|rows| *rows > 0))
        })
    }
}

async fn keep(runtime: &Arc<Runtime>, journal: &Journal, goal: &Goal) -> Result<(), CoreError> {
    let data = json!({
        "goalId": goal.id, "status": goal.status, "text": goal.text, "outcome": goal.outcome,
        "restsUntil": goal.rests_until,
    });
    let event = journal.event(EventKind::GoalSet, data);
    runtime.commit(vec![Fact::GoalSet(Box::new(goal.clone())), event]).await?;
    Ok(())
}

impl Agent {
    /// Carries a change out, and looks anew at what there is to work for.
    fn change_goals<T: 'static>(
        &mut self,
        change: impl Future<Output = Result<T, CoreError>> + 'static,
    ) -> Changed<T> {
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let changed = async move {
            let changed = change.await?;
            let goals = runtime.ports.store.goals(id).await?;
            Ok::<_, CoreError>((changed, GoalWork::of(&goals, runtime.now())))
        };
        AtomicResponse::new(Box::pin(changed.into_actor(self).map(|changed, agent, _| {
            let (changed, work) = changed?;
            agent.goal_work = work;
            Ok(changed)
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AgentId;

    #[test]
    fn goals_that_rest_want_nothing_until_the_first_is_due() {
        let goal = |status, rests_until: Option<i64>| Goal {
            status,
            rests_until: rests_until.map(UnixMillis),
            ..Goal::new(AgentId::new(), "x", UnixMillis(0)).unwrap()
        };
        use GoalStatus::{Dropped, Open, Reached};
        let later = |from| GoalWork::Later { from: UnixMillis(from), may_be_woken: false };
        let table = [
            (vec![], GoalWork::None),
            (vec![goal(Reached, None), goal(Dropped, None)], GoalWork::None),
            (vec![goal(Open, None)], GoalWork::Now),
            (vec![goal(Open, Some(9))], GoalWork::Now),
            (vec![goal(Open, Some(30)), goal(Open, Some(20))], later(20)),
            (vec![goal(Open, Some(30)), goal(Open, None)], GoalWork::Now),
        ];
        for (goals, expected) in table {
            assert_eq!(GoalWork::of(&goals, UnixMillis(10)), expected, "{goals:?}");
        }
    }
}

//! Goals.

use std::time::Duration;

use crate::facts::Fact;
use crate::goals::{Goal, GoalStatus};
use crate::ids::AgentId;
use crate::ports::Retention;
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, id};

pub(super) fn goal(agent_id: AgentId, number: u128, at: i64) -> Goal {
    Goal {
        id: id(number),
        agent_id,
        text: "count the teapots".into(),
        status: GoalStatus::Open,
        outcome: None,
        rests_until: None,
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at),
    }
}

fn set(goal: &Goal) -> Fact {
    Fact::GoalSet(Box::new(goal.clone()))
}

pub(super) async fn goals_are_set_changed_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let (first, second) = (goal(ADA, 1, 10), goal(ADA, 2, 20));
    on.keep([set(&second), set(&first)]).await;
    assert_eq!(on.goals(ADA).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(on.goals(BOB).await.unwrap(), []);
    let full = Goal {
        status: GoalStatus::Reached,
        outcome: Some("there are \"nine\"".into()),
        rests_until: Some(UnixMillis(99)),
        updated_at: UnixMillis(30),
        ..first
    };
    on.keep([set(&full)]).await;
    assert_eq!(on.goals(ADA).await.unwrap(), [full, second.clone()]);
    let removed = |number| Fact::GoalRemoved { agent_id: ADA, id: id(number) };
    assert_eq!(on.affected(removed(1)).await, 1);
    assert_eq!(on.affected(removed(1)).await, 0);
    assert_eq!(on.goals(ADA).await.unwrap(), [second]);
}

pub(super) async fn a_seed_says_whether_a_goal_is_open(on: Subject) {
    let on = on.with_agents().await;
    for (status, expected) in
        [(GoalStatus::Open, true), (GoalStatus::Reached, false), (GoalStatus::Dropped, false)]
    {
        on.keep([set(&Goal { status, ..goal(ADA, 1, 10) })]).await;
        assert_eq!(on.seed(ADA).await.unwrap().unwrap().has_goals, expected, "{status:?}");
        assert!(!on.seed(BOB).await.unwrap().unwrap().has_goals);
    }
}

pub(super) async fn goals_that_are_over_go_with_the_runs_of_their_time(on: Subject) {
    let on = on.with_agents().await;
    let (open, over) = (goal(ADA, 1, 10), goal(ADA, 2, 10));
    let over = Goal { status: GoalStatus::Dropped, ..over };
    let late = Goal { updated_at: UnixMillis(100), ..Goal { id: id(3), ..over.clone() } };
    on.keep([set(&open), set(&over), set(&late)]).await;
    let age = Some(Duration::from_millis(50));
    let retention = Retention { runs_for: age, ..Retention::default() };
    on.prune(retention, UnixMillis(110)).await.unwrap();
    assert_eq!(on.goals(ADA).await.unwrap(), [open, late]);
}

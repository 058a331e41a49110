//! All that there is to do, at one glance.

use actix_web::HttpResponse;
use actix_web::web::Data;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::ids;
use greenroom_actors::records::Task;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;

use super::task::{Sort, TaskView, TodoView};
use super::{of_sort, stored};
use crate::dialects::milady::Answer;
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::events::EventLog;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::triggers::{self, TriggerSummary};

/// `GET /api/workbench/overview`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    tasks: Vec<TaskView>,
    triggers: Vec<TriggerSummary>,
    todos: Vec<TodoView>,
    summary: Summary,
    autonomy: AutonomyView,
    tasks_available: bool,
    triggers_available: bool,
    todos_available: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    total_tasks: usize,
    completed_tasks: usize,
    total_triggers: usize,
    active_triggers: usize,
    total_todos: usize,
    completed_todos: usize,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct AutonomyView {
    enabled: bool,
    thinking: bool,
    last_event_at: Option<UnixMillis>,
}

/// Without an agent there is nothing, and nothing that could be made.
pub(super) async fn show(shared: Data<Shared>) -> Answer {
    let Some(agent) = shared.host.primary.agent().await? else {
        return Ok(HttpResponse::Ok().json(Overview::default()));
    };
    let stored = stored(&shared, &agent).await?;
    let tasks = tasks(&shared, &agent, &stored).await?;
    let todos: Vec<_> = of_sort(&stored, Sort::Todo).map(TodoView::of).collect();
    let are_triggers_on = shared.settings.triggers_enabled;
    let triggers = match are_triggers_on {
        true => triggers::summaries(&shared, agent.id).await?,
        false => Vec::new(),
    };
    let summary = Summary {
        total_tasks: tasks.len(),
        completed_tasks: tasks.iter().filter(|task| task.is_completed()).count(),
        total_triggers: triggers.len(),
        active_triggers: triggers.iter().filter(|trigger| trigger.is_enabled()).count(),
        total_todos: todos.len(),
        completed_todos: todos.iter().filter(|todo| todo.is_completed()).count(),
    };
    let autonomy = shared.host.primary.autonomy().await?;
    let autonomy = AutonomyView {
        enabled: autonomy.is_enabled,
        thinking: autonomy.is_active,
        last_event_at: shared.sockets.read(EventLog::thought_at),
    };
    Ok(HttpResponse::Ok().json(Overview {
        tasks,
        triggers,
        todos,
        summary,
        autonomy,
        tasks_available: true,
        triggers_available: are_triggers_on,
        todos_available: true,
    }))
}

/// What the agent has to do: the tasks that are kept, and what stands beside them as a task.
pub(super) async fn tasks(
    shared: &Shared,
    agent: &AgentRecord,
    stored: &[Task],
) -> Result<Vec<TaskView>, MiladyError> {
    let mut tasks = standing(shared, agent).await?;
    tasks.extend(of_sort(stored, Sort::Task).map(TaskView::of));
    Ok(tasks)
}

/// What stands here as a task and is none: that the agent acts by itself, and its goals.
pub(super) async fn standing(
    shared: &Shared,
    agent: &AgentRecord,
) -> Result<Vec<TaskView>, MiladyError> {
    let autonomy = shared.host.primary.autonomy().await?;
    let id = ids::derived(&format!("autonomy-task-{}", agent.id));
    let since = agent.lifecycle.started_at.unwrap_or(agent.created_at);
    let autonomy =
        autonomy.is_enabled.then(|| TaskView::of_autonomy(id, &agent.character.name, since));
    let goals = shared.host.registry.store().goals(agent.id).await?;
    let goals = goals.into_iter().filter_map(TaskView::of_goal);
    Ok(autonomy.into_iter().chain(goals).collect())
}

//! Tasks and todos as the dashboard reads them.

use actix_web::http::StatusCode;
use greenroom_actors::goals::{Goal, GoalStatus};
use greenroom_actors::records::Task;
use greenroom_actors::texts::cut;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::dialects::milady::error::MiladyError;

/// The tag of what a scheduler takes up: none of it is a task of these.
pub(super) const TRIGGER_TAG: &str = "trigger";

/// What the task of an agent's autonomy is called.
pub(super) const AUTONOMY: &str = "AUTONOMY_THINK";

/// Where an older version keeps what is said of a todo.
const NESTED: &str = "workbenchTodo";

/// Bytes of a goal that are its name.
const NAME_BYTES: usize = 80;

/// What a task is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Task,
    Todo,
}

impl Sort {
    /// The tags of what is made here; a record with any of them is of that sort.
    pub(super) fn tags(self) -> &'static [&'static str] {
        match self {
            Self::Task => &["workbench-task"],
            Self::Todo => &["workbench-todo", "todo"],
        }
    }

    /// Whether that tag makes a record one of this sort.
    pub(super) fn is_told_by(self, tag: &str) -> bool {
        self.tags().contains(&tag)
    }

    /// That there is none of an id.
    pub(super) fn missing(self) -> MiladyError {
        let words = match self {
            Self::Task => "Task not found",
            Self::Todo => "Todo not found",
        };
        MiladyError::refused(StatusCode::NOT_FOUND, words)
    }
}

/// What a record is here; nothing where it stands for what is told otherwise, as triggers are and the
/// agent's autonomy. Such records come with agents from elsewhere.
pub(super) fn found_as(task: &Task) -> Option<Sort> {
    let mut tags = task.tags.iter().map(String::as_str);
    if tags.clone().any(|tag| tag == TRIGGER_TAG) || task.name == AUTONOMY {
        return None;
    }
    Some(if tags.any(|tag| Sort::Todo.is_told_by(tag)) { Sort::Todo } else { Sort::Task })
}

/// A task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskView {
    id: Uuid,
    name: String,
    description: String,
    tags: Vec<String>,
    is_completed: bool,
    updated_at: UnixMillis,
}

impl TaskView {
    pub(super) fn of(task: &Task) -> Self {
        Self {
            id: task.id.0,
            name: task.name.clone(),
            description: task.description.clone().unwrap_or_default(),
            tags: task.tags.clone(),
            is_completed: is(task, "isCompleted"),
            updated_at: task.updated_at,
        }
    }

    /// A goal that was not given up.
    pub(super) fn of_goal(goal: Goal) -> Option<Self> {
        let is_completed = match goal.status {
            GoalStatus::Open => false,
            GoalStatus::Reached => true,
            GoalStatus::Dropped => return None,
        };
        Some(Self {
            id: goal.id.0,
            name: cut(goal.text.lines().next().unwrap_or_default(), NAME_BYTES).to_owned(),
            description: goal.text,
            tags: vec!["goal".to_owned()],
            is_completed,
            updated_at: goal.updated_at,
        })
    }

    /// That the agent acts by itself.
    pub(super) fn of_autonomy(id: Uuid, agent_name: &str, since: UnixMillis) -> Self {
        Self {
            id,
            name: AUTONOMY.to_owned(),
            description: format!("Autonomous thinking of {agent_name}"),
            tags: ["queue", "repeat", "autonomy"].map(str::to_owned).into(),
            is_completed: false,
            updated_at: since,
        }
    }

    /// Whether that is its id.
    pub(super) fn is(&self, id: &str) -> bool {
        id.parse::<Uuid>().is_ok_and(|id| self.id == id)
    }

    pub(super) fn is_completed(&self) -> bool {
        self.is_completed
    }
}

/// A todo.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TodoView {
    id: Uuid,
    name: String,
    description: String,
    priority: Option<i64>,
    is_urgent: bool,
    is_completed: bool,
    r#type: String,
    tags: Vec<String>,
    updated_at: UnixMillis,
}

impl TodoView {
    pub(super) fn of(task: &Task) -> Self {
        let sort = said(task, "type").and_then(Value::as_str);
        Self {
            id: task.id.0,
            name: task.name.clone(),
            description: task.description.clone().unwrap_or_default(),
            priority: said(task, "priority").and_then(priority_of),
            is_urgent: is(task, "isUrgent"),
            is_completed: is(task, "isCompleted"),
            r#type: sort.unwrap_or("task").to_owned(),
            tags: task.tags.clone(),
            updated_at: task.updated_at,
        }
    }

    pub(super) fn is_completed(&self) -> bool {
        self.is_completed
    }
}

/// A priority, which is a whole number, also in quotes.
pub(super) fn priority_of(said: &Value) -> Option<i64> {
    said.as_i64().or_else(|| said.as_str()?.trim().parse().ok())
}

fn is(task: &Task, key: &str) -> bool {
    said(task, key).and_then(Value::as_bool).unwrap_or(false)
}

fn said<'a>(task: &'a Task, key: &str) -> Option<&'a Value> {
    let nested = || task.metadata.get(NESTED)?.get(key);
    task.metadata.get(key).or_else(nested)
}

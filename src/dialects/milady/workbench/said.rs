//! What a client says of a task or a todo.

use greenroom_actors::ids::{AgentId, TaskId};
use greenroom_actors::records::Task;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value};

use super::Fields;
use super::task::{Sort, TRIGGER_TAG, priority_of};
use crate::dialects::milady::error::MiladyError;

/// Bytes of a name, of a description and of a tag or a type.
const NAME_MAX_BYTES: usize = 1_024;
const DESCRIPTION_MAX_BYTES: usize = 16 * 1024;
const WORD_MAX_BYTES: usize = 128;

/// Tags of one task.
const TAGS_MAX: usize = 32;

/// What is said; what is absent stays as it is.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    name: Option<String>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    is_completed: Option<bool>,
    is_urgent: Option<bool>,
    /// Null takes it away.
    priority: Option<Option<i64>>,
    sort: Option<String>,
}

impl Said {
    /// Reads the fields.
    ///
    /// # Errors
    /// 400 with the field at fault.
    pub(super) fn read(fields: &Fields) -> Result<Self, MiladyError> {
        let name = text(fields, "name", NAME_MAX_BYTES)?;
        if name.as_ref().is_some_and(String::is_empty) {
            return Err(MiladyError::bad("name must not be empty"));
        }
        let priority = fields.get("priority").map(|said| match said {
            Value::Null => Ok(None),
            said => priority_of(said)
                .map(Some)
                .ok_or_else(|| MiladyError::bad("priority must be a whole number or null")),
        });
        Ok(Self {
            name,
            description: text(fields, "description", DESCRIPTION_MAX_BYTES)?,
            tags: tags(fields)?,
            is_completed: flag(fields, "isCompleted")?,
            is_urgent: flag(fields, "isUrgent")?,
            priority: priority.transpose()?,
            sort: text(fields, "type", WORD_MAX_BYTES)?.filter(|sort| !sort.is_empty()),
        })
    }

    /// Nothing but whether it is done.
    pub(super) fn completed(is_completed: bool) -> Self {
        Self { is_completed: Some(is_completed), ..Self::default() }
    }

    /// The task that it is, made at `now`.
    ///
    /// # Errors
    /// 400 without a name.
    pub(super) fn made(
        self,
        sort: Sort,
        agent_id: AgentId,
        now: UnixMillis,
    ) -> Result<Task, MiladyError> {
        let name = self.name.clone().ok_or_else(|| MiladyError::bad("name is required"))?;
        let task = Task {
            id: TaskId::new(),
            agent_id,
            name,
            description: None,
            room_id: None,
            world_id: None,
            entity_id: None,
            tags: tagged(sort, Vec::new()),
            metadata: Map::new(),
            created_at: now,
            updated_at: now,
        };
        let said = Self { is_completed: Some(self.is_completed.unwrap_or(false)), ..self };
        Ok(said.over(sort, task, now))
    }

    /// The task with it laid over, changed at `now`.
    pub(super) fn over(self, sort: Sort, mut task: Task, now: UnixMillis) -> Task {
        task.name = self.name.unwrap_or(task.name);
        task.description = self.description.or(task.description);
        if let Some(tags) = self.tags {
            task.tags = tagged(sort, tags);
        }
        let flag = |flag: Option<bool>| flag.map(Value::from);
        let priority = self.priority.map(Value::from);
        let sort = self.sort.map(Value::from);
        for (key, said) in [
            ("isCompleted", flag(self.is_completed)),
            ("isUrgent", flag(self.is_urgent)),
            ("priority", priority),
            ("type", sort),
        ] {
            if let Some(said) = said {
                task.metadata.insert(key.to_owned(), said);
            }
        }
        task.updated_at = now;
        task
    }
}

/// The tags of a task of that sort, which stays of that sort.
fn tagged(sort: Sort, tags: Vec<String>) -> Vec<String> {
    let is_reserved =
        |tag: &str| Sort::Task.is_told_by(tag) || Sort::Todo.is_told_by(tag) || tag == TRIGGER_TAG;
    let others = tags.into_iter().filter(|tag| !is_reserved(tag));
    sort.tags().iter().map(|tag| (*tag).to_owned()).chain(others).collect()
}

fn text(fields: &Fields, field: &str, most: usize) -> Result<Option<String>, MiladyError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= most => Ok(Some(text.trim().to_owned())),
        Some(Value::String(_)) => {
            Err(MiladyError::bad(format!("{field} must have at most {most} bytes")))
        }
        Some(_) => Err(MiladyError::bad(format!("{field} must be a string"))),
    }
}

fn flag(fields: &Fields, field: &str) -> Result<Option<bool>, MiladyError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(MiladyError::bad(format!("{field} must be true or false"))),
    }
}

fn tags(fields: &Fields) -> Result<Option<Vec<String>>, MiladyError> {
    let bad = || {
        let words = format!("tags must be at most {TAGS_MAX} texts of {WORD_MAX_BYTES} bytes");
        MiladyError::bad(words)
    };
    match fields.get("tags") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(tags)) if tags.len() <= TAGS_MAX => {
            let tags = tags.iter().map(|tag| match tag.as_str().map(str::trim) {
                Some(tag) if tag.len() <= WORD_MAX_BYTES => Ok(tag.to_owned()),
                Some(_) | None => Err(bad()),
            });
            let mut tags = tags.collect::<Result<Vec<_>, _>>()?;
            tags.retain(|tag| !tag.is_empty());
            Ok(Some(tags))
        }
        Some(_) => Err(bad()),
    }
}

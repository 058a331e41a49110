//! What sockets are told of agents' work: that it began, which tools were called, how it ended.

use greenroom_actors::error::CoreError;
use greenroom_actors::facts::{Event as Happened, EventKind};
use greenroom_actors::ids::{AgentId, LetterId, RunId, derived};
use greenroom_actors::ports::Store;
use greenroom_actors::runs::{Run, RunKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::activities::{details_of, kind_of, state};
use super::record::{Cause, Execution, context_max};
use super::sessions;
use crate::dialects::trinity::live::Event;
use crate::dialects::trinity::{short, times};
use crate::host::Host;
use crate::roster::Known;

/// What is to be told of something that happened to an agent.
///
/// # Errors
/// [`CoreError::Store`].
pub(in crate::dialects::trinity) async fn happened(
    host: &Host,
    agent: &Known,
    happened: &Happened,
) -> Result<Vec<Event>, CoreError> {
    let store = &**host.registry.store();
    match happened.kind {
        EventKind::RunStarted | EventKind::RunEnded => {
            // Of what nobody asked for, nothing is told: agents may wake up each second.
            if said(happened, "kind") == Some(RunKind::Tick) {
                return Ok(Vec::new());
            }
            let Some((_, execution)) = of_run(store, agent.id, happened).await? else {
                return Ok(Vec::new());
            };
            let is_end = happened.kind == EventKind::RunEnded;
            // One that failed is tried again.
            if is_end && !execution.is_over() {
                return Ok(Vec::new());
            }
            let saved = if is_end { saved(store, agent, &execution).await? } else { None };
            Ok(saved.into_iter().chain([worked(agent, &execution, happened)]).collect())
        }
        EventKind::ToolCalled => {
            let Some((run, execution)) = of_run(store, agent.id, happened).await? else {
                return Ok(Vec::new());
            };
            Ok(vec![called(agent, &run, &execution, happened)])
        }
        // What was begun is told with the end of its run.
        EventKind::LetterDead => {
            let letter: Option<LetterId> = said(happened, "letterId");
            let found = match letter {
                Some(letter) => Execution::find(store, agent.id, letter.0).await?,
                None => None,
            };
            let found = found.filter(|execution| execution.run.is_none());
            Ok(found.map(|execution| worked(agent, &execution, happened)).into_iter().collect())
        }
        EventKind::LetterReceived => Ok(asked(host, agent, happened).into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

fn said<T: DeserializeOwned>(happened: &Happened, field: &str) -> Option<T> {
    T::deserialize(happened.data.get(field)?).ok()
}

/// The run that an event is about, and the execution that it belongs to, if it does to one.
async fn of_run(
    store: &dyn Store,
    agent: AgentId,
    happened: &Happened,
) -> Result<Option<(Run, Execution)>, CoreError> {
    let run = match said::<RunId>(happened, "runId") {
        Some(run) => store.run(agent, run).await?,
        None => None,
    };
    let Some(run) = run else { return Ok(None) };
    let id = run.letter_id.map(|id| id.0).or(run.firing_id.map(|id| id.0));
    let execution = match id {
        Some(id) => Execution::find(store, agent, id).await?,
        None => None,
    };
    Ok(execution.map(|execution| (run, execution)))
}

fn worked(agent: &Known, execution: &Execution, happened: &Happened) -> Event {
    // It may be over by the time that its beginning is told.
    let is_begin = happened.kind == EventKind::RunStarted;
    let kind = match kind_of(execution) {
        "execution_cancelled" if is_begin => "chat_start",
        kind => kind,
    };
    let mut details = details_of(execution);
    let used = execution
        .run
        .as_ref()
        .map(|run| run.usage.input_tokens)
        .filter(|used| *used > 0 && !is_begin);
    if let (Some(used), Value::Object(details)) = (used, &mut details) {
        let max = context_max(agent);
        let percentage = used.saturating_mul(100) / max.max(1);
        let context = json!({"used": used, "max": max, "percentage": percentage});
        details.insert("context".to_owned(), context);
    }
    Event::Activity {
        agent: agent.id,
        name: agent.name.clone(),
        id: execution.id.to_string(),
        kind,
        state: if is_begin { "started" } else { state(execution.status()) },
        action: match kind {
            "schedule_start" => "Runs a schedule",
            "self_task" => "Works on a task of its own",
            "execution_cancelled" => "Was called off",
            _ => "Answers a message",
        }
        .to_owned(),
        at: times::iso(happened.at),
        details,
        error: execution.error().filter(|_| !is_begin),
    }
}

fn called(agent: &Known, run: &Run, execution: &Execution, happened: &Happened) -> Event {
    let tool: String = said(happened, "tool").unwrap_or_default();
    let index: u32 = said(happened, "index").unwrap_or_default();
    let is_success = said(happened, "isSuccess").unwrap_or(false);
    Event::Activity {
        agent: agent.id,
        name: agent.name.clone(),
        id: derived(&format!("action:{}:{index}", run.id)).to_string(),
        kind: "tool_call",
        state: if is_success { "completed" } else { "failed" },
        action: format!("Called {tool}"),
        at: times::iso(happened.at),
        details: json!({"tool_name": tool, "execution_id": short::of(execution.id)}),
        error: None,
    }
}

/// That an answer is kept in a chat session, if it is.
async fn saved(
    store: &dyn Store,
    agent: &Known,
    execution: &Execution,
) -> Result<Option<Event>, CoreError> {
    let Cause::Letter(letter, _) = &execution.cause else { return Ok(None) };
    let Some(settled) = letter.settled.as_ref().filter(|settled| settled.reply.is_some()) else {
        return Ok(None);
    };
    let room = store.room(agent.id, letter.room_id).await?;
    Ok(room.filter(sessions::is_session).map(|room| Event::ChatSaved {
        agent: agent.id,
        name: agent.name.clone(),
        execution: short::of(execution.id),
        session: short::of(room.id.0),
        at: times::iso(settled.at),
    }))
}

/// That another agent has asked this one by itself. What it asks over this API is told there.
fn asked(host: &Host, agent: &Known, happened: &Happened) -> Option<Event> {
    if happened.data.get("inReplyTo").is_some_and(|letter| *letter != Value::Null) {
        return None;
    }
    let from: AgentId = said(happened, "from")?;
    let source = host.registry.directory().get(from).filter(|_| from != agent.id)?;
    Some(Event::Collaboration {
        source: from,
        source_name: source.handle.to_string(),
        target: agent.id,
        target_name: agent.name.clone(),
        action: "chat",
        at: times::iso(happened.at),
    })
}

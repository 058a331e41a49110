//! The workbench: what the agent has to do, and what people want to have done.
//!
//! Tasks and todos are the agent's own records, told apart by their tags. Beside them stand, as tasks,
//! its goals and its autonomy, which are no records of that kind and cannot be changed here.

mod overview;
mod said;
mod task;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload, ServiceConfig, delete, get, post, put};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::agent::Keep;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::facts::Fact;
use greenroom_actors::records::Task;
use serde_json::{Map, Value, json};

use super::Answer;
use super::body;
use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use said::Said;
use task::{Sort, TaskView, TodoView, found_as};

/// Tasks and todos of an agent; further ones are refused, and further ones that came from elsewhere are
/// not shown.
const TASKS_MAX: usize = 1_000;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/workbench/overview").route(get().to(overview::show)))
        .service(on("/api/workbench/tasks").route(get().to(tasks)).route(post().to(add_task)))
        .service(
            on("/api/workbench/tasks/{id}")
                .route(get().to(task))
                .route(put().to(change_task))
                .route(delete().to(remove_task)),
        )
        .service(on("/api/workbench/todos").route(get().to(todos)).route(post().to(add_todo)))
        .service(
            on("/api/workbench/todos/{id}")
                .route(get().to(todo))
                .route(put().to(change_todo))
                .route(delete().to(remove_todo)),
        )
        .service(on("/api/workbench/todos/{id}/complete").route(post().to(complete)));
}

async fn tasks(shared: Data<Shared>) -> Answer {
    let agent = agent(&shared).await?;
    let stored = stored(&shared, &agent).await?;
    let tasks = overview::tasks(&shared, &agent, &stored).await?;
    Ok(HttpResponse::Ok().json(json!({"tasks": tasks})))
}

async fn todos(shared: Data<Shared>) -> Answer {
    let agent = agent(&shared).await?;
    let stored = stored(&shared, &agent).await?;
    let todos: Vec<_> = of_sort(&stored, Sort::Todo).map(TodoView::of).collect();
    Ok(HttpResponse::Ok().json(json!({"todos": todos})))
}

async fn add_task(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let added = add(Sort::Task, &shared, &request, payload).await?;
    Ok(HttpResponse::Created().json(json!({"task": TaskView::of(&added)})))
}

async fn add_todo(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let added = add(Sort::Todo, &shared, &request, payload).await?;
    Ok(HttpResponse::Created().json(json!({"todo": TodoView::of(&added)})))
}

async fn task(shared: Data<Shared>, id: Path<String>) -> Answer {
    let agent = agent(&shared).await?;
    let stored = stored(&shared, &agent).await?;
    let tasks = overview::tasks(&shared, &agent, &stored).await?;
    let found = tasks.into_iter().find(|task| task.is(&id));
    let task = found.ok_or_else(|| Sort::Task.missing())?;
    Ok(HttpResponse::Ok().json(json!({"task": task})))
}

async fn todo(shared: Data<Shared>, id: Path<String>) -> Answer {
    let agent = agent(&shared).await?;
    let stored = stored(&shared, &agent).await?;
    let todo = find(Sort::Todo, stored, &id)?;
    Ok(HttpResponse::Ok().json(json!({"todo": TodoView::of(&todo)})))
}

async fn change_task(
    shared: Data<Shared>,
    id: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let agent = agent(&shared).await?;
    let said = Said::read(&body::object(&shared, &request, payload).await?)?;
    let changed = change(Sort::Task, &shared, &agent, &id, said).await?;
    Ok(HttpResponse::Ok().json(json!({"task": TaskView::of(&changed)})))
}

async fn change_todo(
    shared: Data<Shared>,
    id: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let agent = agent(&shared).await?;
    let said = Said::read(&body::object(&shared, &request, payload).await?)?;
    let changed = change(Sort::Todo, &shared, &agent, &id, said).await?;
    Ok(HttpResponse::Ok().json(json!({"todo": TodoView::of(&changed)})))
}

/// Done, unless the body says otherwise; it may be missing.
async fn complete(
    shared: Data<Shared>,
    id: Path<String>,
    request: HttpRequest,
    mut payload: Payload,
) -> Answer {
    let agent = agent(&shared).await?;
    let said = body::optional(&shared, &request, &mut payload).await?;
    let is_completed = said.get("isCompleted").and_then(Value::as_bool).unwrap_or(true);
    let said = Said::completed(is_completed);
    let changed = change(Sort::Todo, &shared, &agent, &id, said).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "todo": TodoView::of(&changed)})))
}

async fn remove_task(shared: Data<Shared>, id: Path<String>) -> Answer {
    remove(Sort::Task, &shared, &id).await
}

async fn remove_todo(shared: Data<Shared>, id: Path<String>) -> Answer {
    remove(Sort::Todo, &shared, &id).await
}

async fn add(
    sort: Sort,
    shared: &Shared,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Task, MiladyError> {
    let agent = agent(shared).await?;
    let said = Said::read(&body::object(shared, request, payload).await?)?;
    let task = said.made(sort, agent.id, shared.now())?;
    let _turn = shared.changing.lock().await;
    if shared.host.registry.store().tasks(agent.id).await?.len() >= TASKS_MAX {
        let words = format!("An agent may have {TASKS_MAX} tasks and todos");
        return Err(MiladyError::refused(StatusCode::TOO_MANY_REQUESTS, words));
    }
    keep(shared, Fact::TaskSet(Box::new(task.clone()))).await?;
    Ok(task)
}

async fn change(
    sort: Sort,
    shared: &Shared,
    agent: &AgentRecord,
    id: &str,
    said: Said,
) -> Result<Task, MiladyError> {
    let _turn = shared.changing.lock().await;
    let stored = stored(shared, agent).await?;
    refuse_standing(sort, shared, agent, id).await?;
    let changed = said.over(sort, find(sort, stored, id)?, shared.now());
    keep(shared, Fact::TaskSet(Box::new(changed.clone()))).await?;
    Ok(changed)
}

async fn remove(sort: Sort, shared: &Shared, id: &str) -> Answer {
    let agent = agent(shared).await?;
    let stored = stored(shared, &agent).await?;
    refuse_standing(sort, shared, &agent, id).await?;
    let task = find(sort, stored, id)?;
    keep(shared, Fact::TaskRemoved { agent_id: agent.id, id: task.id }).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

/// Refuses to change what only stands here as a task.
async fn refuse_standing(
    sort: Sort,
    shared: &Shared,
    agent: &AgentRecord,
    id: &str,
) -> Result<(), MiladyError> {
    if sort == Sort::Task && overview::standing(shared, agent).await?.iter().any(|task| task.is(id))
    {
        let words = "This task is the agent's own and cannot be changed here";
        return Err(MiladyError::refused(StatusCode::CONFLICT, words));
    }
    Ok(())
}

async fn agent(shared: &Shared) -> Result<Arc<AgentRecord>, MiladyError> {
    shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)
}

/// The agent's tasks as they are kept, whatever their sort.
async fn stored(shared: &Shared, agent: &AgentRecord) -> Result<Vec<Task>, MiladyError> {
    let mut stored = shared.host.registry.store().tasks(agent.id).await?;
    stored.truncate(TASKS_MAX);
    Ok(stored)
}

fn of_sort(stored: &[Task], sort: Sort) -> impl Iterator<Item = &Task> {
    stored.iter().filter(move |task| found_as(task) == Some(sort))
}

fn find(sort: Sort, stored: Vec<Task>, id: &str) -> Result<Task, MiladyError> {
    let mut of_sort = stored.into_iter().filter(|task| found_as(task) == Some(sort));
    let id = id.parse().ok();
    of_sort.find(|task| Some(task.id) == id).ok_or_else(|| sort.missing())
}

async fn keep(shared: &Shared, fact: Fact) -> Result<(), MiladyError> {
    let agent = agent(shared).await?;
    let keep = Keep { facts: vec![fact], while_running: false };
    shared.host.registry.ask(agent.id, keep).await?;
    Ok(())
}

/// The fields of a body.
type Fields = Map<String, Value>;

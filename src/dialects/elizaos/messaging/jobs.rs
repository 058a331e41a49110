//! Jobs: a question to an agent whose answer is fetched later.

use std::time::Duration;

use actix_web::http::StatusCode;
use greenroom_actors::channels::{ChannelMessage, Job, JobStatus};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId};
use greenroom_actors::ports::JobCensus;
use greenroom_actors::time::millis;
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::{Body, Fields};
use super::super::refusal;
use super::super::wire::{Answer, json};
use super::given;
use super::sessions::characters;
use crate::messaging::NewJob;

/// Characters of a question at most.
const CONTENT_MAX: usize = 50_000;

/// Characters of metadata at most, written as JSON.
const METADATA_MAX: usize = 10_000;

/// Milliseconds that an agent has: where nobody says, at least and at most.
const TIMEOUT_MS: f64 = 30_000.0;
const TIMEOUT_MIN_MS: f64 = 1_000.0;
const TIMEOUT_MAX_MS: f64 = 300_000.0;

/// Jobs in a list, where the query does not say.
const PAGE: u32 = 50;

/// `POST /jobs`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let new = read(body)?;
    let agent = new.agent_id;
    let job = call.messaging().give_job(new).await.map_err(|error| match (error, agent) {
        (CoreError::AgentNotFound(_) | CoreError::NotRunning { .. }, Some(agent)) => {
            ElizaError::Refusing(&refusal::JOB_AGENT, format!("Agent {agent} not found"))
        }
        (CoreError::NotFound { .. }, None) => ElizaError::Refused(&refusal::NO_AGENTS),
        (error, _) => ElizaError::Core { error, doing: Some(&refusal::JOB_CREATE) },
    })?;
    let body = json!({
        "jobId": job.id, "status": job.status, "createdAt": job.created_at,
        "expiresAt": job.expires_at,
    });
    json(StatusCode::CREATED, &body)
}

fn read(body: Body) -> Result<NewJob, ElizaError> {
    let wrong = |words: &str| ElizaError::Refusing(&refusal::JOB, words.to_owned());
    let Some(Value::Object(fields)) = body.0 else {
        return Err(wrong("Request body must be an object"));
    };
    let fields = Fields(fields);
    if !matches!(fields.0.get("agentId"), None | Some(Value::Null | Value::String(_))) {
        return Err(wrong("agentId must be a valid UUID string"));
    }
    let user = given::text(&fields, "userId")
        .ok_or_else(|| wrong("userId is required and must be a valid UUID string"))?;
    let Some(Value::String(prompt)) = fields.0.get("content") else {
        return Err(wrong("content is required and must be a string"));
    };
    if prompt.is_empty() {
        return Err(wrong("content cannot be empty"));
    }
    if characters(prompt) > CONTENT_MAX {
        let words = format!("content exceeds maximum length of {CONTENT_MAX} characters");
        return Err(wrong(&words));
    }
    let metadata = match given::any(&fields, "metadata") {
        None => Map::new(),
        Some(Value::Object(metadata)) => metadata,
        Some(_) => return Err(wrong("metadata must be an object")),
    };
    if characters(&json!(metadata).to_string()) > METADATA_MAX {
        let words = format!("metadata exceeds maximum size of {METADATA_MAX} bytes");
        return Err(wrong(&words));
    }
    let timeout_ms = match given::any(&fields, "timeoutMs") {
        None => TIMEOUT_MS,
        Some(given) => given
            .as_f64()
            .filter(|timeout| *timeout > 0.0)
            .ok_or_else(|| wrong("timeoutMs must be a positive number"))?,
    };
    if timeout_ms < TIMEOUT_MIN_MS {
        return Err(wrong(&format!("timeoutMs must be at least {TIMEOUT_MIN_MS}ms")));
    }
    if timeout_ms > TIMEOUT_MAX_MS {
        return Err(wrong(&format!("timeoutMs cannot exceed {TIMEOUT_MAX_MS}ms")));
    }
    let user_id: EntityId =
        user.parse().map_err(|_not_an_id| wrong("Invalid userId format (must be valid UUID)"))?;
    let agent_id: Option<AgentId> = given::id(&fields, "agentId")
        .map_err(|_not_an_id| wrong("Invalid agentId format (must be valid UUID)"))?;
    Ok(NewJob {
        agent_id,
        user_id,
        prompt: prompt.clone(),
        metadata,
        timeout: Duration::try_from_secs_f64(timeout_ms / 1_000.0).unwrap_or_default(),
    })
}

/// `GET /jobs/:jobId`.
pub(super) async fn get(call: Call) -> Answer {
    let id = call.id("job", &refusal::JOB_NOT_FOUND)?;
    let (job, answer) = call.messaging().job(id).await.doing(&refusal::JOBS)?;
    json(StatusCode::OK, &view(&job, answer.as_ref()))
}

fn view(job: &Job, answer: Option<&ChannelMessage>) -> Value {
    let mut view = Map::new();
    let mut put = |key: &str, value: Value| drop(view.insert(key.to_owned(), value));
    put("jobId", json!(job.id));
    put("status", json!(job.status));
    put("agentId", json!(job.agent_id));
    put("userId", json!(job.user_id));
    put("prompt", json!(job.prompt));
    put("createdAt", json!(job.created_at));
    put("expiresAt", json!(job.expires_at));
    if let Some(answer) = answer {
        let took = millis(job.ended_at.unwrap_or(answer.created_at).since(job.created_at));
        let message = json!({
            "id": answer.id, "content": answer.content, "authorId": answer.author_id,
            "createdAt": answer.created_at, "metadata": answer.metadata,
        });
        put("result", json!({"message": message, "processingTimeMs": took}));
    }
    if let Some(error) = &job.error {
        put("error", json!(error));
    }
    put("metadata", json!(job.metadata));
    Value::Object(view)
}

/// `GET /jobs`.
pub(super) async fn list(call: Call) -> Answer {
    let query = call.query();
    let page = call.page(&query, PAGE);
    // What is no status is ignored, as by elizaOS.
    let status = query.get("status").and_then(named);
    let jobs = call.messaging().jobs(status, page.offset, page.limit).await;
    let jobs = jobs.doing(&refusal::JOBS)?;
    let census = call.messaging().job_census().await.doing(&refusal::JOBS)?;
    let views: Vec<_> = jobs.iter().map(|(job, answer)| view(job, answer.as_ref())).collect();
    let body = json!({"filtered": views.len(), "jobs": views, "total": total(&census)});
    json(StatusCode::OK, &body)
}

fn named(name: &str) -> Option<JobStatus> {
    JobStatus::ALL.into_iter().find(|status| json!(status) == json!(name))
}

fn total(census: &JobCensus) -> u64 {
    census.counts.iter().map(|(_, count)| count).sum()
}

/// `GET /jobs/health`.
pub(super) async fn health(call: Call) -> Answer {
    let census = call.messaging().job_census().await.doing(&refusal::JOBS)?;
    let of = |wanted: JobStatus| {
        let counts = census.counts.iter().filter(|(status, _)| *status == wanted);
        counts.map(|(_, count)| *count).sum::<u64>()
    };
    let counts: Map<String, Value> = JobStatus::ALL
        .into_iter()
        .filter_map(|status| Some((json!(status).as_str()?.to_owned(), json!(of(status)))))
        .collect();
    let total = total(&census);
    // In hundredths, so that the figures are whole until the end.
    let rate = |count: u64| {
        let percent = count.saturating_mul(100).saturating_add(total / 2).checked_div(total);
        f64::from(u32::try_from(percent.unwrap_or(0)).unwrap_or(0)) / 100.0
    };
    let completed = of(JobStatus::Completed);
    let average = census.completed_took_ms.checked_div(completed).unwrap_or(0);
    let body = json!({
        "healthy": true,
        "timestamp": call.now(),
        "totalJobs": total,
        "statusCounts": counts,
        "metrics": {
            "averageProcessingTimeMs": average,
            "successRate": rate(completed),
            "failureRate": rate(of(JobStatus::Failed)),
            "timeoutRate": rate(of(JobStatus::Timeout)),
        },
        "maxJobs": NewJob::MAX,
    });
    json(StatusCode::OK, &body)
}

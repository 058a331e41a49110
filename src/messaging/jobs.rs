//! Jobs: a question to an agent whose answer is fetched later.
//!
//! A job is answered by the first message of the agent in the job's channel that does not merely say
//! what it is about to do. Whether it is, is read from the channel, so that a job is answered also
//! if the process ended between the answer and the note of it.

use std::time::Duration;

use greenroom_actors::channels::{ChannelMessage, Job, JobStatus, MessageServer};
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, JobId};
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::{AgentQuery, JobCensus, MessageQuery};
use serde_json::{Map, Value, json};

use super::{Messaging, NewChannel, NewMessage};

/// How a message begins that says what the agent is about to do.
const ABOUT_TO: &str = "Executing action:";

/// Messages of the agent that are looked through for its answer.
const LOOKED_THROUGH: u32 = 16;

/// Jobs removed in one go of the sweep.
const SWEEP: u32 = 256;

/// A job to be given.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// The agent; the first that runs if absent.
    pub agent_id: Option<AgentId>,
    /// Who asks.
    pub user_id: EntityId,
    /// What is asked.
    pub prompt: String,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// How long the agent has.
    pub timeout: Duration,
}

impl NewJob {
    /// Jobs that are kept at most, as elizaOS does it.
    pub const MAX: u32 = 10_000;
}

impl Messaging {
    /// Gives a job to an agent that runs.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] if no agent runs, [`CoreError::AgentNotFound`],
    /// [`CoreError::NotRunning`], [`CoreError::Store`].
    pub async fn give_job(&self, new: NewJob) -> Result<Job, CoreError> {
        let agent_id = match new.agent_id {
            Some(agent) => self.recipient(agent).await?.id,
            None => self.first_running().await?,
        };
        let now = self.now();
        let id = JobId::new();
        let about = |mut about: Value| {
            if let Some(about) = about.as_object_mut() {
                about.extend(new.metadata.clone());
            }
            about.as_object().cloned().unwrap_or_default()
        };
        let channel = self
            .create_channel(NewChannel {
                id: None,
                server_id: MessageServer::DEFAULT,
                name: format!("job-{id}"),
                kind: "DM".to_owned(),
                source_type: None,
                source_id: None,
                topic: None,
                metadata: Some(about(json!({
                    "jobId": id, "agentId": agent_id, "userId": new.user_id, "isJobChannel": true,
                }))),
                participants: vec![agent_id.into()],
            })
            .await?;
        let job = Job {
            id,
            agent_id,
            user_id: new.user_id,
            channel_id: channel.id,
            prompt: new.prompt.clone(),
            metadata: new.metadata.clone(),
            status: JobStatus::Processing,
            answer_id: None,
            error: None,
            created_at: now,
            expires_at: now.plus(new.timeout),
            ended_at: None,
        };
        self.registry.keep(vec![Fact::JobSet(Box::new(job.clone()))]).await?;
        let question = NewMessage {
            id: None,
            channel_id: channel.id,
            author_id: new.user_id,
            author_name: None,
            raw_message: Some(json!({"content": new.prompt})),
            content: new.prompt,
            in_reply_to: None,
            source_type: "job_request".to_owned(),
            source_id: None,
            metadata: about(json!({"jobId": id, "isJobMessage": true})),
        };
        let said = self.say_to(question, agent_id).await?;
        if let Some(Err(error)) = said.told.into_iter().next().map(|told| told.outcome) {
            let failed = Job {
                status: JobStatus::Failed,
                error: Some("The agent could not be told".to_owned()),
                ended_at: Some(self.now()),
                ..job
            };
            self.registry.keep(vec![Fact::JobSet(Box::new(failed))]).await?;
            return Err(error);
        }
        Ok(job)
    }

    async fn first_running(&self) -> Result<AgentId, CoreError> {
        let query = AgentQuery { state: Some(State::Running), offset: 0, limit: 1 };
        let agents = self.registry.store().agents(query).await?;
        let none = CoreError::NotFound { what: "running agent", id: uuid::Uuid::nil() };
        agents.first().map(|agent| agent.id).ok_or(none)
    }

    /// A job as it stands now, and its answer if there is one.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn job(&self, id: JobId) -> Result<(Job, Option<ChannelMessage>), CoreError> {
        let job = self.registry.store().job(id).await?;
        self.stand(job.ok_or(CoreError::NotFound { what: "job", id: id.0 })?).await
    }

    /// Jobs as they stand now, newest first; of one status if given.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn jobs(
        &self,
        status: Option<JobStatus>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<(Job, Option<ChannelMessage>)>, CoreError> {
        self.settle_jobs().await?;
        let mut jobs = Vec::new();
        for job in self.registry.store().jobs(status, offset, limit).await? {
            jobs.push(self.stand(job).await?);
        }
        Ok(jobs)
    }

    /// How many jobs there are, by status.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn job_census(&self) -> Result<JobCensus, CoreError> {
        self.settle_jobs().await?;
        Ok(self.registry.store().job_census().await?)
    }

    /// Notes of every job that was left open what has become of it.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn settle_jobs(&self) -> Result<(), CoreError> {
        for job in self.registry.store().jobs(Some(JobStatus::Processing), 0, u32::MAX).await? {
            self.stand(job).await?;
        }
        Ok(())
    }

    /// Settles what is left open, and removes the oldest tenth of the jobs where there are more
    /// than [`MAX`](NewJob::MAX).
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn sweep_jobs(&self) -> Result<(), CoreError> {
        self.settle_jobs().await?;
        let store = self.registry.store();
        let spare = NewJob::MAX - NewJob::MAX / 10;
        if store.jobs(None, NewJob::MAX, 1).await?.is_empty() {
            return Ok(());
        }
        loop {
            let oldest = store.jobs(None, spare, SWEEP).await?;
            if oldest.is_empty() {
                return Ok(());
            }
            let facts = oldest.into_iter().map(|job| Fact::JobRemoved(job.id)).collect();
            self.registry.keep(facts).await?;
        }
    }

    /// What has become of a job, noted if it has ended.
    async fn stand(&self, job: Job) -> Result<(Job, Option<ChannelMessage>), CoreError> {
        if let Some(answer) = job.answer_id {
            return Ok((job, self.registry.store().message(answer).await?));
        }
        if job.status != JobStatus::Processing {
            return Ok((job, None));
        }
        let answer = self.answer(&job).await?;
        let now = self.now();
        let ended = match &answer {
            Some(answer) => Job {
                status: JobStatus::Completed,
                answer_id: Some(answer.id),
                ended_at: Some(answer.created_at),
                ..job
            },
            None if job.expires_at <= now => Job {
                status: JobStatus::Timeout,
                error: Some("Job timed out waiting for agent response".to_owned()),
                ended_at: Some(job.expires_at),
                ..job
            },
            None => return Ok((job, None)),
        };
        self.registry.keep(vec![Fact::JobSet(Box::new(ended.clone()))]).await?;
        Ok((ended, answer))
    }

    /// What the agent said in the job's channel in time, but what it was about to do.
    async fn answer(&self, job: &Job) -> Result<Option<ChannelMessage>, CoreError> {
        let query = MessageQuery {
            channel_id: Some(job.channel_id),
            author_id: Some(job.agent_id.into()),
            is_oldest_first: true,
            limit: LOOKED_THROUGH,
            ..MessageQuery::default()
        };
        let said = self.registry.store().messages(query).await?;
        Ok(said.into_iter().find(|message| {
            message.created_at <= job.expires_at && !message.content.starts_with(ABOUT_TO)
        }))
    }
}

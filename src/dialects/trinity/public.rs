//! What anybody may do who has a public link to an agent: talk to it, and no more.

mod stream;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Json;
use actix_web::{HttpResponse, delete, get, post};
use greenroom_actors::ids::LetterId;
use greenroom_actors::letters::LetterStatus;
use greenroom_actors::ports::RunQuery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::call::{Visit, Wanted};
use super::error::TrinityError;
use super::skills::{Playbooks, playbooks};
use super::{Answer, short, times};
use crate::accounts::{AccountsError, CODE_LIFE};
use crate::http::rate::{Limiter, Quota};
use crate::organisation::{Link, OrganisationError, Visitor};
use crate::roster::Known;
use crate::workspace::ReadOnly;

/// Requests of one address with links, and messages among them.
const LOOKS: Quota = Quota { max: 60, window: Duration::from_secs(60) };
const MESSAGES: Quota = Quota { max: 30, window: Duration::from_secs(60) };

/// Messages of a talk that are shown.
const SHOWN: u32 = 100;

/// What an agent is asked for one who has just come.
const INTRODUCTION: &str = "Somebody has just opened a public link to you. In two short paragraphs, say \
    who you are and what you do, and then how you can help them. Write plain, friendly prose without \
    headings or lists.";

/// How often one address may ask.
pub(super) struct PublicLimits {
    looks: Limiter,
    messages: Limiter,
}

impl Default for PublicLimits {
    fn default() -> Self {
        Self { looks: Limiter::new(LOOKS), messages: Limiter::new(MESSAGES) }
    }
}

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(info)
        .service(chat)
        .service(history)
        .service(clear)
        .service(intro)
        .service(show_playbooks)
        .service(request_code)
        .service(confirm_code)
        .service(progress)
        .service(stream::follow);
}

/// A request with a link.
struct Guest {
    link: Arc<Link>,
    agent: Known,
}

impl<B: Wanted> Visit<B> {
    /// Counts a request of the client's address.
    fn look(&self) -> Result<(), TrinityError> {
        within(&self.shared.public.looks, self)
    }

    /// The link of that token with its agent. Nobody is told why one leads nowhere.
    async fn guest(&self, token: &str) -> Result<Guest, TrinityError> {
        self.look()?;
        let found = self.found_link(token).await?;
        found.ok_or_else(|| TrinityError::not_found("Invalid or expired link"))
    }

    async fn found_link(&self, token: &str) -> Result<Option<Guest>, TrinityError> {
        let host = &self.shared.host;
        let Some(link) = host.organisation.link_by_token(token) else { return Ok(None) };
        let agent = host.roster.get(link.agent).await?;
        Ok(agent.map(|agent| Guest { link, agent }))
    }

    fn client(&self) -> IpAddr {
        self.request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip())
    }
}

fn within<B: Wanted>(limiter: &Limiter, visit: &Visit<B>) -> Result<(), TrinityError> {
    let verdict = limiter.count(visit.client(), visit.shared.now());
    if !verdict.is_refused {
        return Ok(());
    }
    let wait = Duration::from_secs(verdict.wait_s());
    Err(TrinityError::too_many("Too many requests. Please try again later.", wait))
}

/// What a visitor says of themselves.
#[derive(Default, Deserialize, ToSchema)]
struct PublicSession {
    /// From a proof of an address, where the link asks for one.
    session_token: Option<String>,
    /// Tells talks apart, where it does not.
    session_id: Option<String>,
}

impl Guest {
    fn requires_email(&self) -> bool {
        self.agent.entry.access.requires_email
    }

    /// Who visits, as far as the agent's access policy lets them; `None`: somebody new.
    fn visitor<B>(
        &self,
        visit: &Visit<B>,
        session: PublicSession,
    ) -> Result<Option<Visitor>, TrinityError> {
        if !self.requires_email() {
            let id = session.session_id.filter(|id| !id.is_empty());
            return Ok(id.map(|id| Visitor::unknown(Some(id))).transpose()?);
        }
        let token = session.session_token.filter(|token| !token.is_empty());
        let token = token
            .ok_or_else(|| TrinityError::unauthorized("Session token required for this link"))?;
        let organisation = &visit.shared.host.organisation;
        let visitor = organisation.visitor(&self.link, &token).ok_or_else(|| {
            let told = "Invalid or expired session. Please verify your email again.";
            TrinityError::unauthorized(told)
        })?;
        if let Visitor::Known(email) = &visitor
            && !organisation.may_visit(&self.agent.entry, email)
        {
            let told = "Access denied: this agent is not shared with that email";
            return Err(TrinityError::forbidden(told));
        }
        Ok(Some(visitor))
    }
}

#[derive(Serialize, ToSchema)]
struct LinkInfo {
    valid: bool,
    require_email: bool,
    agent_available: bool,
    reason: Option<&'static str>,
    agent_display_name: Option<String>,
    agent_description: Option<String>,
    is_autonomous: bool,
    is_read_only: bool,
}

/// Whether a link leads anywhere, and whom to.
#[utoipa::path(tag = "Public", params(("token" = String, Path)), responses((status = 200, body = LinkInfo)))]
#[get("/api/public/link/{token}")]
async fn info(visit: Visit) -> Answer<LinkInfo> {
    visit.look()?;
    let Some(guest) = visit.found_link(&visit.segment("token")).await? else {
        return Ok(Json(LinkInfo {
            valid: false,
            require_email: false,
            agent_available: false,
            reason: Some("invalid_or_expired"),
            agent_display_name: None,
            agent_description: None,
            is_autonomous: false,
            is_read_only: false,
        }));
    };
    let record = visit.shared.host.registry.record(guest.agent.id).await?;
    Ok(Json(LinkInfo {
        valid: true,
        require_email: guest.requires_email(),
        agent_available: guest.agent.is_running(),
        reason: None,
        agent_display_name: Some(record.character.name.clone()),
        agent_description: record.character.bio.sentences().first().cloned(),
        is_autonomous: record.lifecycle.autonomy.is_some(),
        is_read_only: ReadOnly::of(&record.character).is_enabled,
    }))
}

#[derive(Deserialize, ToSchema)]
struct NewMessage {
    #[schema(min_length = 1)]
    message: String,
    session_token: Option<String>,
    session_id: Option<String>,
    /// Whether the answer is asked for later.
    #[serde(default)]
    async_mode: bool,
}

#[derive(Serialize, ToSchema)]
struct PublicTokens {
    input_tokens: u64,
    output_tokens: u64,
}

/// What came of a message.
#[derive(Serialize, ToSchema)]
struct PublicAnswer {
    /// The answer; absent where it is asked for later.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<String>,
    /// `accepted` where the answer is asked for later.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    execution_id: String,
    /// Tells this talk from others, where no address is proven.
    session_id: Option<String>,
    message_count: Option<usize>,
    usage: Option<PublicTokens>,
    async_mode: bool,
}

/// Says something to the agent, and waits for the answer.
#[utoipa::path(tag = "Public", params(("token" = String, Path)), responses((status = 200, body = PublicAnswer)))]
#[post("/api/public/chat/{token}")]
async fn chat(visit: Visit<NewMessage>) -> Answer<PublicAnswer> {
    let guest = visit.guest(&visit.segment("token")).await?;
    let wanted = visit.fields()?;
    within(&visit.shared.public.messages, &visit)?;
    let session =
        PublicSession { session_token: wanted.session_token, session_id: wanted.session_id };
    let visitor = match guest.visitor(&visit, session)? {
        Some(visitor) => visitor,
        None => Visitor::unknown(None)?,
    };
    let said = say(&visit, &guest, &visitor, &wanted.message, wanted.async_mode).await?;
    Ok(Json(said))
}

async fn say<B>(
    visit: &Visit<B>,
    guest: &Guest,
    visitor: &Visitor,
    text: &str,
    is_async: bool,
) -> Result<PublicAnswer, TrinityError> {
    let host = &visit.shared.host;
    let delivered = host.organisation.say_by(&guest.link, visitor, text).await?;
    let session_id = match visitor {
        Visitor::Unknown(name) => Some(name.clone()),
        Visitor::Known(_) => None,
    };
    let mut said = PublicAnswer {
        response: None,
        status: Some("accepted"),
        execution_id: short::of(delivered.letter_id.0),
        session_id,
        message_count: None,
        usage: None,
        async_mode: is_async,
    };
    if is_async {
        return Ok(said);
    }
    let answer = match delivered.reply {
        Some(reply) => host.registry.reply(reply).await?,
        None => None,
    };
    said.status = None;
    said.response = Some(answer.map(|answer| answer.text().to_owned()).unwrap_or_default());
    said.message_count = Some(host.organisation.said_by(&guest.link, visitor, SHOWN).await?.len());
    let runs = RunQuery { letter_id: Some(delivered.letter_id), ..RunQuery::of(guest.agent.id, 1) };
    let runs = host.registry.store().runs(runs).await?;
    said.usage = runs.first().map(|run| PublicTokens {
        input_tokens: run.usage.input_tokens,
        output_tokens: run.usage.output_tokens,
    });
    Ok(said)
}

#[derive(Serialize, ToSchema)]
struct PublicMessage {
    /// `user` or `assistant`.
    role: &'static str,
    content: String,
    timestamp: String,
}

#[derive(Serialize, ToSchema)]
struct PublicHistory {
    /// The oldest first.
    messages: Vec<PublicMessage>,
    session_id: String,
    message_count: usize,
}

/// What was said so far.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("session_token" = Option<String>, Query), ("session_id" = Option<String>, Query)), responses((status = 200, body = PublicHistory)))]
#[get("/api/public/history/{token}")]
async fn history(visit: Visit) -> Answer<PublicHistory> {
    let guest = visit.guest(&visit.segment("token")).await?;
    let session: PublicSession = visit.query()?;
    let visitor = guest.visitor(&visit, session)?;
    let Some(visitor) = visitor else {
        let none =
            PublicHistory { messages: Vec::new(), session_id: String::new(), message_count: 0 };
        return Ok(Json(none));
    };
    let said = visit.shared.host.organisation.said_by(&guest.link, &visitor, SHOWN).await?;
    let agent = guest.agent.id.into();
    let messages: Vec<_> = said
        .iter()
        .map(|memory| PublicMessage {
            role: if memory.entity_id == agent { "assistant" } else { "user" },
            content: memory.text().to_owned(),
            timestamp: times::iso(memory.created_at),
        })
        .collect();
    let session_id = match visitor {
        Visitor::Unknown(name) => name,
        Visitor::Known(_) => String::new(),
    };
    Ok(Json(PublicHistory { message_count: messages.len(), messages, session_id }))
}

#[derive(Serialize, ToSchema)]
struct TalkCleared {
    cleared: bool,
    /// For the next talk, where no address is proven.
    new_session_id: Option<String>,
}

/// Forgets what was said, and begins anew.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("session_token" = Option<String>, Query), ("session_id" = Option<String>, Query)), responses((status = 200, body = TalkCleared)))]
#[delete("/api/public/session/{token}")]
async fn clear(visit: Visit) -> Answer<TalkCleared> {
    let guest = visit.guest(&visit.segment("token")).await?;
    let session: PublicSession = visit.query()?;
    let visitor = guest
        .visitor(&visit, session)?
        .ok_or_else(|| TrinityError::bad("session_id required for anonymous links"))?;
    visit.shared.host.organisation.forget_said(&guest.link, &visitor).await?;
    let new_session_id = match visitor {
        Visitor::Known(_) => None,
        Visitor::Unknown(_) => match Visitor::unknown(None)? {
            Visitor::Unknown(name) => Some(name),
            Visitor::Known(_) => None,
        },
    };
    Ok(Json(TalkCleared { cleared: true, new_session_id }))
}

#[derive(Serialize, ToSchema)]
struct PublicIntroduction {
    intro: String,
}

/// Lets the agent say who it is.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("session_token" = Option<String>, Query)), responses((status = 200, body = PublicIntroduction)))]
#[get("/api/public/intro/{token}")]
async fn intro(visit: Visit) -> Answer<PublicIntroduction> {
    let guest = visit.guest(&visit.segment("token")).await?;
    within(&visit.shared.public.messages, &visit)?;
    let session: PublicSession = visit.query()?;
    guest.visitor(&visit, session)?;
    // In a talk of its own, of which nothing is left.
    let nobody = Visitor::unknown(None)?;
    let said = say(&visit, &guest, &nobody, INTRODUCTION, false).await;
    visit.shared.host.organisation.forget_said(&guest.link, &nobody).await?;
    Ok(Json(PublicIntroduction { intro: said?.response.unwrap_or_default() }))
}

/// What the agent has been taught.
#[utoipa::path(tag = "Public", params(("token" = String, Path)), responses((status = 200, body = Playbooks)))]
#[get("/api/public/playbooks/{token}")]
async fn show_playbooks(visit: Visit) -> Answer<Playbooks> {
    let guest = visit.guest(&visit.segment("token")).await?;
    if !guest.agent.is_running() {
        return Err(TrinityError::unavailable("Agent is not running"));
    }
    let workspace = visit.shared.host.workspaces.free(guest.agent.id);
    Ok(Json(playbooks(&workspace).await?))
}

#[derive(Deserialize, ToSchema)]
struct CodeWish {
    /// That of the link.
    token: String,
    email: String,
}

#[derive(Serialize, ToSchema)]
struct CodeSent {
    message: &'static str,
    expires_in_seconds: u64,
}

/// Sends a code to an address, to prove that it is the visitor's.
#[utoipa::path(tag = "Public", responses((status = 200, body = CodeSent)))]
#[post("/api/public/verify/request")]
async fn request_code(visit: Visit<CodeWish>) -> Answer<CodeSent> {
    visit.look()?;
    let wanted = visit.fields()?;
    let guest = verifiable(&visit, &wanted.token).await?;
    let organisation = &visit.shared.host.organisation;
    organisation.send_visit_code(&guest.link, &wanted.email).map_err(refused)?;
    Ok(Json(CodeSent {
        message: "Verification code sent",
        expires_in_seconds: CODE_LIFE.as_secs(),
    }))
}

async fn verifiable<B: Wanted>(visit: &Visit<B>, token: &str) -> Result<Guest, TrinityError> {
    let guest = visit.found_link(token).await?;
    let guest = guest.ok_or_else(|| TrinityError::not_found("Invalid or expired link"))?;
    if !guest.requires_email() {
        return Err(TrinityError::bad("This link does not require email verification"));
    }
    Ok(guest)
}

fn refused(error: AccountsError) -> TrinityError {
    match error {
        AccountsError::TooManyTries(wait) => {
            TrinityError::too_many("Too many verification requests. Please wait 10 minutes.", wait)
        }
        AccountsError::NotAnAddress => OrganisationError::NotAnAddress.into(),
        AccountsError::Core(error) => error.into(),
        error => TrinityError::inside(error),
    }
}

#[derive(Deserialize, ToSchema)]
struct VisitProof {
    /// That of the link.
    token: String,
    email: String,
    /// Six digits.
    code: String,
}

#[derive(Serialize, ToSchema)]
struct VisitVerified {
    verified: bool,
    session_token: Option<String>,
    expires_at: Option<String>,
    error: Option<&'static str>,
}

/// Knows a visitor who has read the code.
#[utoipa::path(tag = "Public", responses((status = 200, body = VisitVerified)))]
#[post("/api/public/verify/confirm")]
async fn confirm_code(visit: Visit<VisitProof>) -> Answer<VisitVerified> {
    visit.look()?;
    let proof = visit.fields()?;
    let guest = verifiable(&visit, &proof.token).await?;
    let organisation = &visit.shared.host.organisation;
    match organisation.begin_visit(&guest.link, &proof.email, &proof.code).await {
        Ok(begun) => Ok(Json(VisitVerified {
            verified: true,
            session_token: Some(begun.token.to_string()),
            expires_at: Some(times::iso(begun.expires_at)),
            error: None,
        })),
        Err(AccountsError::WrongCode) => Ok(Json(VisitVerified {
            verified: false,
            session_token: None,
            expires_at: None,
            error: Some("invalid_code"),
        })),
        Err(error) => Err(refused(error)),
    }
}

#[derive(Serialize, ToSchema)]
struct PublicProgress {
    execution_id: String,
    /// `queued`, `running`, `success`, `failed` or `cancelled`.
    status: &'static str,
    response: Option<String>,
    error: Option<String>,
}

/// How far the answer to a message has come.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("id" = String, Path)), responses((status = 200, body = PublicProgress)))]
#[get("/api/public/executions/{token}/{id}/status")]
async fn progress(visit: Visit) -> Answer<PublicProgress> {
    let guest = visit.guest(&visit.segment("token")).await?;
    let id = execution(&visit)?;
    let found = so_far(&visit, &guest.link, id).await?;
    Ok(Json(found.ok_or_else(|| TrinityError::not_found("Execution not found"))?))
}

fn execution<B>(visit: &Visit<B>) -> Result<LetterId, TrinityError> {
    let id = short::parse(&visit.segment("id")).map(LetterId);
    id.ok_or_else(|| TrinityError::not_found("Execution not found"))
}

async fn so_far<B>(
    visit: &Visit<B>,
    link: &Link,
    id: LetterId,
) -> Result<Option<PublicProgress>, TrinityError> {
    let host = &visit.shared.host;
    let Some((letter, reply)) = host.organisation.said_so_far(link, id).await? else {
        return Ok(None);
    };
    let status = match letter.status {
        LetterStatus::Waiting if letter.attempts == 0 => "queued",
        LetterStatus::Waiting | LetterStatus::Parked => "running",
        LetterStatus::Answered => "success",
        LetterStatus::Dead => "failed",
        LetterStatus::Cancelled => "cancelled",
    };
    Ok(Some(PublicProgress {
        execution_id: short::of(id.0),
        status,
        response: reply.map(|reply| reply.text().to_owned()),
        error: (status == "failed").then(|| "The agent could not answer".to_owned()),
    }))
}

/// Nothing: an answer that comes piece by piece has no shape of its own.
type Streamed = Result<HttpResponse, TrinityError>;

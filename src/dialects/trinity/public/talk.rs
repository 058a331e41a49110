//! What is said between a visitor and the agent.

use actix_web::web::Json;
use actix_web::{delete, get, post};
use greenroom_actors::ports::RunQuery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Guest, PublicSession, within};
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::{Answer, short, times};
use crate::organisation::Visitor;

/// Messages of a talk that are shown.
const SHOWN: u32 = 100;

/// What an agent is asked for one who has just come.
const INTRODUCTION: &str = "Somebody has just opened a public link to you. In two short paragraphs, say \
    who you are and what you do, and then how you can help them. Write plain, friendly prose without \
    headings or lists.";

pub(super) fn routes(at: &mut Mount) {
    at.service(chat).service(history).service(clear).service(intro);
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
#[utoipa::path(
    tag = "Public",
    params(("token" = String, Path)),
    request_body = NewMessage,
    responses((status = 200, body = PublicAnswer))
)]
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
#[utoipa::path(
    tag = "Public",
    params(("token" = String, Path), InQuery<PublicSession>),
    responses((status = 200, body = PublicHistory))
)]
#[get("/api/public/history/{token}")]
async fn history(visit: Visit<InQuery<PublicSession>>) -> Answer<PublicHistory> {
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
#[utoipa::path(
    tag = "Public",
    params(("token" = String, Path), InQuery<PublicSession>),
    responses((status = 200, body = TalkCleared))
)]
#[delete("/api/public/session/{token}")]
async fn clear(visit: Visit<InQuery<PublicSession>>) -> Answer<TalkCleared> {
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
#[utoipa::path(
    tag = "Public",
    params(("token" = String, Path), InQuery<PublicSession>),
    responses((status = 200, body = PublicIntroduction))
)]
#[get("/api/public/intro/{token}")]
async fn intro(visit: Visit<InQuery<PublicSession>>) -> Answer<PublicIntroduction> {
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

//! Speech: `/api/audio`, and what the documentation calls `/api/agents/:agentId/speech`.

mod conversation;
mod hearing;
mod speaking;

use actix_web::guard::{self, GuardContext};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Payload, ServiceConfig, post};
use greenroom_actors::ids::AgentId;

use super::call::Call;
use super::error::ElizaError;
use super::refusal;
use super::routes::on;
use crate::http::upload::{Form, Upload, UploadError};
use crate::media::{Class, Kind};

/// Fields that the file may stand in.
const FIELDS: [&str; 2] = ["file", "audio"];

/// `/api/audio/:agentId/**`.
pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/audio-messages").route(post().to(hearing::message)))
        .service(on("/transcriptions").route(post().to(hearing::transcribe)))
        .service(on("/audio-messages/synthesize").route(post().to(speaking::synthesize)))
        .service(on("/speech/generate").route(post().to(speaking::generate)))
        .service(
            on("/speech/conversation")
                .route(post().guard(guard::fn_guard(is_form)).to(conversation::by_sound))
                .route(post().to(conversation::by_text)),
        )
        .service(on("/speech").route(post().to(conversation::process)));
}

/// `/api/agents/:agentId/speech/**`.
pub(super) fn documented(at: &mut ServiceConfig) {
    at.service(on("/speech/synthesize").route(post().to(speaking::synthesize_packed)))
        .service(on("/speech/transcribe").route(post().to(hearing::transcribe)))
        .service(on("/speech/conversation").route(post().to(conversation::by_sound)));
}

/// Whether a request brings a form.
fn is_form(context: &GuardContext<'_>) -> bool {
    let sort = context.head().headers().get(CONTENT_TYPE).and_then(|sort| sort.to_str().ok());
    sort.is_some_and(|sort| sort.trim_start().to_ascii_lowercase().starts_with("multipart/"))
}

/// The form of a request; none where there is another body, which is as if nothing stood in it.
async fn form(call: &Call, payload: Payload) -> Result<Form, ElizaError> {
    // Its type is judged later, in elizaOS' order.
    match call.form(payload, &FIELDS, |_| true).await {
        Ok(form) => Ok(form),
        Err(UploadError::NotAForm) => Ok(Form::default()),
        Err(UploadError::FileTooLarge(_)) => Err((&refusal::AUDIO_TOO_LARGE).into()),
        Err(error) => Err(error.into()),
    }
}

/// The sound in a form, for a running agent.
async fn sound(call: &Call, agent: AgentId, file: Option<Upload>) -> Result<Upload, ElizaError> {
    let upload = file.ok_or(ElizaError::Refused(&refusal::AUDIO_MISSING))?;
    call.running(agent).await?;
    // What it may say to be. What it is, its content says.
    let is_sound = Kind::named(&upload.media_type).is_some_and(|kind| kind.class() == Class::Audio);
    if is_sound { Ok(upload) } else { Err((&refusal::AUDIO_TYPE).into()) }
}

/// The language that a form names, as a provider takes it: two or three letters.
fn language(form: &Form) -> Option<&str> {
    let language = form.texts.get("language")?;
    let language = language.split(['-', '_']).next().unwrap_or_default();
    let is_code = matches!(language.len(), 2 | 3) && language.chars().all(char::is_alphabetic);
    is_code.then_some(language)
}

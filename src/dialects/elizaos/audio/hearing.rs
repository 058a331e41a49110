//! Sound that becomes words.

use actix_web::web::Payload;
use serde_json::json;

use super::super::call::Call;
use super::super::error::ElizaError;
use super::super::refusal::{self, Refusal};
use super::super::wire::{Answer, ok};

/// `POST /audio/:agentId/transcriptions` and `POST /agents/:agentId/speech/transcribe`.
pub(super) async fn transcribe(call: Call, payload: Payload) -> Answer {
    let text = words(&call, payload, &refusal::TRANSCRIPTION).await?;
    ok(json!({"text": text}))
}

/// `POST /audio/:agentId/audio-messages`.
pub(super) async fn message(call: Call, payload: Payload) -> Answer {
    let transcription = words(&call, payload, &refusal::AUDIO_MESSAGE).await?;
    let message = "Audio transcribed, further processing TBD.";
    ok(json!({"transcription": transcription, "message": message}))
}

async fn words(
    call: &Call,
    payload: Payload,
    doing: &'static Refusal,
) -> Result<String, ElizaError> {
    let mut form = super::form(call, payload).await?;
    let agent = call.agent()?;
    let upload = super::sound(call, agent, form.file.take()).await?;
    let (speech, path) = (&call.host.speech, upload.file.path());
    let heard = speech.listen_as(call.registry(), agent, path, super::language(&form)).await;
    heard.map_err(|error| ElizaError::Speech { error, doing })
}

//! Media: files for agents and channels, and what agents made.

use std::io;
use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE};
use actix_web::web::{self, Payload, ServiceConfig, get, post};
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::NotAnId;
use serde_json::json;

use super::call::Call;
use super::error::ElizaError;
use super::refusal::{self, Refusal};
use super::routes::on;
use super::said::Dialect;
use super::wire::{Answer, ok};
use crate::http::served::{ServedFile, in_utf8};
use crate::http::upload::UploadError;
use crate::media::{self, Kept, Kind, MediaError, Owner, Search, climbs};

/// What a file is called that is of no kind that is kept here.
const BYTES: &str = "application/octet-stream";

/// What is below `/api/media`.
pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/agents/{agent}/upload-media").route(post().to(to_agent)))
        .service(on("/agents/{agent}/upload").route(post().to(to_agent)))
        .service(on("/channels/{channel}/upload-media").route(post().to(to_channel)))
        .configure(files);
}

/// What is below `/media` too, without a token: browsers' `<img>` cannot present one.
pub(super) fn files(at: &mut ServiceConfig) {
    at.route("/uploads/agents/{agent}/{file}", get().to(of_agent))
        .route("/uploads/channels/{channel}/{file}", get().to(of_channel))
        .route("/generated/{agent}/{file}", get().to(made_by));
}

/// How a route words what it does not take.
#[derive(Clone, Copy)]
struct Words {
    /// A type that is not taken.
    not_taken: &'static Refusal,
    /// A content that is not of its type.
    unfit: &'static Refusal,
}

const AGENT: Words = Words { not_taken: &refusal::MEDIA_TYPE, unfit: &refusal::MEDIA_TYPE };
const CHANNEL: Words = Words { not_taken: &refusal::FILE_TYPES, unfit: &refusal::FILE_TYPE };

/// `POST /api/media/agents/:agentId/upload-media`; the agent need not be there.
async fn to_agent(call: Call, payload: Payload) -> Answer {
    let agent = call.id("agent", &refusal::AGENT_ID)?;
    let kept = keep(&call, payload, Owner::Agent(agent), AGENT, climbs).await?;
    told(&kept, kept.class().name())
}

/// `POST /api/media/channels/:channelId/upload-media`; the channel need not be there.
async fn to_channel(call: Call, payload: Payload) -> Answer {
    channel(call, payload, climbs).await
}

/// `POST /api/messaging/channels/:channelId/upload-media`, which is stricter about names.
pub(super) async fn to_channel_by_messaging(call: Call, payload: Payload) -> Answer {
    channel(call, payload, |name| name.contains("..") || name.contains('/')).await
}

async fn channel(call: Call, payload: Payload, is_odd: fn(&str) -> bool) -> Answer {
    let channel = call.id("channel", &refusal::CHANNEL_ID_FORMAT)?;
    let kept = keep(&call, payload, Owner::Channel(channel), CHANNEL, is_odd).await?;
    told(&kept, kept.kind.media_type())
}

fn told(kept: &Kept, sort: &str) -> Answer {
    ok(json!({
        "url": kept.url, "type": sort, "filename": kept.file_name,
        "originalName": kept.original_name, "size": kept.size,
    }))
}

/// Takes the file of the request in and keeps it.
async fn keep(
    call: &Call,
    payload: Payload,
    owner: Owner,
    words: Words,
    is_odd: fn(&str) -> bool,
) -> Result<Kept, ElizaError> {
    let is_welcome = |media_type: &str| Kind::named(media_type).is_some();
    let mut form = match call.form(payload, &["file"], is_welcome).await {
        Ok(form) => form,
        // Without a form there is no file in it.
        Err(UploadError::NotAForm) => return Err((&refusal::NO_MEDIA).into()),
        Err(UploadError::Type(_)) => return Err(words.not_taken.into()),
        Err(UploadError::Storage(error)) => return Err(failed(error)),
        Err(error) => return Err(error.into()),
    };
    let upload = form.file.take().ok_or(ElizaError::Refused(&refusal::NO_MEDIA))?;
    if is_odd(&upload.name) {
        return Err((&refusal::FILE_NAME).into());
    }
    // The client library sends bytes as a sound of no name, and what they are beside them.
    let declared = form.texts.get("contentType").map(String::as_str);
    let declared = declared.filter(|it| Kind::named(it).is_some()).unwrap_or(&upload.media_type);
    let kept = call.media().keep(owner, upload.file, &upload.name, declared, call.now()).await;
    kept.map_err(|error| match error {
        MediaError::Unfit(unfit) => ElizaError::Refusing(words.unfit, unfit.to_string()),
        MediaError::Store(error) => failed(error),
    })
}

/// That the disk did not take a file.
fn failed(error: StoreError) -> ElizaError {
    ElizaError::Core { error: error.into(), doing: Some(&refusal::UPLOAD) }
}

/// `GET /media/uploads/agents/:agentId/:filename`.
async fn of_agent(call: Call) -> Answer {
    let agent = file_of(&call, "agent", &refusal::FILE_AGENT_ID)?;
    serve(&call, Owner::Agent(agent), &refusal::NO_UPLOAD).await
}

/// `GET /media/uploads/channels/:channelId/:filename`.
async fn of_channel(call: Call) -> Answer {
    let channel = file_of(&call, "channel", &refusal::FILE_CHANNEL_ID)?;
    serve(&call, Owner::Channel(channel), &refusal::NO_FILE).await
}

/// `GET /media/generated/:agentId/:filename`.
async fn made_by(call: Call) -> Answer {
    let agent = file_of(&call, "agent", &refusal::FILE_AGENT_ID)?;
    serve(&call, Owner::MadeBy(agent), &refusal::NO_FILE).await
}

fn file_of<T: FromStr<Err = NotAnId>>(
    call: &Call,
    name: &str,
    malformed: &'static Refusal,
) -> Result<T, ElizaError> {
    call.part(name).parse().map_err(|_not_an_id| ElizaError::File(malformed))
}

async fn serve(call: &Call, owner: Owner, missing: &'static Refusal) -> Answer {
    let found = match call.media().find(owner, call.part("file")).await? {
        Search::Found(found) => found,
        Search::Missing => return Err(ElizaError::File(missing)),
        Search::Foreign => return Err(ElizaError::File(&refusal::FILE_DENIED)),
    };
    let media_type = in_utf8(found.kind.map_or(BYTES, Kind::media_type));
    let served = web::block(move || ServedFile::new(found.file, media_type)).await;
    let served = served.map_err(io::Error::other).flatten();
    let served = served.map_err(media::failed)?.fixed();
    // What only those with a token see is not for caches that others share.
    let served = if call.is_api() { served.cached("private, max-age=0") } else { served };
    let served = if found.kind.is_some() { served } else { served.saved_as(found.name) };
    let answer = served.answer(call.request().headers());
    match answer.status() {
        StatusCode::RANGE_NOT_SATISFIABLE => Ok(with_words(answer, &refusal::FILE_RANGE)),
        StatusCode::PRECONDITION_FAILED => Ok(with_words(answer, &refusal::FILE_CONDITION)),
        _ => Ok(answer),
    }
}

/// An answer without a file, and why.
fn with_words(answer: HttpResponse, refusal: &'static Refusal) -> HttpResponse {
    let mut worded = ElizaError::File(refusal).answer(Dialect::Api);
    for name in [CONTENT_RANGE, ACCEPT_RANGES] {
        if let Some(value) = answer.headers().get(&name) {
            worded.headers_mut().insert(name, value.clone());
        }
    }
    worded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Class;

    #[test]
    fn the_types_that_are_told_are_those_that_are_taken() {
        for (refusal, start, class) in [
            (&refusal::FILE_TYPES, "Invalid file type. Only ", None),
            (&refusal::AUDIO_TYPE, "Invalid audio file type. Only ", Some(Class::Audio)),
        ] {
            let told = refusal.message.strip_prefix(start).unwrap();
            let told = told.strip_suffix(" are allowed").unwrap();
            let mut told = told.split(", ").collect::<Vec<_>>();
            let is_of_class = |name: &&str| {
                class.is_none_or(|class| Kind::named(name).is_some_and(|it| it.class() == class))
            };
            let mut taken = Kind::all_names().filter(is_of_class).collect::<Vec<_>>();
            told.sort_unstable();
            taken.sort_unstable();
            assert_eq!(told, taken);
        }
    }
}

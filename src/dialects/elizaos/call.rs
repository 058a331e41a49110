//! A request as its handler sees it: the ids in its path, its query, and what all requests share.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::{self, Data};
use actix_web::{FromRequest, HttpRequest};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, NotAnId};
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::Store;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use uuid::Uuid;

use super::error::ElizaError;
use super::refusal::{self, Refusal};
use super::shared::Shared;
use super::visit::is_under;
use crate::http::idempotency::Keyed;
use crate::http::instant;
use crate::http::query::Query;
use crate::http::upload::{self, FILE_MAX_BYTES, Form, Rules, UploadError};
use crate::media::MediaStore;
use crate::messaging::Messaging;
use crate::workspace::Workspaces;

/// What the routes call the agent in a path.
const AGENT: &str = "agent";

/// A request as its handler sees it.
pub(super) struct Call {
    request: HttpRequest,
    shared: Data<Shared>,
}

impl FromRequest for Call {
    type Error = ElizaError;
    type Future = Ready<Result<Self, ElizaError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let shared = request.app_data::<Data<Shared>>().cloned();
        ready(match shared {
            Some(shared) => Ok(Self { request: request.clone(), shared }),
            None => Err((&refusal::INTERNAL).into()),
        })
    }
}

impl Deref for Call {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Call {
    pub(super) fn registry(&self) -> &Registry {
        &self.host.registry
    }

    pub(super) fn messaging(&self) -> &Messaging {
        &self.host.messaging
    }

    /// Who acts, if the request says it in a way that can be read.
    pub(super) fn entity(&self) -> Option<EntityId> {
        self.header("x-entity-id")?.parse().ok()
    }

    /// A header of the request, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    pub(super) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Whether it is below `/api`.
    pub(super) fn is_api(&self) -> bool {
        is_under(self.request.path(), "/api")
    }

    /// A part of the path as it stands there.
    pub(super) fn part(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        self.host.registry.store()
    }

    /// The agent of the path.
    pub(super) fn agent(&self) -> Result<AgentId, ElizaError> {
        self.id(AGENT, &refusal::AGENT_ID)
    }

    /// The agent of the path and another id in it, refused in the same words.
    pub(super) fn ids<T: FromStr<Err = NotAnId>>(
        &self,
        name: &str,
        refusal: &'static Refusal,
    ) -> Result<(AgentId, T), ElizaError> {
        Ok((self.id(AGENT, refusal)?, self.id(name, refusal)?))
    }

    /// An id of the path.
    pub(super) fn id<T: FromStr<Err = NotAnId>>(
        &self,
        name: &str,
        refusal: &'static Refusal,
    ) -> Result<T, ElizaError> {
        let text = self.request.match_info().get(name).unwrap_or_default();
        text.parse().map_err(|_not_an_id| refusal.into())
    }

    /// The id of the `what` that the request makes: a new one, or that of its key.
    pub(super) fn id_of_new<T: From<Uuid> + Default>(&self, what: &str) -> T {
        Keyed::of(&self.request).map_or_else(T::default, |keyed| keyed.id(what).into())
    }

    pub(super) fn query(&self) -> Query {
        Query::parse(self.request.query_string())
    }

    /// Reads the form of the request: a file in one of the fields `names`, of a type that is welcome
    /// by what it says of itself, and texts.
    pub(super) async fn form(
        &self,
        payload: web::Payload,
        names: &[&str],
        is_welcome: fn(&str) -> bool,
    ) -> Result<Form, UploadError> {
        let rules = Rules {
            names,
            is_welcome,
            max_bytes: FILE_MAX_BYTES,
            idle: self.settings.body_within(),
            within: self.settings.upload_within(),
        };
        upload::read(self.request.headers(), payload, self.media().spool(), rules).await
    }

    pub(super) fn workspaces(&self) -> &Workspaces {
        &self.host.workspaces
    }

    pub(super) fn media(&self) -> &MediaStore {
        &self.host.media
    }

    /// The record of an agent that runs; another is not there, as far as this route knows.
    pub(super) async fn running(&self, id: AgentId) -> Result<Arc<AgentRecord>, ElizaError> {
        let record = self.registry().record(id).await?;
        let state = record.lifecycle.state();
        if state == State::Running {
            Ok(record)
        } else {
            Err(CoreError::NotRunning { id, state }.into())
        }
    }
}

/// How much of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) offset: u32,
    pub(super) limit: u32,
}

impl Page {
    /// That part of a list which is at hand as a whole.
    pub(super) fn cut<'a, T>(self, list: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        list.iter().skip(offset).take(limit)
    }
}

impl Shared {
    /// The part of a list that a query asks for, `default` where it does not say.
    pub(super) fn page(&self, query: &Query, default: u32) -> Page {
        let limit = query.count(&["limit", "count"]).unwrap_or(default).min(self.settings.list_max);
        let nth = query.count(&["page"]).unwrap_or(1).saturating_sub(1);
        let offset = query.count(&["offset"]).unwrap_or_else(|| nth.saturating_mul(limit));
        Page { offset, limit }
    }
}

/// An instant of the query.
pub(super) fn instant_of(query: &Query, key: &str) -> Result<Option<UnixMillis>, ElizaError> {
    query
        .get(key)
        .map(|text| {
            instant::read(text).ok_or_else(|| {
                ElizaError::field(key, "expected milliseconds since 1970, or a date in ISO 8601")
            })
        })
        .transpose()
}

/// An id of the query.
pub(super) fn id_of<T: FromStr<Err = NotAnId>>(
    query: &Query,
    key: &str,
    refusal: &'static Refusal,
) -> Result<Option<T>, ElizaError> {
    query.get(key).map(|text| text.parse().map_err(|_not_an_id| refusal.into())).transpose()
}

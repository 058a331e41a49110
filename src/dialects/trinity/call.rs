//! A request, as a handler is given it: read, and with the one who makes it known.
//!
//! The order is that of Trinity's own server: a body that is not JSON is refused before anything else,
//! then who calls is asked, then (by the handler) whether they may, and only then what they want. Guards
//! that tell strangers nothing come after the shape of what is wanted, which says nothing of the agent.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::web::{self, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::{TrinityError, unauthenticated};
use super::live::Viewer;
use super::shape::{self, Fault};
use super::shared::Shared;
use super::wanted::{Nothing, Wanted};
use crate::accounts::Principal;
use crate::http::{body, values};

/// Bytes of the body of somebody who is not known: none of them has much to say.
const STRANGERS_MAX: usize = 64 * 1_024;

/// A request of somebody who may be anybody, who says a `B`.
pub(super) struct Visit<B = Nothing> {
    pub(super) shared: Arc<Shared>,
    pub(super) request: HttpRequest,
    body: Body,
    wanted: PhantomData<fn() -> B>,
}

/// A request of somebody who is known, who says a `B`.
pub(super) struct Call<B = Nothing> {
    visit: Visit<B>,
    /// Who calls.
    pub(super) principal: Principal,
}

/// A body, before it is held against its shape.
enum Body {
    Absent,
    Json(Value),
    /// Something whose content type is not JSON.
    Other(String),
}

impl<B: Wanted> FromRequest for Visit<B> {
    type Error = TrinityError;
    type Future = LocalBoxFuture<'static, Result<Self, TrinityError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        #[cfg(test)]
        super::wanted::TOLD.set(Some(B::told()));
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let shared = shared_of(&request)?;
            let text =
                Text::read::<B>(&request, payload, STRANGERS_MAX, shared.settings.body_within());
            let body = text.await?.parse()?;
            Ok(Self { shared, request, body, wanted: PhantomData })
        }
        .boxed_local()
    }
}

impl<B: Wanted> FromRequest for Call<B> {
    type Error = TrinityError;
    type Future = LocalBoxFuture<'static, Result<Self, TrinityError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        #[cfg(test)]
        super::wanted::TOLD.set(Some(B::told()));
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let shared = shared_of(&request)?;
            let principal = authenticated(&shared, &request);
            let settings = &shared.settings;
            let limit = if principal.is_ok() { settings.body_max() } else { STRANGERS_MAX };
            let text = Text::read::<B>(&request, payload, limit, settings.body_within()).await?;
            let principal = principal?;
            // For the audit, which is made once it is known what came of it.
            request.extensions_mut().insert(principal.clone());
            let body = text.parse()?;
            Ok(Self { visit: Visit { shared, request, body, wanted: PhantomData }, principal })
        }
        .boxed_local()
    }
}

impl<B> Call<B> {
    /// The caller, for something that stays open: what they may do is asked anew each time.
    pub(super) fn viewer(&self) -> Option<Viewer> {
        Viewer::by_either(&self.visit.shared.host, bearer(&self.visit.request)?)
    }
}

impl<B> std::ops::Deref for Call<B> {
    type Target = Visit<B>;

    fn deref(&self) -> &Visit<B> {
        &self.visit
    }
}

impl<B> Visit<B> {
    /// A segment of the path, by its name.
    pub(super) fn segment(&self, name: &str) -> String {
        let segments = web::Path::<Segments>::extract(&self.request).into_inner();
        segments.ok().and_then(|mut segments| segments.0.remove(name)).unwrap_or_default()
    }

    /// A header, if it is text and not empty.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.request.headers().get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then_some(value)
    }
}

impl<B: Wanted> Visit<B>
where
    B::Query: DeserializeOwned + ToSchema + 'static,
{
    /// What the query says.
    ///
    /// # Errors
    /// 422 with everything that is wrong with it.
    pub(super) fn query(&self) -> Result<B::Query, TrinityError> {
        shape::of_query(self.request.query_string())
    }
}

impl<B: Wanted> Visit<B>
where
    B::Body: DeserializeOwned + ToSchema + 'static,
{
    /// What the body says.
    ///
    /// # Errors
    /// 422 with everything that is wrong with it.
    pub(super) fn fields(&self) -> Result<B::Body, TrinityError> {
        match &self.body {
            Body::Json(body) => shape::of_body(body),
            Body::Absent => Err(no_body()),
            Body::Other(text) => Err(TrinityError::shape(&[shape::no_object(&json!(text))])),
        }
    }

    /// What the body says, if there is one.
    ///
    /// # Errors
    /// As [`fields`](Self::fields).
    pub(super) fn fields_if_any(&self) -> Result<Option<B::Body>, TrinityError> {
        match &self.body {
            Body::Absent | Body::Json(Value::Null) => Ok(None),
            Body::Json(_) | Body::Other(_) => self.fields().map(Some),
        }
    }
}

/// The segments of a path by their names, as they are meant: without percent signs.
struct Segments(HashMap<String, String>);

/// A name of a segment; actix tells them as identifiers alone, which no map takes for its keys.
#[derive(PartialEq, Eq, Hash)]
struct Name(String);

impl<'de> Deserialize<'de> for Segments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let segments = HashMap::<Name, String>::deserialize(deserializer)?;
        Ok(Self(segments.into_iter().map(|(name, value)| (name.0, value)).collect()))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Naming;
        impl Visitor<'_> for Naming {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(name.to_owned()))
            }
        }
        deserializer.deserialize_identifier(Naming)
    }
}

fn shared_of(request: &HttpRequest) -> Result<Arc<Shared>, TrinityError> {
    let shared = request.app_data::<Data<Shared>>().map(|shared| Arc::clone(shared));
    shared.ok_or_else(|| TrinityError::inside("the dialect is not set up"))
}

/// The token that a request presents. The scheme's case does not matter.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whoever shows a token.
fn authenticated(shared: &Shared, request: &HttpRequest) -> Result<Principal, TrinityError> {
    let token = bearer(request).ok_or_else(|| TrinityError::unauthorized("Not authenticated"))?;
    shared.host.accounts.authenticate(token).ok_or_else(unauthenticated)
}

/// A body as text, whose syntax is right if it is JSON.
struct Text {
    bytes: Vec<u8>,
    is_json: bool,
}

impl Text {
    /// Reads as much as that of a body, if a `B` is one.
    async fn read<B: Wanted>(
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
        within: Duration,
    ) -> Result<Self, TrinityError> {
        let is_json = is_json(request);
        if !B::IS_READ {
            return Ok(Self { bytes: Vec::new(), is_json });
        }
        let payload = web::Payload::from_request(request, &mut { payload }).await;
        // It is taken from the very request, so it is there.
        let mut payload = payload.map_err(TrinityError::inside)?;
        let bytes = body::whole(request.headers(), &mut payload, limit, within).await?;
        if is_json && !bytes.is_empty() {
            values::check(&bytes).map_err(|fault| no_json(&bytes, &fault))?;
        }
        Ok(Self { bytes, is_json })
    }

    fn parse(self) -> Result<Body, TrinityError> {
        let Self { bytes, is_json } = self;
        match (bytes.is_empty(), is_json) {
            (true, _) => Ok(Body::Absent),
            (false, false) => Ok(Body::Other(String::from_utf8_lossy(&bytes).into_owned())),
            (false, true) => serde_json::from_slice(&bytes)
                .map(Body::Json)
                .map_err(|fault| no_json(&bytes, &fault)),
        }
    }
}

/// That a body is absent.
pub(super) fn no_body() -> TrinityError {
    TrinityError::shape(&[Fault::missing(vec![json!("body")], Value::Null)])
}

/// Why a text is no JSON.
pub(super) fn no_json(bytes: &[u8], error: &serde_json::Error) -> TrinityError {
    let at = offset(bytes, error.line(), error.column());
    let msg = "JSON decode error";
    let fault = Fault::new("json_invalid", vec![json!("body"), json!(at)], msg, json!({}));
    let reason = error.to_string();
    TrinityError::shape(&[Fault { ctx: Some(json!({"error": reason})), ..fault }])
}

/// Whether a body is JSON, as its content type says; one that says nothing is.
fn is_json(request: &HttpRequest) -> bool {
    let Some(sort) = request.headers().get(CONTENT_TYPE) else { return true };
    let sort = sort.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let sort = sort.trim().to_ascii_lowercase();
    let Some((main, sub)) = sort.split_once('/') else { return false };
    main == "application" && (sub == "json" || sub.ends_with("+json"))
}

/// The place of a byte, from the line and column where a parser stopped, both counted from one.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let before: usize = text
        .split(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(|line| line.len().saturating_add(1))
        .sum();
    before.saturating_add(column.saturating_sub(1)).min(text.len())
}

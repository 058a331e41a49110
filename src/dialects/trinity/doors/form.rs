//! Forms, in either of the two ways that browsers send them.

use std::collections::BTreeMap;

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Payload, Query};
use futures::{StreamExt, stream};
use zeroize::Zeroizing;

use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::shared::Shared;
use crate::http::body;

/// Bytes of a form, and fields in it.
const FORM_MAX_BYTES: usize = 16 * 1024;
const FIELDS_MAX: usize = 32;

/// The fields of a form; of two with one name the last counts.
#[derive(Default)]
pub(super) struct Form(BTreeMap<String, Zeroizing<String>>);

impl Form {
    /// Reads it. What is no form has no fields.
    pub(super) async fn read(
        shared: &Shared,
        request: &HttpRequest,
        mut payload: Payload,
    ) -> Result<Self, TrinityError> {
        let within = shared.settings.body_within();
        let bytes = body::whole(request.headers(), &mut payload, FORM_MAX_BYTES, within).await?;
        let sort = request.headers().get(CONTENT_TYPE).and_then(|sort| sort.to_str().ok());
        let sort = sort.and_then(|sort| sort.split(';').next()).unwrap_or_default();
        match sort.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Ok(Self::of_pairs(&bytes)),
            "multipart/form-data" => Self::of_parts(request, bytes.into()).await,
            _ => Ok(Self::default()),
        }
    }

    /// A field, if it is there and says something.
    pub(super) fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        self.0.remove(name).filter(|text| !text.is_empty())
    }

    fn of_pairs(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let pairs = Query::<Vec<(String, String)>>::from_query(&text);
        let pairs = pairs.map_or_else(|_unreadable| Vec::new(), Query::into_inner);
        let pairs = pairs.into_iter().take(FIELDS_MAX);
        Self(pairs.map(|(name, text)| (name, Zeroizing::new(text))).collect())
    }

    async fn of_parts(request: &HttpRequest, bytes: Bytes) -> Result<Self, TrinityError> {
        let broken = |error: actix_multipart::MultipartError| {
            TrinityError::bad(format!("The form cannot be read: {error}"))
        };
        let body = stream::iter([Ok::<_, actix_web::error::PayloadError>(bytes)]);
        let mut parts = Multipart::new(request.headers(), body);
        let mut fields = BTreeMap::new();
        while let Some(part) = parts.next().await {
            let mut part = part.map_err(broken)?;
            let name = part.name().unwrap_or_default().to_owned();
            let mut text = Zeroizing::new(Vec::new());
            while let Some(piece) = part.next().await {
                text.extend_from_slice(&piece.map_err(broken)?);
            }
            if fields.len() >= FIELDS_MAX {
                return Err(TrinityError::bad(format!("A form has at most {FIELDS_MAX} fields")));
            }
            fields.insert(name, Zeroizing::new(String::from_utf8_lossy(&text).into_owned()));
        }
        Ok(Self(fields))
    }
}

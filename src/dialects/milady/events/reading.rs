//! `GET /api/agent/events`: what is kept, for clients that were away or missed something.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::log::{Selected, Selection};
use crate::dialects::milady::Answer;
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;
use crate::http::query::Query;

/// Envelopes in an answer, where nothing else is asked for, and at most.
const LIMIT: usize = 200;
const LIMIT_MAX: usize = 1_000;

pub(super) async fn read(shared: Data<Shared>, request: HttpRequest) -> Answer {
    let selection = selection(&Query::parse(request.query_string()))?;
    let selected = shared.sockets.read(|log| log.select(&selection));
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(page(&selected)))
}

fn selection(query: &Query) -> Result<Selection, MiladyError> {
    let text = |key: &str| query.get(key).map(str::trim).filter(|value| !value.is_empty());
    let from_seq = match text("fromSeq") {
        None => None,
        Some(written) => Some(
            number(written)
                .and_then(|number| u64::try_from(number).ok())
                .ok_or(MiladyError::bad("Invalid \"fromSeq\" filter."))?,
        ),
    };
    let limit = text("limit").and_then(number).map_or(LIMIT, |asked| {
        usize::try_from(asked.max(1)).map_or(LIMIT_MAX, |asked| asked.min(LIMIT_MAX))
    });
    Ok(Selection {
        after: text("after").map(str::to_owned),
        run: text("runId").map(str::to_owned),
        from_seq,
        limit,
    })
}

/// The whole number that a text begins with, as JavaScript's `parseInt` reads it; one that is too
/// large is the largest.
fn number(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let digits = rest.get(..end).filter(|digits| !digits.is_empty())?;
    let most = if sign.is_empty() { i64::MAX } else { i64::MIN };
    Some(format!("{sign}{digits}").parse().unwrap_or(most))
}

/// The answer, of envelopes that are JSON already.
fn page(selected: &Selected) -> String {
    let Selected { envelopes, total } = selected;
    let latest = json!(envelopes.last().map(|envelope| envelope.id.as_str()));
    let texts: Vec<&str> = envelopes.iter().map(|envelope| &*envelope.text).collect();
    let events = texts.join(",");
    format!(
        r#"{{"events":[{events}],"latestEventId":{latest},"totalBuffered":{total},"replayed":true}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_read_as_the_reference_does() {
        let all = Selection { limit: LIMIT, ..Selection::default() };
        let text = |text: &str| Some(text.to_owned());
        for (query, expected) in [
            ("", Some(all.clone())),
            ("limit=5", Some(Selection { limit: 5, ..all.clone() })),
            ("limit=5x", Some(Selection { limit: 5, ..all.clone() })),
            ("limit=0", Some(Selection { limit: 1, ..all.clone() })),
            ("limit=-7", Some(Selection { limit: 1, ..all.clone() })),
            ("limit=1001", Some(Selection { limit: 1_000, ..all.clone() })),
            ("limit=99999999999999999999", Some(Selection { limit: 1_000, ..all.clone() })),
            ("limit=many", Some(all.clone())),
            ("after=evt-3", Some(Selection { after: text("evt-3"), ..all.clone() })),
            ("after=&runId=%20", Some(all.clone())),
            ("runId=r", Some(Selection { run: text("r"), ..all.clone() })),
            ("fromSeq=3", Some(Selection { from_seq: Some(3), ..all.clone() })),
            ("fromSeq=0", Some(Selection { from_seq: Some(0), ..all.clone() })),
            ("fromSeq=", Some(all.clone())),
            ("fromSeq=-1", None),
            ("fromSeq=x", None),
        ] {
            assert_eq!(selection(&Query::parse(query)).ok(), expected, "{query}");
        }
    }
}

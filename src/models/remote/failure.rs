//! What an error of the crate means, in words that hold no secret.

use std::time::Duration;

use chrono::DateTime;
use genai::webc;
use greenroom_actors::error::ModelError;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::models::provider::Failure;

/// Bytes of a provider's own words that are told on.
const WORDS_MAX_BYTES: usize = 300;

/// Tells what went wrong with one provider.
#[derive(Clone)]
pub(in crate::models) struct Teller {
    /// The key, which is cut out of whatever is told.
    pub(in crate::models) key: Option<Zeroizing<String>>,
    /// Whom nobody could reach.
    pub(in crate::models) host: String,
}

impl Teller {
    /// What `error` means for the attempt that it ended.
    pub(super) fn failure(&self, error: &genai::Error) -> Failure {
        use genai::Error as E;
        match error {
            E::HttpError { status, body, headers, .. } => self.of_status(*status, body, headers),
            E::WebModelCall { webc_error, .. } | E::WebAdapterCall { webc_error, .. } => {
                self.of_call(webc_error)
            }
            E::WebStream { error, .. } => {
                if let Some(inner) = error.downcast_ref::<genai::Error>() {
                    self.failure(inner)
                } else if let Some(inner) = error.downcast_ref::<reqwest::Error>() {
                    self.of_connection(inner)
                } else {
                    unreadable()
                }
            }
            E::ChatResponse { body, .. } => self.of_event(body),
            E::AdapterNotSupported { feature, .. } => {
                let reason = format!("the provider has no {feature}");
                Failure::lasting(ModelError::Unsupported(reason))
            }
            // What is left is an answer that makes no sense, or a request that cannot be made.
            // Their texts repeat both.
            _ => unreadable(),
        }
    }

    fn of_call(&self, error: &webc::Error) -> Failure {
        match error {
            webc::Error::ResponseFailedStatus { status, body, headers } => {
                self.of_status(*status, body, headers)
            }
            webc::Error::Reqwest(error) => self.of_connection(error),
            _ => unreadable(),
        }
    }

    /// What a status means that is no success.
    pub(in crate::models) fn of_status(
        &self,
        status: StatusCode,
        body: &str,
        headers: &HeaderMap,
    ) -> Failure {
        let after = retry_after(headers);
        let words = format!("status {}: {}", status.as_u16(), self.words(body));
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                Failure::passing(ModelError::RateLimited { retry_after: after }, after)
            }
            StatusCode::REQUEST_TIMEOUT => Failure::lasting(ModelError::Unavailable(words)),
            status if status.is_server_error() => {
                Failure::passing(ModelError::Unavailable(words), after)
            }
            _ => Failure::lasting(ModelError::Refused(words)),
        }
    }

    /// What it means that a connection did not come about, or broke.
    pub(in crate::models) fn of_connection(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            let reason = format!("cannot connect to {}: {}", self.host, root(error));
            let error = ModelError::Unavailable(self.redacted(&reason));
            return Failure::passing(error, None).unheard();
        }
        if error.is_builder() {
            let reason = "the request cannot be made".to_owned();
            return Failure::lasting(ModelError::Unsupported(reason));
        }
        let reason = format!("the connection to {} broke: {}", self.host, root(error));
        Failure::lasting(ModelError::Unavailable(self.redacted(&reason)))
    }

    /// An error in the middle of an answer, which has a kind where others have a status.
    fn of_event(&self, body: &Value) -> Failure {
        let error = body.get("error").unwrap_or(body);
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        let words = self.words(&body.to_string());
        match (text("type"), text("code")) {
            ("rate_limit_error", _) | (_, "rate_limit_exceeded") => {
                Failure::passing(ModelError::RateLimited { retry_after: None }, None)
            }
            ("overloaded_error" | "api_error" | "server_error", _) => {
                Failure::passing(ModelError::Unavailable(words), None)
            }
            (
                "invalid_request_error"
                | "authentication_error"
                | "permission_error"
                | "not_found_error"
                | "request_too_large",
                _,
            ) => Failure::lasting(ModelError::Refused(words)),
            _ => Failure::lasting(ModelError::Unavailable(words)),
        }
    }

    /// The provider's own words: the message in its JSON, or the beginning of its text.
    fn words(&self, body: &str) -> String {
        let json: Option<Value> = serde_json::from_str(body).ok();
        let message = json.as_ref().and_then(|json| {
            let error = json.get("error").unwrap_or(json);
            error.get("message").unwrap_or(error).as_str()
        });
        let words = self.redacted(message.unwrap_or(body));
        let words: Vec<&str> = words.split_whitespace().collect();
        let words: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
        words.get(..words.floor_char_boundary(WORDS_MAX_BYTES)).unwrap_or_default().to_owned()
    }

    fn redacted(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.as_str(), "[key]"),
            None => text.to_owned(),
        }
    }
}

fn unreadable() -> Failure {
    Failure::lasting(ModelError::Unavailable("the answer makes no sense".to_owned()))
}

/// The innermost cause; those around it repeat the address.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<reqwest::Error>() {
        Some(_) => "no further cause".to_owned(),
        None => cause.to_string(),
    }
}

/// How long the provider asks to wait: milliseconds, seconds, or an instant by its own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |text: &str, unit: f64| {
        let amount = text.parse::<f64>().ok()? * unit;
        Duration::try_from_secs_f64(amount).ok()
    };
    if let Some(wait) = text("retry-after-ms").and_then(|text| seconds(text, 0.001)) {
        return Some(wait);
    }
    let asked = text(RETRY_AFTER.as_str())?;
    seconds(asked, 1.0).or_else(|| {
        let until = DateTime::parse_from_rfc2822(asked).ok()?;
        let now = DateTime::parse_from_rfc2822(text(DATE.as_str())?).ok()?;
        Some((until - now).to_std().unwrap_or(Duration::ZERO))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn teller() -> Teller {
        let key = Some(Zeroizing::new("sk-secret".to_owned()));
        Teller { key, host: "api.example".to_owned() }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn a_wait_is_read_in_all_its_forms() {
        let later = "Wed, 21 Oct 2015 07:28:30 GMT";
        let now = "Wed, 21 Oct 2015 07:28:00 GMT";
        for (pairs, expected) in [
            (vec![("retry-after", "7")], Some(7_000)),
            (vec![("retry-after", "0.5")], Some(500)),
            (vec![("retry-after-ms", "250"), ("retry-after", "9")], Some(250)),
            (vec![("retry-after", later), ("date", now)], Some(30_000)),
            (vec![("retry-after", now), ("date", later)], Some(0)),
            (vec![("retry-after", later)], None),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![], None),
        ] {
            assert_eq!(retry_after(&headers(&pairs)), expected.map(Duration::from_millis));
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, retry, transient) in [
            (429, true, true),
            (500, true, true),
            (503, true, true),
            (529, true, true),
            (408, false, true),
            (301, false, false),
            (400, false, false),
            (401, false, false),
            (404, false, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = teller().of_status(status, "{}", &HeaderMap::new());
            assert_eq!(
                (failure.retry, failure.error.is_transient()),
                (retry, transient),
                "{status}"
            );
        }
    }

    #[test]
    fn a_message_is_short_and_holds_no_key() {
        let long = format!("<html>\n{}", "é".repeat(1_000));
        for (body, expected) in [
            (json!({"error": {"message": "bad sk-secret"}}).to_string(), "bad [key]"),
            (json!({"error": "no\n\nmodel"}).to_string(), "no model"),
            (json!({"message": "oh"}).to_string(), "oh"),
            ("plain".to_owned(), "plain"),
        ] {
            assert_eq!(teller().words(&body), expected);
        }
        assert!(teller().words(&long).len() <= WORDS_MAX_BYTES);
    }

    #[test]
    fn an_error_in_the_stream_counts_by_its_kind() {
        let event =
            |kind: &str| teller().of_event(&json!({"error": {"type": kind, "message": "m"}}));
        assert!(event("overloaded_error").retry);
        assert_eq!(event("rate_limit_error").error, ModelError::RateLimited { retry_after: None });
        assert_eq!(event("invalid_request_error").error, ModelError::Refused("m".to_owned()));
        assert!(!event("anything").retry);
    }
}

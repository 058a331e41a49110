//! Why a session did not do what was asked, as elizaOS says it.

use actix_web::http::StatusCode;
use greenroom_actors::error::CoreError;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::super::error::{ElizaError, is_expected_of_core};
use super::super::refusal;
use super::super::said::{AGENT_BUSY, Dialect, Said, of_core};
use crate::http::instant;

/// Why a session did not do what was asked.
#[derive(Clone, Debug)]
pub(in super::super) struct SessionFault {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Option<Value>,
    at: UnixMillis,
    retry_after_s: Option<u32>,
    cause: Option<String>,
    /// Whether it is no fault of the host: nobody need look into it.
    is_expected: bool,
}

impl SessionFault {
    pub(super) fn new(
        at: UnixMillis,
        (status, code): (StatusCode, &'static str),
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
            details: None,
            at,
            retry_after_s: None,
            cause: None,
            is_expected: true,
        }
    }

    /// A request that cannot be.
    pub(super) fn invalid(at: UnixMillis, message: impl Into<String>, details: Value) -> Self {
        let bad = (StatusCode::BAD_REQUEST, "VALIDATION_ERROR");
        Self { details: Some(details), ..Self::new(at, bad, message) }
    }

    pub(super) fn with(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// What the core says.
    pub(super) fn core(at: UnixMillis, error: &CoreError) -> Self {
        let said = of_core(error, Some(&refusal::SESSION), Dialect::Api);
        let cause = said.status.is_server_error().then(|| error.to_string());
        let is_expected = cause.is_none() || is_expected_of_core(error);
        Self { cause, is_expected, ..Self::saying(at, said) }
    }

    /// What the dialect refused before the session was asked for.
    pub(super) fn refused(at: UnixMillis, error: &ElizaError) -> Self {
        let (cause, is_expected) = (error.cause(), error.is_expected());
        Self { cause, is_expected, ..Self::saying(at, error.said(Dialect::Api)) }
    }

    fn saying(at: UnixMillis, said: Said) -> Self {
        let code = said.code.unwrap_or("INTERNAL_SERVER_ERROR");
        let retry_after_s = said.retry_after_s;
        Self { retry_after_s, ..Self::new(at, (said.status, code), said.message) }
    }

    /// What went wrong on a way that channels share.
    pub(super) fn sending(at: UnixMillis, error: &ElizaError) -> Self {
        let status = actix_web::ResponseError::status_code(error);
        let code =
            if status.is_server_error() { "MESSAGE_SEND_FAILED" } else { "VALIDATION_ERROR" };
        let refused = Self::refused(at, error);
        // The one refusal that is not the request's own fault, and that clients wait for to pass.
        if refused.code == AGENT_BUSY { refused } else { Self { code, ..refused } }
    }

    pub(in super::super) fn cause(&self) -> Option<String> {
        self.cause.clone()
    }

    pub(in super::super) fn is_expected(&self) -> bool {
        self.is_expected
    }

    pub(in super::super) fn said(&self) -> Said {
        Said {
            status: self.status,
            code: Some(self.code),
            message: self.message.clone().into(),
            retry_after_s: self.retry_after_s,
        }
    }

    pub(in super::super) fn envelope(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(self.message));
        error.insert("timestamp".to_owned(), json!(instant::iso(self.at)));
        if let Some(details) = &self.details {
            error.insert("details".to_owned(), details.clone());
        }
        json!({"success": false, "error": error})
    }
}

impl From<SessionFault> for ElizaError {
    fn from(fault: SessionFault) -> Self {
        Self::Session(Box::new(fault))
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::error::StoreError;

    use super::*;

    #[test]
    fn only_faults_of_the_host_are_unexpected() {
        for (error, expected) in [
            (CoreError::Overloaded, true),
            (CoreError::ShuttingDown, true),
            (CoreError::Halted, true),
            (CoreError::Store(StoreError::Failed("oh".to_owned())), false),
        ] {
            let fault = SessionFault::core(UnixMillis(0), &error);
            assert_eq!(fault.is_expected(), expected, "{error}");
            let fault = SessionFault::sending(UnixMillis(0), &error.clone().into());
            assert_eq!(fault.is_expected(), expected, "sending: {error}");
        }
        assert!(SessionFault::invalid(UnixMillis(0), "no", json!({})).is_expected());
    }
}

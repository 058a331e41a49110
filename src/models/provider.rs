//! What the router needs of a provider.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use greenroom_actors::error::ModelError;
use greenroom_actors::ports::{Prompt, ToolCall};

/// One model at one provider. A call is one attempt; dropping what it returned ends it.
pub(super) trait Provider: Send + Sync + 'static {
    /// Answers `prompt`. The last piece is [`Piece::End`].
    fn generate(&self, prompt: &Arc<Prompt>) -> BoxStream<'static, Result<Piece, Failure>>;

    /// Turns texts into vectors, one for each, in order.
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, Failure>>;
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Some more words.
    Text(String),
    /// A call of a tool, whole.
    ToolCall(ToolCall),
    /// The end, with the tokens as far as the provider counted them.
    End {
        /// Tokens read.
        input: Option<u64>,
        /// Tokens written.
        output: Option<u64>,
    },
}

/// Why an attempt failed, and whether another one is worth making.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// Why.
    pub(super) error: ModelError,
    /// Whether the same model may be asked again.
    pub(super) retry: bool,
    /// How long the provider asks to wait before that.
    pub(super) retry_after: Option<Duration>,
    /// Whether the provider may bill the attempt all the same: it got the request and did not refuse
    /// it.
    pub(super) may_be_billed: bool,
}

impl Failure {
    /// A failure after which the same model may be asked again.
    pub(super) fn passing(error: ModelError, retry_after: Option<Duration>) -> Self {
        Self { may_be_billed: is_work(&error), error, retry: true, retry_after }
    }

    /// A failure after which it may not.
    pub(super) fn lasting(error: ModelError) -> Self {
        Self { may_be_billed: is_work(&error), error, retry: false, retry_after: None }
    }

    /// The same, of an attempt that never reached the provider.
    pub(super) fn unheard(self) -> Self {
        Self { may_be_billed: false, ..self }
    }

    /// The answer ended before its end.
    pub(super) fn broken_off() -> Self {
        Self::lasting(ModelError::Unavailable("the answer broke off".to_owned()))
    }
}

/// Whether a provider may have done some work before it failed so.
fn is_work(error: &ModelError) -> bool {
    match error {
        ModelError::Unavailable(_) | ModelError::TimedOut(_) => true,
        ModelError::RateLimited { .. } | ModelError::Refused(_) | ModelError::Unsupported(_) => {
            false
        }
    }
}

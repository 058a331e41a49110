//! One operation of the host: how it is described, and how it is carried out.

use std::any::Any;
use std::future::Future;

use futures::FutureExt;
use futures::future::BoxFuture;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::host::Host;
use crate::http::operator::OperatorError;

use super::schema;

/// What an operation does to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Reads,
    /// It adds something each time.
    Adds,
    /// It sets something; a second time changes nothing more.
    Sets,
    /// It ends or removes something; a second time changes nothing more.
    Ends,
    /// It ends something each time.
    EndsEachTime,
}

impl Effect {
    fn annotations(self, title: &str) -> ToolAnnotations {
        let ends = matches!(self, Self::Ends | Self::EndsEachTime);
        let repeats = matches!(self, Self::Reads | Self::Sets | Self::Ends);
        // Nothing beyond this host is reached by any of them.
        ToolAnnotations::with_title(title)
            .read_only(self == Self::Reads)
            .destructive(ends)
            .idempotent(repeats)
            .open_world(false)
    }
}

/// How an operation is described.
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) effect: Effect,
}

type Outcome = Result<Value, OperatorError>;

/// One operation of the host.
pub(super) struct Operation {
    /// As clients see it.
    pub(super) tool: Tool,
    carry_out: Box<dyn Fn(Host, JsonObject) -> BoxFuture<'static, Outcome> + Send + Sync>,
}

impl Operation {
    /// The operation that `carry_out` is; its arguments and its result describe themselves.
    pub(super) fn new<P, T, F>(about: &About, carry_out: fn(Host, P) -> F) -> Self
    where
        P: DeserializeOwned + JsonSchema + Any,
        T: Serialize + JsonSchema + Any,
        F: Future<Output = Result<T, OperatorError>> + Send + 'static,
    {
        let tool = Tool::new(about.name, about.description, schema::of_input::<P>())
            .with_title(about.title)
            .with_raw_output_schema(schema::of_output::<T>())
            .with_annotations(about.effect.annotations(about.title));
        let carry_out = move |host, arguments| {
            let arguments = serde_json::from_value(Value::Object(arguments));
            let done = arguments.map(|arguments| carry_out(host, arguments));
            async move {
                let done = done.map_err(|error| wrong("arguments", &error))?;
                serde_json::to_value(done.await?).map_err(|error| wrong("result", &error))
            }
            .boxed()
        };
        Self { tool, carry_out: Box::new(carry_out) }
    }

    /// Carries it out.
    pub(super) fn call(&self, host: Host, arguments: JsonObject) -> BoxFuture<'static, Outcome> {
        (self.carry_out)(host, arguments)
    }
}

fn wrong(field: &'static str, error: &serde_json::Error) -> OperatorError {
    OperatorError::Invalid { field, reason: error.to_string() }
}

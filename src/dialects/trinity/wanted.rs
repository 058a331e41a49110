//! What requests say, as types: one declaration for those who read it and for the description.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// The type of the body of requests that have none.
#[derive(Debug)]
pub(super) struct Nothing;

/// The type of what a request says in its query, and in its body where it has one. It stands in the
/// handler's signature and among the `params` of its description.
#[derive(Debug)]
pub(super) struct InQuery<Q, B = Nothing>(PhantomData<fn() -> (Q, B)>);

/// What a request may say.
pub(super) trait Wanted: 'static {
    /// What its body is.
    type Body;
    /// What its query is.
    type Query;
    /// Whether a body is read at all.
    const IS_READ: bool;

    /// What the description has to say of it.
    #[cfg(test)]
    fn told() -> Told;
}

impl Wanted for Nothing {
    type Body = Self;
    type Query = Self;
    const IS_READ: bool = false;

    #[cfg(test)]
    fn told() -> Told {
        Told::default()
    }
}

impl<T: DeserializeOwned + ToSchema + 'static> Wanted for T {
    type Body = T;
    type Query = Nothing;
    const IS_READ: bool = true;

    #[cfg(test)]
    fn told() -> Told {
        Told { body: Some(T::name().into_owned()), query: Vec::new() }
    }
}

impl<Q: ToSchema + 'static, B: Wanted> Wanted for InQuery<Q, B> {
    type Body = B::Body;
    type Query = Q;
    const IS_READ: bool = B::IS_READ;

    #[cfg(test)]
    fn told() -> Told {
        let names = parameters::<Q>().into_iter().map(|parameter| parameter.name);
        Told { query: names.collect(), ..B::told() }
    }
}

impl<Q: PartialSchema, B> IntoParams for InQuery<Q, B> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters::<Q>()
    }
}

/// The fields of a type, each as a parameter of the query: what judges them also describes them.
fn parameters<Q: PartialSchema>() -> Vec<Parameter> {
    let RefOr::T(Schema::Object(object)) = Q::schema() else { return Vec::new() };
    let parameter = |(name, schema): (String, RefOr<Schema>)| {
        let is_required = object.required.contains(&name);
        // In the words of the field, which a reader looks for at the parameter.
        let words = serde_json::to_value(&schema).unwrap_or_default();
        let words = words.get("description").and_then(Value::as_str).map(str::to_owned);
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(if is_required { Required::True } else { Required::False })
            .description(words)
            .schema(Some(schema))
            .build()
    };
    object.properties.clone().into_iter().map(parameter).collect()
}

/// What a handler's signature says of the requests that it takes.
#[cfg(test)]
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// The name of the schema of its body.
    pub(super) body: Option<String>,
    /// The names of its parameters.
    pub(super) query: Vec<String>,
}

#[cfg(test)]
thread_local! {
    /// What was last said so on this thread, by the extractor of whichever handler was asked.
    pub(super) static TOLD: std::cell::RefCell<Option<Told>> = const { std::cell::RefCell::new(None) };
}

//! The shape of requests: one declaration, which describes the API, judges what comes, and is what
//! handlers are given.
//!
//! A request is held against the schema of its type before it is read, so that all its faults are told
//! at once, in the order of the fields and in the words of Trinity's own server (those of pydantic).
//! Like there, forms are lenient where the meaning is beyond doubt: `"5"` is a number, `"yes"` is true.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::error::TrinityError;

/// How deep a request is looked into.
const DEPTH_MAX: usize = 32;

/// Bytes of what was said that are told again with a fault.
const ECHO_MAX: usize = 4_096;

/// Faults that are told of one request.
const FAULTS_MAX: usize = 100;

/// What of a request's shape is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fault {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) loc: Vec<Value>,
    pub(super) msg: String,
    pub(super) input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ctx: Option<Value>,
}

impl Fault {
    pub(super) fn new(kind: &'static str, loc: Vec<Value>, msg: &str, input: Value) -> Self {
        Self { kind, loc, msg: msg.to_owned(), input, ctx: None }
    }

    /// One about what was said, which is told again where it is not long.
    fn about(kind: &'static str, loc: Vec<Value>, msg: &str, said: &Value) -> Self {
        Self::new(kind, loc, msg, echo(said))
    }

    /// That something is not in what was said which has to be.
    fn missing_in(loc: Vec<Value>, said: &Value) -> Self {
        Self::missing(loc, echo(said))
    }

    /// That something is not there which has to be.
    pub(super) fn missing(loc: Vec<Value>, input: Value) -> Self {
        Self::new("missing", loc, "Field required", input)
    }

    fn with(self, ctx: Value) -> Self {
        Self { ctx: Some(ctx), ..self }
    }
}

/// The schema of a type, with those that it refers to.
struct Shape {
    root: Value,
    named: HashMap<String, Value>,
}

/// Shapes by type: they never change, and making one costs more than using it.
static SHAPES: LazyLock<RwLock<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(RwLock::default);

impl Shape {
    fn of<T: ToSchema + 'static>() -> Arc<Self> {
        let id = TypeId::of::<T>();
        if let Some(shape) = SHAPES.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(shape);
        }
        let mut named = Vec::new();
        T::schemas(&mut named);
        let as_json = |schema| serde_json::to_value(schema).unwrap_or_default();
        // A type may refer to itself.
        named.push((T::name().into_owned(), T::schema()));
        let shape = Arc::new(Self {
            root: as_json(T::schema()),
            named: named.into_iter().map(|(name, schema)| (name, as_json(schema))).collect(),
        });
        let mut shapes = SHAPES.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shapes.entry(id).or_insert(shape))
    }

    /// The schema itself, behind what refers to it.
    fn behind<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name =
            schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        name.and_then(|name| self.named.get(name)).unwrap_or(schema)
    }
}

/// What a JSON body says, as a `T`.
///
/// # Errors
/// 422 with everything that is wrong with it.
pub(super) fn of_body<T>(body: &Value) -> Result<T, TrinityError>
where
    T: DeserializeOwned + ToSchema + 'static,
{
    let shape = Shape::of::<T>();
    let mut judge = Judge { shape: &shape, faults: Vec::new(), is_text: false };
    if !body.is_object() && shape.behind(&shape.root).get("properties").is_some() {
        return Err(TrinityError::shape(&[no_object(body)]));
    }
    let body = judge.judge(&shape.root, body, &mut vec![json!("body")]);
    judge.read(body, "body")
}

/// What was said, to be told again with what is wrong with it: but for what is too long for that.
fn echo(said: &Value) -> Value {
    fn fits(said: &Value, left: &mut usize) -> bool {
        let own = match said {
            Value::String(text) => text.len(),
            _ => 8,
        };
        let Some(rest) = left.checked_sub(own) else { return false };
        *left = rest;
        match said {
            Value::Array(items) => items.iter().all(|item| fits(item, left)),
            Value::Object(entries) => entries.iter().all(|(key, value)| {
                *left = left.saturating_sub(key.len());
                fits(value, left)
            }),
            _ => true,
        }
    }
    if fits(said, &mut { ECHO_MAX }) { said.clone() } else { json!("…") }
}

/// The fault of a body that is no object.
pub(super) fn no_object(input: &Value) -> Fault {
    let input = echo(input);
    let msg = "Input should be a valid dictionary or object to extract fields from";
    Fault::new("model_attributes_type", vec![json!("body")], msg, input)
}

/// What a query says, as a `T`; of a key that is repeated the last value counts.
///
/// # Errors
/// 422 with everything that is wrong with it.
pub(super) fn of_query<T>(query: &str) -> Result<T, TrinityError>
where
    T: DeserializeOwned + ToSchema + 'static,
{
    let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query);
    let pairs = pairs.map_or_else(|_unreadable| Vec::new(), actix_web::web::Query::into_inner);
    let said: Map<_, _> = pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
    let shape = Shape::of::<T>();
    let mut judge = Judge { shape: &shape, faults: Vec::new(), is_text: true };
    let said = judge.judge(&shape.root, &Value::Object(said), &mut vec![json!("query")]);
    judge.read(said, "query")
}

/// Holds what comes against a schema.
struct Judge<'a> {
    shape: &'a Shape,
    faults: Vec<Fault>,
    /// Whether all it can say is text.
    is_text: bool,
}

impl Judge<'_> {
    fn read<T: DeserializeOwned>(self, said: Value, at: &str) -> Result<T, TrinityError> {
        if !self.faults.is_empty() {
            return Err(TrinityError::shape(&self.faults));
        }
        // What the schema cannot say, such as the form of an id.
        serde_json::from_value(said).map_err(|error| {
            let msg = format!("Value error, {error}");
            TrinityError::shape(&[Fault::new("value_error", vec![json!(at)], &msg, Value::Null)])
        })
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// What is said, in the form that the schema has for it.
    fn judge(&mut self, schema: &Value, said: &Value, at: &mut Vec<Value>) -> Value {
        let shape = self.shape;
        let schema = shape.behind(schema);
        if at.len() > DEPTH_MAX {
            self.fault(Fault::new("recursion_loop", at.clone(), "Nested too deeply", Value::Null));
            return Value::Null;
        }
        for of in ["oneOf", "anyOf", "allOf"] {
            if let Some(choices) = schema.get(of).and_then(Value::as_array) {
                let is_null = |choice: &&Value| choice.get("type") == Some(&json!("null"));
                if said.is_null() && choices.iter().any(|choice| is_null(&choice)) {
                    return Value::Null;
                }
                let mut meant = choices.iter().filter(|choice| !is_null(choice));
                let Some(first) = meant.next() else { return said.clone() };
                // More than one way to say it: the type itself knows which are right.
                return if meant.next().is_some() {
                    said.clone()
                } else {
                    self.judge(first, said, at)
                };
            }
        }
        let kinds = kinds(schema);
        if kinds.is_empty() || (said.is_null() && kinds.contains(&"null")) {
            return said.clone();
        }
        match kinds.iter().find(|kind| **kind != "null") {
            Some(&"object") => self.object(schema, said, at),
            Some(&"array") => self.array(schema, said, at),
            Some(&"string") => self.string(schema, said, at),
            Some(&"integer") => self.integer(schema, said, at),
            Some(&"number") => self.number(schema, said, at),
            Some(&"boolean") => self.boolean(said, at),
            _ => said.clone(),
        }
    }

    fn object(&mut self, schema: &Value, said: &Value, at: &mut Vec<Value>) -> Value {
        let Some(object) = said.as_object() else {
            let (kind, msg) = if schema.get("properties").is_some() {
                let msg = "Input should be a valid dictionary or object to extract fields from";
                ("model_attributes_type", msg)
            } else {
                ("dict_type", "Input should be a valid dictionary")
            };
            self.fault(Fault::about(kind, at.clone(), msg, said));
            return Value::Null;
        };
        let mut read = Map::new();
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let required = schema.get("required").and_then(Value::as_array);
            let is_required = |key: &str| {
                required.is_some_and(|keys| keys.iter().any(|one| one.as_str() == Some(key)))
            };
            for (key, property) in properties {
                at.push(json!(key));
                match object.get(key) {
                    Some(said) => {
                        read.insert(key.clone(), self.judge(property, said, at));
                    }
                    None if is_required(key) => self.fault(Fault::missing_in(at.clone(), said)),
                    None => {}
                }
                at.pop();
            }
        } else if let Some(each) =
            schema.get("additionalProperties").filter(|each| each.is_object())
        {
            for (key, said) in object {
                at.push(json!(key));
                read.insert(key.clone(), self.judge(each, said, at));
                at.pop();
            }
        } else {
            return said.clone();
        }
        Value::Object(read)
    }

    fn array(&mut self, schema: &Value, said: &Value, at: &mut Vec<Value>) -> Value {
        let Some(items) = said.as_array() else {
            self.fault(Fault::about("list_type", at.clone(), "Input should be a valid list", said));
            return Value::Null;
        };
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if let Some(least) = bound(schema, "minItems").filter(|least| count < *least) {
            let msg =
                format!("List should have at least {least} items after validation, not {count}");
            let ctx = json!({"field_type": "List", "min_length": least, "actual_length": count});
            self.fault(Fault::about("too_short", at.clone(), &msg, said).with(ctx));
        }
        if let Some(most) = bound(schema, "maxItems").filter(|most| count > *most) {
            let msg =
                format!("List should have at most {most} items after validation, not {count}");
            let ctx = json!({"field_type": "List", "max_length": most, "actual_length": count});
            self.fault(Fault::new("too_long", at.clone(), &msg, Value::Null).with(ctx));
            return Value::Null;
        }
        let each = schema.get("items").unwrap_or(&Value::Null);
        let mut read = Vec::with_capacity(items.len());
        for (nth, said) in items.iter().enumerate() {
            at.push(json!(nth));
            read.push(self.judge(each, said, at));
            at.pop();
        }
        Value::Array(read)
    }

    fn string(&mut self, schema: &Value, said: &Value, at: &[Value]) -> Value {
        let Some(text) = said.as_str() else {
            let msg = "Input should be a valid string";
            self.fault(Fault::about("string_type", at.to_vec(), msg, said));
            return Value::Null;
        };
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        if let Some(least) = bound(schema, "minLength").filter(|least| length < *least) {
            let msg = format!("String should have at least {least} character{}", plural(least));
            let ctx = json!({"min_length": least});
            self.fault(Fault::about("string_too_short", at.to_vec(), &msg, said).with(ctx));
        }
        if let Some(most) = bound(schema, "maxLength").filter(|most| length > *most) {
            let msg = format!("String should have at most {most} character{}", plural(most));
            let ctx = json!({"max_length": most});
            self.fault(Fault::new("string_too_long", at.to_vec(), &msg, Value::Null).with(ctx));
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(said)
        {
            let allowed = allowed.iter().filter_map(Value::as_str).map(|one| format!("'{one}'"));
            let allowed = allowed.collect::<Vec<_>>().join(", ");
            let msg = format!("Input should be one of {allowed}");
            let ctx = json!({"expected": allowed});
            self.fault(Fault::about("literal_error", at.to_vec(), &msg, said).with(ctx));
        }
        said.clone()
    }

    fn integer(&mut self, schema: &Value, said: &Value, at: &[Value]) -> Value {
        let number = match said {
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(said.clone()),
            Value::Number(number) => whole(number.as_f64()),
            Value::String(text) => {
                let text = text.trim();
                let whole_number = text.parse::<i64>().ok().map(Value::from);
                whole_number
                    .or_else(|| text.contains('.').then(|| whole(text.parse().ok())).flatten())
            }
            Value::Bool(is) => Some(i64::from(*is).into()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let Some(number) = number else {
            let (kind, msg) = match said {
                Value::String(_) => (
                    "int_parsing",
                    "Input should be a valid integer, unable to parse string as an integer",
                ),
                Value::Number(_) => (
                    "int_from_float",
                    "Input should be a valid integer, got a number with a fractional part",
                ),
                _ => ("int_type", "Input should be a valid integer"),
            };
            self.fault(Fault::about(kind, at.to_vec(), msg, said));
            return Value::Null;
        };
        self.within(schema, &number, said, at);
        number
    }

    fn number(&mut self, schema: &Value, said: &Value, at: &[Value]) -> Value {
        let number = match said {
            Value::Number(_) => Some(said.clone()),
            Value::String(text) => {
                text.trim().parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
            }
            Value::Bool(is) => Some(i64::from(*is).into()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let Some(number) = number else {
            let (kind, msg) = if said.is_string() {
                (
                    "float_parsing",
                    "Input should be a valid number, unable to parse string as a number",
                )
            } else {
                ("float_type", "Input should be a valid number")
            };
            self.fault(Fault::about(kind, at.to_vec(), msg, said));
            return Value::Null;
        };
        self.within(schema, &number, said, at);
        number
    }

    fn within(&mut self, schema: &Value, number: &Value, said: &Value, at: &[Value]) {
        let Some(found) = number.as_f64() else { return };
        if let Some(least) = schema.get("minimum").filter(|least| least.as_f64() > Some(found)) {
            let msg = format!("Input should be greater than or equal to {}", shown(least));
            let fault = Fault::about("greater_than_equal", at.to_vec(), &msg, said);
            self.fault(fault.with(json!({"ge": least})));
        }
        if let Some(most) = schema.get("maximum")
            && most.as_f64().is_some_and(|most| most < found)
        {
            let msg = format!("Input should be less than or equal to {}", shown(most));
            let fault = Fault::about("less_than_equal", at.to_vec(), &msg, said);
            self.fault(fault.with(json!({"le": most})));
        }
    }

    fn boolean(&mut self, said: &Value, at: &[Value]) -> Value {
        let found = truth(said);
        if found.is_none() {
            let (kind, msg) = match said {
                Value::String(_) | Value::Number(_) => {
                    ("bool_parsing", "Input should be a valid boolean, unable to interpret input")
                }
                _ if self.is_text => ("bool_parsing", "Input should be a valid boolean"),
                _ => ("bool_type", "Input should be a valid boolean"),
            };
            self.fault(Fault::about(kind, at.to_vec(), msg, said));
        }
        found.into()
    }
}

/// Whether something means yes or no, in one of the lenient forms; `None`: neither.
pub(super) fn truth(said: &Value) -> Option<bool> {
    match said {
        Value::Bool(is) => Some(*is),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "y" | "on" | "t" => Some(true),
            "false" | "0" | "no" | "n" | "off" | "f" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The types that a schema allows; none: it allows anything.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn bound(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

/// A number without a fraction, as an integer, if it is one.
fn whole(number: Option<f64>) -> Option<Value> {
    let number = number.filter(|number| number.is_finite() && number.fract() == 0.0)?;
    format!("{number:.0}").parse::<i64>().ok().map(Value::from)
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A bound as a person writes it: 1 and not 1.0.
fn shown(number: &Value) -> String {
    whole(number.as_f64()).map_or_else(|| number.to_string(), |number| number.to_string())
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;

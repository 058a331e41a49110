//! Schemas of arguments and results, in the form that clients of every kind take.

use std::any::Any;
use std::sync::Arc;

use rmcp::model::JsonObject;
use rmcp::schemars::JsonSchema;
use rmcp::schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The schema of what a type reads.
pub(super) fn of_input<T: JsonSchema + Any>() -> Arc<JsonObject> {
    of::<T>(SchemaSettings::draft2020_12())
}

/// The schema of what a type writes.
pub(super) fn of_output<T: JsonSchema + Any>() -> Arc<JsonObject> {
    of::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn of<T: JsonSchema + Any>(settings: SchemaSettings) -> Arc<JsonObject> {
    // Whole in itself: not every client follows references, or knows the draft by its address.
    let settings = settings.with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    match schema {
        Value::Object(mut schema) => {
            // The name of a type of ours, which tells nobody anything.
            schema.remove("title");
            schema.remove("description");
            schema.entry("type").or_insert_with(|| "object".into());
            Arc::new(schema)
        }
        _ => Arc::new(Map::from_iter([("type".to_owned(), "object".into())])),
    }
}

/// Removes the names of number formats, which validators warn about.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_of_numbers = |format: &Value| {
                format.as_str().is_some_and(|name| {
                    ["int", "uint", "float", "double"].iter().any(|sort| name.starts_with(sort))
                })
            };
            if fields.get("format").is_some_and(is_of_numbers) {
                fields.remove("format");
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

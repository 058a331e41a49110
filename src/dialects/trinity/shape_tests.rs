use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize, ToSchema)]
struct Task {
    #[schema(min_length = 1, max_length = 3)]
    id: String,
    count: Option<u8>,
}

#[derive(Debug, PartialEq, Deserialize, ToSchema)]
struct Wanted {
    name: String,
    #[serde(default = "fifty")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
    is_on: Option<bool>,
    hours: Option<f64>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    #[schema(max_items = 2)]
    tasks: Vec<Task>,
    any: Option<Value>,
    best: Option<Task>,
}

fn fifty() -> u32 {
    50
}

fn faults(body: Value) -> Vec<(String, String)> {
    let error = of_body::<Wanted>(&body).unwrap_err();
    let faults: Vec<Value> = serde_json::from_str(&error.words()).unwrap();
    faults
        .iter()
        .map(|fault| (fault["type"].as_str().unwrap().to_owned(), fault["loc"].to_string()))
        .collect()
}

fn one(kind: &str, loc: &str) -> (String, String) {
    (kind.to_owned(), loc.to_owned())
}

#[test]
fn what_is_right_is_read_with_its_defaults_and_lenient_forms() {
    let body = json!({
        "name": "a", "limit": "7", "is_on": "yes", "hours": "1.5", "files": {"x": "y"}, "unknown": 1,
        "tasks": [{"id": "1", "count": 2.0}], "any": [1], "best": null,
    });
    let wanted: Wanted = of_body(&body).unwrap();
    assert_eq!(
        wanted,
        Wanted {
            name: "a".into(),
            limit: 7,
            is_on: Some(true),
            hours: Some(1.5),
            files: BTreeMap::from([("x".into(), "y".into())]),
            tasks: vec![Task { id: "1".into(), count: Some(2) }],
            any: Some(json!([1])),
            best: None,
        }
    );
    assert_eq!(of_body::<Wanted>(&json!({"name": "a"})).unwrap().limit, 50);
}

#[test]
fn all_faults_are_told_in_the_order_of_the_fields() {
    assert_eq!(faults(json!({})), [one("missing", r#"["body","name"]"#)]);
    assert_eq!(faults(json!([])), [one("model_attributes_type", r#"["body"]"#)]);
    assert_eq!(
        faults(json!({
            "limit": 501, "name": 1, "is_on": "maybe", "hours": "x", "files": {"a": 1},
            "tasks": [{"id": "", "count": 1.5}, {"id": "1234", "count": -1}], "best": 3,
        })),
        [
            one("string_type", r#"["body","name"]"#),
            one("less_than_equal", r#"["body","limit"]"#),
            one("bool_parsing", r#"["body","is_on"]"#),
            one("float_parsing", r#"["body","hours"]"#),
            one("string_type", r#"["body","files","a"]"#),
            one("string_too_short", r#"["body","tasks",0,"id"]"#),
            one("int_from_float", r#"["body","tasks",0,"count"]"#),
            one("string_too_long", r#"["body","tasks",1,"id"]"#),
            one("greater_than_equal", r#"["body","tasks",1,"count"]"#),
            one("model_attributes_type", r#"["body","best"]"#),
        ]
    );
    for (body, kind) in [
        (json!({"name": "a", "limit": "x"}), "int_parsing"),
        (json!({"name": "a", "limit": null}), "int_type"),
        (json!({"name": "a", "limit": 0}), "greater_than_equal"),
        (json!({"name": "a", "files": []}), "dict_type"),
        (json!({"name": "a", "tasks": {}}), "list_type"),
        (json!({"name": "a", "tasks": [1, 2, 3]}), "too_long"),
        (json!({"name": "a", "is_on": []}), "bool_type"),
        (json!({"name": "a", "hours": []}), "float_type"),
    ] {
        assert_eq!(faults(body.clone()).first().unwrap().0, kind, "{body}");
    }
}

#[test]
fn a_query_is_text_and_means_numbers_and_truths() {
    let read = |query: &str| of_query::<Wanted>(query);
    let wanted = read("name=a%20b&limit=1.0&is_on=off&name=c&x=y").unwrap();
    assert_eq!((wanted.name.as_str(), wanted.limit, wanted.is_on), ("c", 1, Some(false)));
    let faults = read("limit=1.5&is_on=perhaps").unwrap_err().words();
    assert!(faults.contains(r#"["query","name"]"#), "{faults}");
    assert!(faults.contains("int_parsing") && faults.contains("bool_parsing"), "{faults}");
}

#[test]
fn depth_is_bounded() {
    #[derive(Debug, Deserialize, ToSchema)]
    #[schema(no_recursion)]
    struct Nest {
        within: Option<Box<Nest>>,
    }
    let mut body = json!({"within": null});
    for _ in 0..100 {
        body = json!({"within": body});
    }
    // A schema that refers to itself is followed no deeper than a request may go.
    match of_body::<Nest>(&body) {
        Err(error) => assert!(error.words().contains("Nested too deeply"), "{}", error.words()),
        Ok(nest) => panic!("{nest:?}"),
    }
    let nest: Nest = of_body(&json!({"within": {"within": null}})).unwrap();
    assert!(nest.within.unwrap().within.is_none());
}

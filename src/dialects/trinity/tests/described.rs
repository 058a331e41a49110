//! The description of the API against the handlers themselves: whether it says all that they ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use actix_web::test::TestRequest;
use serde_json::{Map, Value};

use super::support::Site;
use crate::dialects::trinity::wanted::{TOLD, Told};

/// Operations whose bodies are no JSON or are read in pieces, and what may be sent there.
const POURED: [(&str, &[&str]); 3] = [
    ("/token", &["application/x-www-form-urlencoded", "multipart/form-data"]),
    ("/api/token", &["application/x-www-form-urlencoded", "multipart/form-data"]),
    ("/api/agents/deploy-local", &["application/json"]),
];

/// The one operation that can do without its body.
const OPTIONAL: &str = "/api/agents/{name}/ssh-access";

/// Addresses that lead to sockets and make no use of bodies and tokens as others do.
const SOCKETS: [&str; 3] = ["/ws", "/ws/events", "/api/agents/{name}/terminal"];

/// An operation: its method, its path and what is said of it.
type Operation = (String, String, Map<String, Value>);

async fn described(site: &Site) -> (Value, Vec<Operation>) {
    let api = site.stage.get("/openapi.json").await.json();
    let mut all = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Some(operation) = operation.as_object() {
                all.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    assert!(all.len() > 200, "{}", all.len());
    (api, all)
}

/// A path with something in each of its places.
fn filled(path: &str, name: &str) -> String {
    let place = |part: &str| match part {
        "{name}" => name.to_owned(),
        part if part.starts_with('{') => "nothing".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(place).collect::<Vec<_>>().join("/")
}

fn parameters(operation: &Map<String, Value>, place: &str) -> BTreeSet<String> {
    let all = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let there = all.filter(|parameter| parameter["in"] == place);
    there.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

/// Each handler says in its signature what it reads of a request; that, and no more, is described.
#[actix_web::test]
async fn what_handlers_read_is_what_is_described() {
    let site = Site::new().await;
    let (_, operations) = described(&site).await;
    let mut faults = Vec::new();
    for (method, path, operation) in operations {
        TOLD.set(None);
        // Without a token nothing is done; it is only asked which handler would.
        let request = TestRequest::with_uri(&filled(&path, "nobody"));
        site.stage.ask(request.method(method.to_ascii_uppercase().parse().unwrap())).await;
        let Some(Told { body, query }) = TOLD.take() else {
            if !SOCKETS.contains(&path.as_str()) {
                faults.push(format!("{method} {path}: reads in its own way"));
            }
            continue;
        };
        let at = format!("{method} {path}");
        let told = operation.get("requestBody").unwrap_or(&Value::Null);
        if let Some((_, sorts)) = POURED.iter().find(|(poured, _)| *poured == path) {
            let found: Vec<_> = told["content"]
                .as_object()
                .into_iter()
                .flat_map(|content| content.keys())
                .collect();
            if found != *sorts {
                faults.push(format!("{at}: takes {sorts:?} and not {found:?}"));
            }
        } else if let Some(body) = body {
            let schema = &told["content"]["application/json"]["schema"];
            let reference = format!("#/components/schemas/{body}");
            if !schema.to_string().contains(&format!("\"{reference}\"")) {
                faults.push(format!("{at}: takes a {body} and not {schema}"));
            }
            if (told["required"] == true) == (path == OPTIONAL) {
                faults.push(format!("{at}: says wrongly whether there has to be a body"));
            }
        } else if !told.is_null() {
            faults.push(format!("{at}: takes no body"));
        }
        let query: BTreeSet<_> = query.into_iter().collect();
        let found = parameters(&operation, "query");
        if query != found {
            faults.push(format!("{at}: reads {query:?} and not {found:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[actix_web::test]
async fn whatever_misses_a_body_is_described_with_one() {
    let site = Site::new().await;
    site.agent(&site.admin, "ada").await;
    let (_, operations) = described(&site).await;
    let mut refused = 0;
    for (method, path, operation) in operations {
        if !matches!(method.as_str(), "post" | "put" | "patch") {
            continue;
        }
        let (upper, at) = (method.to_ascii_uppercase(), filled(&path, "ada"));
        let (status, told) = site.call(&site.admin, &upper, &at, Value::Null).await;
        let misses = told["detail"].as_array().into_iter().flatten();
        if status == 422 && misses.clone().any(|fault| fault["loc"][0] == "body") {
            refused += 1;
            assert_eq!(operation["requestBody"]["required"], true, "{method} {path}");
        }
    }
    assert!(refused > 20, "{refused}");
}

#[actix_web::test]
async fn each_place_of_a_path_is_a_parameter_and_no_reference_leads_nowhere() {
    let site = Site::new().await;
    let (api, operations) = described(&site).await;
    for (method, path, operation) in operations {
        let places = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let places: BTreeSet<_> =
            places.map(|name| name.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(places, parameters(&operation, "path"), "{method} {path}");
    }
    let mut left = vec![&api];
    while let Some(value) = left.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            let there = reference.strip_prefix('#').and_then(|pointer| api.pointer(pointer));
            assert!(there.is_some(), "{reference}");
        }
        match value {
            Value::Object(fields) => left.extend(fields.values()),
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
}

/// Of two types with one name, the description has the one that comes last, and says nothing.
#[test]
fn no_two_types_are_described_by_one_name() {
    fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                sources(&path, found);
            } else if !name.contains("tests") {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dialects/trinity");
    sources(Path::new(folder), &mut files);
    let mut names = BTreeMap::<String, Vec<&str>>::new();
    for (file, text) in &files {
        for derived in text.split("#[derive(").skip(1) {
            let Some((traits, rest)) = derived.split_once(")]") else { continue };
            if !traits.split(',').any(|one| one.trim().trim_start_matches("utoipa::") == "ToSchema")
            {
                continue;
            }
            let is_type = |line: &&str| line.contains("struct ") || line.contains("enum ");
            let head: Vec<_> = rest.lines().take_while(|line| !is_type(line)).collect();
            let line = rest.lines().find(is_type).unwrap();
            let renamed = head.iter().find_map(|line| line.split_once("as = "));
            let name = match renamed {
                Some((_, name)) => name,
                None => line.split_once("struct ").or_else(|| line.split_once("enum ")).unwrap().1,
            };
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            names.entry(name[..end].to_owned()).or_default().push(file);
        }
    }
    assert!(names.len() > 300, "{}", names.len());
    names.retain(|_, files| files.len() > 1);
    assert!(names.is_empty(), "{names:#?}");
}

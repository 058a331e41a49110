//! What a system is, as its manifest says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::dialects::trinity::schedules::NewSchedule;
use crate::organisation::NewView;
use crate::templates::yaml;

/// Agents of a system, and schedules and tags of each.
const AGENTS_MAX: usize = 50;
const SCHEDULES_MAX: usize = 50;
const TAGS_MAX: usize = 50;

/// Letters of a tag.
const TAG_MAX: usize = 50;

/// A system to be made.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) name: String,
    /// What each of its agents is told before anything else.
    pub(super) prompt: Option<String>,
    /// By their short names.
    pub(super) agents: BTreeMap<String, Member>,
    /// Whom each may call, by short names.
    pub(super) permissions: BTreeMap<String, BTreeSet<String>>,
    pub(super) default_tags: BTreeSet<String>,
    /// A view over its agents.
    pub(super) view: Option<NewView>,
}

/// One of its agents.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) template: String,
    pub(super) resources: Option<Value>,
    pub(super) exposes: Option<bool>,
    pub(super) consumes: Option<bool>,
    pub(super) schedules: Vec<NewSchedule>,
    pub(super) tags: BTreeSet<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// In words what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let said = yaml::read(text).map_err(|error| format!("Invalid YAML: {error}"))?;
        let said = said.as_object().ok_or("The manifest must be a mapping")?;
        let name = text_of(said, "name").ok_or("The manifest must have a 'name'")?;
        let agents = said.get("agents").and_then(Value::as_object);
        let agents = agents.filter(|agents| !agents.is_empty());
        let agents = agents.ok_or("The manifest must have at least one agent in 'agents'")?;
        if agents.len() > AGENTS_MAX {
            return Err(format!("A system has at most {AGENTS_MAX} agents"));
        }
        let agents = agents
            .iter()
            .map(|(short, said)| Ok((short.clone(), Member::of(short, said)?)))
            .collect::<Result<BTreeMap<_, _>, String>>()?;
        let mut default_tags = tags("default_tags", said.get("default_tags"))?;
        let view = said.get("system_view").filter(|view| !view.is_null() && **view != false);
        Ok(Self {
            view: view.map(|view| view_of(view, &name, &mut default_tags)).transpose()?,
            name,
            prompt: text_of(said, "prompt"),
            permissions: permissions(said.get("permissions"), &agents)?,
            default_tags,
            agents,
        })
    }
}

impl Member {
    fn of(short: &str, said: &Value) -> Result<Self, String> {
        let said = said.as_object().ok_or_else(|| format!("Agent '{short}' must be a mapping"))?;
        let template = text_of(said, "template")
            .ok_or_else(|| format!("Agent '{short}' must have a 'template'"))?;
        if !template.starts_with("local:") && !template.starts_with("github:") {
            return Err(format!(
                "The template of agent '{short}' must start with 'local:' or 'github:'"
            ));
        }
        let folders = said.get("folders");
        let flag = |key: &str| folders.and_then(|said| said.get(key)).and_then(Value::as_bool);
        let schedules = match said.get("schedules") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) if list.len() <= SCHEDULES_MAX => list
                .iter()
                .map(|said| planned(said).map_err(|error| format!("Agent '{short}': {error}")))
                .collect::<Result<_, _>>()?,
            Some(_) => {
                let told = format!("must be a list of at most {SCHEDULES_MAX}");
                return Err(format!("The schedules of agent '{short}' {told}"));
            }
        };
        Ok(Self {
            template,
            resources: said.get("resources").filter(|said| !said.is_null()).cloned(),
            exposes: flag("expose"),
            consumes: flag("consume"),
            schedules,
            tags: tags(&format!("tags of agent '{short}'"), said.get("tags"))?,
        })
    }
}

/// A schedule, as clients say it of one agent too; its expression may be called `cron`.
fn planned(said: &Value) -> Result<NewSchedule, String> {
    let said = said.as_object().ok_or("a schedule must be a mapping")?;
    let part = |key: &str| text_of(said, key).ok_or_else(|| format!("a schedule needs '{key}'"));
    let expression = text_of(said, "cron").or_else(|| text_of(said, "cron_expression"));
    let expression = expression.ok_or("a schedule needs 'cron'")?;
    let mut all = said.clone();
    for (key, value) in
        [("name", part("name")?), ("message", part("message")?), ("cron_expression", expression)]
    {
        all.insert(key.to_owned(), json!(value));
    }
    let planned: NewSchedule = serde_json::from_value(Value::Object(all))
        .map_err(|error| format!("a schedule: {error}"))?;
    planned.check().map_err(|error| format!("a schedule: {}", error.words()))?;
    Ok(planned)
}

/// A view over the agents of a system: of the tags that it names, or else of those that all have. Where
/// they have none, they are given one.
fn view_of(
    said: &Value,
    system: &str,
    default_tags: &mut BTreeSet<String>,
) -> Result<NewView, String> {
    let empty = Map::new();
    let said = match said {
        Value::Bool(true) => &empty,
        said => said.as_object().ok_or("system_view must be a mapping")?,
    };
    let named = said.get("filter_tags").or_else(|| said.get("tags"));
    let named = tags("system_view.filter_tags", named)?;
    if named.is_empty() && default_tags.is_empty() {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let tag: String = system.to_lowercase().chars().map(plain).take(TAG_MAX).collect();
        let tag = tag.trim_matches('-');
        if tag.is_empty() {
            return Err("system_view needs 'filter_tags': the name makes no tag".to_owned());
        }
        default_tags.insert(tag.to_owned());
    }
    let tags = if named.is_empty() { default_tags } else { &named };
    let is_shared = said.get("shared").or_else(|| said.get("is_shared")).and_then(Value::as_bool);
    Ok(NewView {
        name: text_of(said, "name").unwrap_or_else(|| system.to_owned()),
        description: text_of(said, "description"),
        icon: text_of(said, "icon"),
        color: text_of(said, "color"),
        tags: tags.iter().cloned().collect(),
        is_shared: is_shared.unwrap_or(true),
    })
}

/// Whom each agent may call: of a preset, or one by one.
fn permissions(
    said: Option<&Value>,
    agents: &BTreeMap<String, Member>,
) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let Some(said) = said.filter(|said| !said.is_null()) else { return Ok(BTreeMap::new()) };
    let said = said.as_object().ok_or("permissions must be a mapping")?;
    let others = |name: &str| -> BTreeSet<String> {
        agents.keys().filter(|other| *other != name).cloned().collect()
    };
    if let Some(explicit) = said.get("explicit").filter(|said| !said.is_null()) {
        return one_by_one(explicit, agents);
    }
    match text_of(said, "preset").as_deref() {
        None | Some("none") => Ok(BTreeMap::new()),
        Some("full-mesh") => Ok(agents.keys().map(|name| (name.clone(), others(name))).collect()),
        Some("orchestrator-workers") => {
            let name = "orchestrator".to_owned();
            if !agents.contains_key(&name) {
                let told = "permissions.preset orchestrator-workers needs an agent 'orchestrator'";
                return Err(told.to_owned());
            }
            let workers = others(&name);
            Ok(BTreeMap::from([(name, workers)]))
        }
        Some(other) => Err(format!(
            "permissions.preset '{other}' is none of full-mesh, orchestrator-workers, none"
        )),
    }
}

fn one_by_one(
    explicit: &Value,
    agents: &BTreeMap<String, Member>,
) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let told = "permissions.explicit must be a mapping of agents to lists of agents";
    let known = |name: &str| match agents.contains_key(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("permissions.explicit names '{name}', which is no agent of it")),
    };
    let explicit = explicit.as_object().ok_or(told)?;
    let mut permissions = BTreeMap::new();
    for (source, targets) in explicit {
        let targets = targets.as_array().ok_or(told)?.iter();
        let targets = targets
            .map(|target| known(target.as_str().ok_or(told)?))
            .filter(|target| target.as_ref() != Ok(source))
            .collect::<Result<BTreeSet<_>, String>>()?;
        permissions.insert(known(source)?, targets);
    }
    Ok(permissions)
}

fn tags(what: &str, said: Option<&Value>) -> Result<BTreeSet<String>, String> {
    let Some(said) = said.filter(|said| !said.is_null()) else { return Ok(BTreeSet::new()) };
    let is_tag = |tag: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !tag.is_empty() && tag.len() <= TAG_MAX && tag.chars().all(fits)
    };
    let list = said.as_array().filter(|list| list.len() <= TAGS_MAX);
    let tags = list.and_then(|list| {
        let tag = |tag: &Value| Some(tag.as_str()?.trim().to_lowercase()).filter(|tag| is_tag(tag));
        list.iter().map(tag).collect::<Option<_>>()
    });
    tags.ok_or_else(|| {
        format!("{what} must be a list of at most {TAGS_MAX} tags of letters, numbers, and hyphens")
    })
}

fn text_of(said: &Map<String, Value>, key: &str) -> Option<String> {
    let text = said.get(key)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_and_its_mistakes_told() {
        let manifest = Manifest::read(
            "
name: team
prompt: Be brief.
default_tags: [Team]
agents:
  orchestrator:
    template: local:default
    folders: {expose: true}
    schedules: [{name: daily, cron: '0 9 * * *', message: Go}]
  worker:
    template: github:a/b
    tags: [one]
permissions: {preset: orchestrator-workers}
",
        )
        .unwrap();
        assert_eq!((manifest.name.as_str(), manifest.agents.len()), ("team", 2));
        let workers = BTreeSet::from(["worker".to_owned()]);
        assert_eq!(manifest.permissions, BTreeMap::from([("orchestrator".to_owned(), workers)]));
        let first = manifest.agents.get("orchestrator").unwrap();
        assert_eq!((first.exposes, first.consumes, first.schedules.len()), (Some(true), None, 1));
        let one = "name: x\nagents: {a: {template: local:default}, b: {template: local:default}}\n";
        let mesh = Manifest::read(&format!("{one}permissions: {{preset: full-mesh}}")).unwrap();
        assert_eq!(mesh.permissions.len(), 2);
        let own =
            Manifest::read(&format!("{one}permissions: {{explicit: {{a: [b, a]}}}}")).unwrap();
        assert_eq!(own.permissions.get("a").unwrap().len(), 1);
        for (text, words) in [
            ("{", "Invalid YAML"),
            ("- a", "mapping"),
            ("agents: {}", "'name'"),
            ("name: x", "at least one agent"),
            ("name: x\nagents: {a: {}}", "'template'"),
            ("name: x\nagents: {a: {template: plain}}", "'local:' or 'github:'"),
            ("name: x\nagents: {a: {template: local:a, schedules: [{cron: x}]}}", "schedule"),
            ("name: x\nagents: {a: {template: local:a, tags: [a_b]}}", "hyphens"),
            (&format!("{one}permissions: {{preset: all}}"), "full-mesh"),
            (&format!("{one}permissions: {{preset: orchestrator-workers}}"), "'orchestrator'"),
            (&format!("{one}permissions: {{explicit: {{a: [c]}}}}"), "'c'"),
        ] {
            let told = Manifest::read(text).unwrap_err();
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}

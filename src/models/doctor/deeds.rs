//! What is asked for, as a call of a tool.
//!
//! Each form of a request is read by a function of its own. What is no request in one of these forms
//! is talk, and answered as such.

use greenroom_actors::character::slug;
use serde_json::{Map, Value, json};

use super::phrase::{
    after, after_any, around, around_last, begins, id_in, is_one_of, request, unquoted,
};
use super::timing::{self, When};

/// A call that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deed {
    pub(super) tool: &'static str,
    pub(super) want: Want,
}

/// With what.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Want {
    /// These arguments.
    Given(Map<String, Value>),
    /// The id of what these words describe, or the id itself.
    Described(String),
    /// To be told something at a time.
    Timed(When, String),
}

/// Agents that are asked at once.
const ASKED_MAX: usize = 8;

/// Words after "tell" and "ask" that name nobody on this host.
const NOBODY: [&str; 16] = [
    "me",
    "us",
    "him",
    "her",
    "them",
    "it",
    "everyone",
    "everybody",
    "someone",
    "your",
    "my",
    "the",
    "a",
    "an",
    "yourself",
    "people",
];

/// What `text`, told to whoever has that name, asks for.
pub(super) fn asked(text: &str, name: &str) -> Option<Deed> {
    let text = request(text, name);
    let forms: [fn(&str) -> Option<Deed>; 15] = [
        goal, timed, triggers, cancelled, recalled, remembered, forgotten, lists, fetched, said,
        written, read, deleted, told, asking,
    ];
    forms.iter().find_map(|form| form(text))
}

fn deed(tool: &'static str, arguments: Value) -> Option<Deed> {
    let Value::Object(arguments) = arguments else { return None };
    Some(Deed { tool, want: Want::Given(arguments) })
}

fn goal(text: &str) -> Option<Deed> {
    let goal = after_any(
        text,
        &[
            "set yourself the goal to",
            "set yourself a goal to",
            "set the goal to",
            "set a goal to",
            "set a goal",
            "make it your goal to",
            "your goal is to",
            "your new goal is to",
        ],
    )?;
    deed("set_goal", json!({"text": unquoted(goal)}))
}

fn timed(text: &str) -> Option<Deed> {
    let rest = after_any(text, &["remind me", "remind us", "remind yourself"])?;
    let (when, what) = timing::read(rest)?;
    Some(Deed { tool: "schedule_trigger", want: Want::Timed(when, what) })
}

fn triggers(text: &str) -> Option<Deed> {
    let rest = after_any(text, &["list", "show me", "show", "what are", "which are"])?;
    let rest = after_any(rest, &["all your", "all my", "your", "my", "the", "all"]).unwrap_or(rest);
    let is_meant = is_one_of(rest, &["reminders", "triggers", "schedules"]);
    is_meant.then(|| deed("list_triggers", json!({})))?
}

fn cancelled(text: &str) -> Option<Deed> {
    let rest = after_any(text, &["cancel", "delete", "remove", "stop"])?;
    let rest = after_any(rest, &["the", "my", "your"]).unwrap_or(rest);
    let rest = after_any(rest, &["reminder", "trigger"])?;
    let rest = after_any(rest, &["to", "about", "of", "for"]).unwrap_or(rest);
    Some(Deed { tool: "cancel_trigger", want: Want::Described(unquoted(rest).to_owned()) })
}

fn recalled(text: &str) -> Option<Deed> {
    let about = after_any(
        text,
        &[
            "what do you remember about",
            "what do you remember of",
            "what can you remember about",
            "what do you know about",
            "what did i tell you about",
            "what have i told you about",
            "do you remember",
            "recall",
        ],
    )?;
    deed("recall", json!({"query": unquoted(about)}))
}

fn remembered(text: &str) -> Option<Deed> {
    let what = after_any(
        text,
        &["remember that", "remember", "keep in mind that", "make a note that", "note that"],
    )?;
    // Said to somebody who remembers, rather than to be remembered.
    if begins(what, &["when", "how", "me", "us", "the time", "why"]) {
        return None;
    }
    deed("remember", json!({"text": sentence(unquoted(what))}))
}

fn forgotten(text: &str) -> Option<Deed> {
    let what =
        after_any(text, &["forget that", "forget about", "forget what i said about", "forget"])?;
    let is_meant = !is_one_of(what, &["it", "that", "this", "me", "about it", "everything"]);
    is_meant.then(|| Deed { tool: "forget", want: Want::Described(unquoted(what).to_owned()) })
}

fn lists(text: &str) -> Option<Deed> {
    if is_one_of(text, &["what files do you have", "which files do you have"]) {
        return deed("list_files", json!({}));
    }
    let rest = after_any(text, &["list", "show me", "show", "which", "what"])?;
    let rest = after_any(rest, &["all your", "all my", "your", "my", "the", "all", "other"])
        .unwrap_or(rest);
    if is_one_of(rest, &["files"]) {
        return deed("list_files", json!({}));
    }
    if let Some(folder) = after_any(rest, &["files in the folder", "files in", "files of"]) {
        return deed("list_files", json!({"path": unquoted(folder)}));
    }
    if is_one_of(rest, &["channels", "channels are there", "channels are you in"]) {
        return deed("list_channels", json!({}));
    }
    let agents = ["agents", "other agents", "agents are there", "agents do you know"];
    is_one_of(rest, &agents).then(|| deed("list_agents", json!({})))?
}

fn fetched(text: &str) -> Option<Deed> {
    let verbs = ["fetch", "get", "open", "read", "load", "visit", "look at", "download"];
    let rest = after_any(text, &verbs)?;
    let rest = after_any(rest, &["the page", "the address", "the url"]).unwrap_or(rest);
    let address = unquoted(rest);
    let has_scheme = address.starts_with("http://") || address.starts_with("https://");
    if address.contains(char::is_whitespace) {
        return None;
    }
    if has_scheme {
        return deed("fetch_url", json!({"url": address}));
    }
    // Only this verb says that it is on the web.
    let is_host = after(text, "fetch").is_some() && address.contains('.');
    is_host.then(|| deed("fetch_url", json!({"url": format!("https://{address}")})))?
}

fn said(text: &str) -> Option<Deed> {
    if let Some(rest) = after_any(text, &["tell the channel", "tell channel"]) {
        let (channel, words) = around(rest, "that")?;
        return deed("send_to_channel", json!({"channel": channel, "text": unquoted(words)}));
    }
    let rest = after_any(text, &["say", "post", "send", "write"])?;
    let places = ["in the channel", "to the channel", "in channel", "to channel"];
    let found = places.iter().find_map(|words| around_last(rest, words));
    let (words, channel) = match found {
        Some(found) => found,
        // Without the word it is one by its sign alone.
        None => ["in", "to"]
            .iter()
            .find_map(|word| around_last(rest, word))
            .filter(|(_, channel)| channel.starts_with('#'))?,
    };
    deed("send_to_channel", json!({"channel": unquoted(channel), "text": unquoted(words)}))
}

fn written(text: &str) -> Option<Deed> {
    let (tool, rest) = match after_any(text, &["append", "add"]) {
        Some(rest) => ("append_to_file", rest),
        None => ("write_file", after_any(text, &["write", "save", "put", "store"])?),
    };
    let with_word = ["to the file", "into the file", "in the file", "to a file called", "to file"];
    let named = with_word.iter().find_map(|words| around_last(rest, words));
    let bare = || {
        let mut found = ["to", "into", "in"].iter().filter_map(|word| around_last(rest, word));
        found.find(|(_, path)| is_file_name(unquoted(path)))
    };
    let (content, path) = named.or_else(bare)?;
    let path = unquoted(path);
    if path.is_empty() || path.contains(char::is_whitespace) {
        return None;
    }
    deed(tool, json!({"path": path, "content": unquoted(content)}))
}

fn read(text: &str) -> Option<Deed> {
    let rest = after_any(
        text,
        &["read me", "read", "open", "show me", "show", "what is in", "what's in", "what does"],
    )?;
    let path = file(rest.strip_suffix(" say").unwrap_or(rest))?;
    deed("read_file", json!({"path": path}))
}

fn deleted(text: &str) -> Option<Deed> {
    let path = file(after_any(text, &["delete", "remove"])?)?;
    deed("delete_file", json!({"path": path}))
}

/// The path of a file: any after the word, or one that looks like one.
fn file(text: &str) -> Option<&str> {
    let named = after_any(text, &["the file", "file", "your file", "my file"]).map(unquoted);
    let path = named.or_else(|| Some(unquoted(text)).filter(|path| is_file_name(path)))?;
    (!path.is_empty() && !path.contains(char::is_whitespace)).then_some(path)
}

fn is_file_name(text: &str) -> bool {
    let inner = text.trim_matches('.');
    !text.contains(char::is_whitespace) && (inner.contains('.') || inner.contains('/'))
}

fn told(text: &str) -> Option<Deed> {
    let (to, words) = if let Some(rest) = after_any(text, &["let"]) {
        around(rest, "know that")?
    } else {
        let rest = after_any(text, &["tell", "message", "write to", "send a message to"])?;
        match rest.split_once(':') {
            Some((to, words)) if !to.contains(char::is_whitespace) => (to, words.trim()),
            _ => around(rest, "that").or_else(|| around(rest, "to"))?,
        }
    };
    let is_name = to.split_whitespace().count() <= 3 && !begins(to, &NOBODY);
    let to = slug(unquoted(to));
    let is_whole = is_name && !to.is_empty() && !words.is_empty();
    is_whole.then(|| deed("send_message", json!({"to": to, "text": sentence(unquoted(words))})))?
}

fn asking(text: &str) -> Option<Deed> {
    let rest = after_any(text, &["ask"])?;
    let begin = [
        "to", "whether", "if", "about", "what", "who", "when", "where", "why", "how", "for",
        "which",
    ];
    let (names, words) = match rest.split_once(':') {
        Some((names, words)) => (names, words.trim().to_owned()),
        None => {
            let splits = begin.iter().filter_map(|word| {
                let (names, words) = around(rest, word)?;
                let words =
                    if *word == "to" { words.to_owned() } else { format!("{word} {words}") };
                Some((names, words))
            });
            splits.min_by_key(|(names, _)| names.len())?
        }
    };
    let names = names.replace(" and ", ",");
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
    let is_meant = !names.is_empty()
        && names.len() <= ASKED_MAX
        && names.iter().all(|n| n.split_whitespace().count() <= 3 && !begins(n, &NOBODY));
    let to: Vec<String> = names.iter().map(|name| slug(unquoted(name))).collect();
    let is_whole = is_meant && !words.is_empty() && to.iter().all(|to| !to.is_empty());
    is_whole.then(|| deed("ask_agents", json!({"to": to, "text": sentence(&words)})))?
}

/// The words as a sentence of their own.
fn sentence(text: &str) -> String {
    super::persona::sentence(text)
}

/// What its own answers begin with, which are remembered as well.
pub(super) const NOTED: &str = "I have noted it";
pub(super) const RECALLED: &str = "This is what I remember";
pub(super) const NOTHING: &str = "I remember nothing about";
pub(super) const NOT_FOUND: &str = "I find nothing like that";

/// Whether something remembered says anything: neither a request nor its own answer to one.
pub(super) fn says_something(text: &str, name: &str) -> bool {
    let is_own = [NOTED, RECALLED, NOTHING, NOT_FOUND].iter().any(|own| text.starts_with(own));
    !is_own && asked(text, name).is_none()
}

/// Which of the lines of a listing these words describe: its id.
///
/// The one that has most of the words, of those that say something.
pub(super) fn described(words: &str, listing: &str, name: &str) -> Option<String> {
    if let Some(id) = id_in(words) {
        return Some(id.to_string());
    }
    let key = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words.filter(|word| word.len() > 2).map(str::to_lowercase).collect()
    };
    let wanted = key(words);
    let shared = |line: &str| {
        let line = key(line);
        wanted.iter().filter(|word| line.contains(word)).count()
    };
    let lines = listing.lines().filter_map(|line| {
        let text = line.trim_start_matches("- ");
        let text = text.split(" (id ").next().unwrap_or(text);
        let says_something = says_something(text, name);
        Some((shared(line), id_in(line)?)).filter(|(shared, _)| *shared > 0 && says_something)
    });
    // Of several that are as good, the first: it was listed first for a reason.
    let best = lines.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, id)| id.to_string())
}

#[cfg(test)]
#[path = "deeds_tests.rs"]
mod tests;

//! Which id of ours stands for which id of the recording.
//!
//! Ids that a client chose, or that follow from a name, are the same in both. Ids that follow from
//! another id follow from ours. All others the server made: the first time that one is met decides.
//! Names of uploaded files are such ids too.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use greenroom_actors::ids::{AgentId, seen_by};
use regex::{Captures, Regex};
use uuid::Uuid;

static ID: LazyLock<Regex> = LazyLock::new(|| {
    let uuid = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
    let file = r"\b\d{13}-\d{1,9}\b";
    Regex::new(&format!("{uuid}|{file}")).unwrap()
});

static MOMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b179\d{10}\b").unwrap());

static SHORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[0-9a-f]{8}\b").unwrap());

/// Characters of an id that stand for it in names.
const SHORT_LENGTH: usize = 8;

#[derive(Clone, Debug, Default)]
pub(crate) struct Binder {
    /// Theirs to ours.
    known: BTreeMap<String, String>,
    /// Agents, whose view of an id has an id of its own.
    agents: Vec<String>,
    /// Entity tags, theirs to ours.
    tags: BTreeMap<String, String>,
    /// When something was made, theirs to ours, in milliseconds.
    moments: BTreeMap<i64, i64>,
}

impl Binder {
    /// An agent whose id is the same in both.
    pub(crate) fn agent(&mut self, id: &str) {
        self.known.insert(id.to_owned(), id.to_owned());
        self.agents.push(id.to_owned());
    }

    /// That an answer was tagged so in the recording, and here.
    pub(crate) fn tagged(&mut self, theirs: &str, ours: &str) {
        self.tags.insert(theirs.to_owned(), ours.to_owned());
    }

    /// What stands for a tag of theirs.
    pub(crate) fn tag(&self, theirs: &str) -> Option<String> {
        self.tags.get(theirs).cloned()
    }

    /// Every id in the text is one that the client chose, unless it is known as another.
    pub(crate) fn chosen(&mut self, text: &str) {
        for id in ID.find_iter(text) {
            let id = id.as_str().to_owned();
            if self.ours(&id).is_none() {
                self.known.insert(id.clone(), id);
            }
        }
    }

    /// A text of the recording as it would be here.
    pub(crate) fn translated(&self, text: &str) -> String {
        let whole = ID.replace_all(text, |found: &Captures<'_>| {
            self.ours(&found[0]).unwrap_or_else(|| found[0].to_owned())
        });
        let short = SHORT.replace_all(&whole, |found: &Captures<'_>| {
            let mut known = self.known.iter().filter(|(theirs, _)| theirs.starts_with(&found[0]));
            match known.next() {
                // Translated already, as the beginning of a whole one.
                _ if self.known.values().any(|ours| ours.starts_with(&found[0])) => {
                    found[0].to_owned()
                }
                Some((_, ours)) => ours[..SHORT_LENGTH].to_owned(),
                None => found[0].to_owned(),
            }
        });
        let moved = MOMENT.replace_all(&short, |found: &Captures<'_>| {
            self.moved(found[0].parse().unwrap()).to_string()
        });
        moved.into_owned()
    }

    /// That something was made then in the recording, and then here.
    pub(crate) fn moment(&mut self, theirs: i64, ours: i64) {
        self.moments.entry(theirs).or_insert(ours);
    }

    /// A moment as near to the same thing as theirs was.
    fn moved(&self, theirs: i64) -> i64 {
        let near = (-1..=1).find_map(|off| Some(self.moments.get(&(theirs + off))? - off));
        near.unwrap_or(theirs)
    }

    /// Whether `ours` can stand where `theirs` stood; what is met for the first time is bound.
    pub(crate) fn agrees(&mut self, theirs: &str, ours: &str) -> bool {
        let (mut left, mut right) = (ID.find_iter(theirs), ID.find_iter(ours));
        let mut fresh = Vec::new();
        loop {
            match (left.next(), right.next()) {
                (None, None) => break,
                (Some(theirs), Some(ours)) => match self.ours(theirs.as_str()) {
                    Some(expected) if expected == ours.as_str() => {}
                    Some(_) => return false,
                    None => fresh.push((theirs.as_str().to_owned(), ours.as_str().to_owned())),
                },
                _ => return false,
            }
        }
        let mut known = self.clone();
        for (theirs, ours) in fresh {
            // One of ours cannot stand for two of theirs.
            if known.known.values().any(|taken| *taken == ours) {
                return false;
            }
            known.known.insert(theirs, ours);
        }
        let agrees = known.translated(theirs) == ours;
        if agrees {
            *self = known;
        }
        agrees
    }

    /// What stands for an id of theirs, if that is decided.
    fn ours(&self, theirs: &str) -> Option<String> {
        if let Some(ours) = self.known.get(theirs) {
            return Some(ours.clone());
        }
        if let Some((_, ours)) =
            self.known.iter().find(|(known, _)| known.eq_ignore_ascii_case(theirs))
        {
            return Some(ours.clone());
        }
        self.known.iter().find_map(|(base, ours)| {
            self.agents.iter().find_map(|agent| {
                let agent = AgentId(Uuid::parse_str(agent).unwrap());
                let is_seen = seen_by(agent, base).to_string() == theirs;
                is_seen.then(|| seen_by(agent, ours).to_string())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "52b464d2-13a3-0603-8af4-cc4004c65c52";
    const THEIRS: &str = "29aa35f6-da28-414a-86df-d2f246db8bb8";
    const OURS: &str = "11111111-1111-4111-8111-111111111111";
    const OTHER: &str = "22222222-2222-4222-8222-222222222222";
    /// The agent's room of THEIRS, as recorded.
    const ROOM: &str = "653db6e9-54e7-08de-9041-0fdb47ead3c2";

    fn binder() -> Binder {
        let mut binder = Binder::default();
        binder.agent(AGENT);
        binder
    }

    #[test]
    fn an_id_is_bound_when_first_met_and_holds() {
        let mut binder = binder();
        assert!(binder.agrees(THEIRS, OURS));
        assert!(binder.agrees(THEIRS, OURS));
        assert!(!binder.agrees(THEIRS, OTHER), "it is another now");
        assert!(!binder.agrees(OTHER, OURS), "one stands for two");
        assert!(binder.agrees("Channel 29aa35f6", "Channel 11111111"));
        assert!(!binder.agrees("Channel 29aa35f6", "Channel 22222222"));
        assert_eq!(binder.translated(&format!("/rooms/{THEIRS}/x")), format!("/rooms/{OURS}/x"));
    }

    #[test]
    fn ids_that_do_not_change_are_held_to_it() {
        let mut binder = binder();
        assert!(!binder.agrees(AGENT, OURS));
        binder.chosen(&format!("{{\"id\":\"{OTHER}\"}}"));
        assert!(!binder.agrees(OTHER, OURS));
        assert!(binder.agrees(OTHER, OTHER));
    }

    #[test]
    fn an_id_seen_by_an_agent_follows_from_ours() {
        let mut binder = binder();
        assert!(binder.agrees(THEIRS, OURS));
        let seen = seen_by(AgentId(Uuid::parse_str(AGENT).unwrap()), OURS).to_string();
        assert!(!binder.agrees(ROOM, OTHER), "it is not derived");
        assert!(binder.agrees(ROOM, &seen));
    }

    #[test]
    fn names_of_files_are_bound_as_ids_are() {
        let mut binder = binder();
        let (theirs, ours) = ("1795322053695-578207721.png", "1795400000000-7.png");
        assert!(!binder.agrees(theirs, "1795400000000-7.txt"));
        assert!(binder.agrees(theirs, ours));
        assert_eq!(binder.translated(&format!("/media/{theirs}")), format!("/media/{ours}"));
        binder.tagged("W/\"a\"", "\"b\"");
        assert_eq!(binder.tag("W/\"a\"").as_deref(), Some("\"b\""));
    }

    #[test]
    fn moments_follow_what_was_made_then() {
        let mut binder = binder();
        binder.moment(1_795_321_950_269, 1_795_400_000_000);
        for (theirs, ours) in [
            ("?after=1795321950269&limit=3", "?after=1795400000000&limit=3"),
            ("?before=1795321950270", "?before=1795400000001"),
            ("?before=1795321950300", "?before=1795321950300"),
        ] {
            assert_eq!(binder.translated(theirs), ours);
        }
    }

    #[test]
    fn other_texts_are_equal_or_not() {
        let mut binder = binder();
        assert!(binder.agrees("Agent not found", "Agent not found"));
        assert!(!binder.agrees("Agent not found", "agent not found"));
        assert!(!binder.agrees("Agent not found", &format!("Agent {OURS} not found")));
        assert!(!binder.agrees(&format!("{THEIRS} a"), &format!("{OURS} b")));
    }
}

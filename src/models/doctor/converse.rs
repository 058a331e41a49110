//! Answering somebody.

use std::sync::LazyLock;

use greenroom_actors::character::Character;
use greenroom_actors::ports::{Role, Turn};
use serde_json::Value;

use super::pattern::Pattern;
use super::persona::{filled, sentence, topics};
use super::reflection::reflected;
use super::script::{COMING_BACK, ON_TOPIC, OPENINGS, Part, REMARKS, RULES, Rule};
use super::words::{Word, capitalised, clauses, cycled, joined};

/// A topic that was mentioned outranks every keyword of a lower rank.
const TOPIC_RANK: u8 = 4;

/// Sample conversations that are looked at.
const EXAMPLES_MAX: usize = 64;

/// Bytes of a tool's answer that are told on.
const TOLD_MAX_BYTES: usize = 400;

/// Bytes that no answer of its own reaches.
const OWN_MAX_BYTES: usize = 4_096;

/// All parts of all rules with their forms read, the rules by rank.
static PARTS: LazyLock<Vec<(&'static Rule, &'static Part, Pattern)>> = LazyLock::new(|| {
    let mut rules: Vec<&Rule> = RULES.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.rank));
    let parts = |rule: &'static Rule| rule.parts.iter().map(move |part| (rule, part));
    rules
        .into_iter()
        .flat_map(parts)
        .map(|(rule, part)| (rule, part, Pattern::new(part.form)))
        .collect()
});

/// What the rules make of a text: the part that fits, by its place, and what its places hold.
struct Finding {
    place: usize,
    rank: u8,
    answers: &'static [&'static str],
    held: Vec<String>,
}

/// The answer of `character` to the last of `turns`.
pub(super) fn reply(character: &Character, turns: &[Turn]) -> String {
    let heard: Vec<&Turn> = turns.iter().filter(|turn| turn.role != Role::Assistant).collect();
    let speech = Speech { character, turns };
    let Some((last, earlier)) = heard.split_last() else {
        return speech.one_of(OPENINGS, &[], 0);
    };
    if last.role == Role::Tool {
        return told(&last.text);
    }
    if let Some(answer) = example(character, &last.text) {
        return answer;
    }
    let found = finding(&last.text);
    if found.as_ref().is_none_or(|found| found.rank < TOPIC_RANK)
        && let Some(topic) = mentioned(character, &last.text)
    {
        return speech.one_of(ON_TOPIC, &[topic], earlier.len());
    }
    if let Some(found) = found {
        let before = earlier.iter().filter_map(|turn| finding(&turn.text));
        let times = before.filter(|before| before.place == found.place).count();
        return speech.one_of(found.answers, &found.held, times);
    }
    // Nothing to hold on to: every other time something from earlier, if there is any.
    let statements: Vec<String> = earlier.iter().filter_map(|turn| statement(&turn.text)).collect();
    if earlier.len() % 2 == 1
        && let Some(kept) = cycled(&statements, earlier.len() / 2)
    {
        return speech.one_of(COMING_BACK, std::slice::from_ref(kept), earlier.len() / 2);
    }
    speech.one_of(REMARKS, &[], earlier.len())
}

/// Who speaks, after what.
pub(super) struct Speech<'a> {
    pub(super) character: &'a Character,
    pub(super) turns: &'a [Turn],
}

impl Speech<'_> {
    /// One of the answers, beginning with the one whose turn it is: the first that can be put
    /// together and was not said yet, or at least was not said last.
    pub(super) fn one_of(&self, answers: &[&str], held: &[String], turn: usize) -> String {
        let made = |place: usize| {
            let answer = cycled(answers, turn.wrapping_add(place))?;
            put_together(answer, held, self.character, turn)
        };
        let all = || (0..answers.len()).filter_map(made);
        // Its own answers are short; longer ones came from another model.
        let is_own = |turn: &&Turn| turn.role == Role::Assistant && turn.text.len() < OWN_MAX_BYTES;
        let own = || self.turns.iter().filter(is_own);
        let was_said = |answer: &String| own().any(|turn| turn.text.contains(answer));
        let was_last = |answer: &String| own().next_back().is_some_and(|t| t.text.contains(answer));
        all()
            .find(|answer| !was_said(answer))
            .or_else(|| all().find(|answer| !was_last(answer)))
            .or_else(|| all().next())
            .unwrap_or_else(|| "Go on.".to_owned())
    }
}

/// Puts an answer together; `None` if it needs something that is not there.
fn put_together(
    answer: &str,
    held: &[String],
    character: &Character,
    place: usize,
) -> Option<String> {
    let mut text = String::new();
    // What was heard goes in last: a dollar or a brace in it means nothing.
    let mut parts = answer.split('$');
    text.push_str(&filled(parts.next()?, character, place)?);
    for part in parts {
        let (digit, rest) = part.split_at_checked(1)?;
        let nth: usize = digit.parse().ok()?;
        text.push_str(held.get(nth.checked_sub(1)?).filter(|held| !held.is_empty())?);
        text.push_str(&filled(rest, character, place)?);
    }
    Some(capitalised(&text))
}

/// The part of highest rank that fits a clause of `text`; among equals, of the earliest clause.
fn finding(text: &str) -> Option<Finding> {
    let clauses = clauses(text);
    let has_key = |clause: &[Word], rule: &Rule| {
        clause.iter().any(|word| rule.keys.contains(&word.key.as_str()))
    };
    PARTS.iter().enumerate().find_map(|(place, (rule, part, pattern))| {
        let mut fitting = clauses.iter().filter(|clause| has_key(clause, rule));
        let held = fitting.find_map(|clause| pattern.taken_apart(clause))?;
        let held = held.into_iter().map(reflected).collect();
        Some(Finding { place, rank: rule.rank, answers: part.answers, held })
    })
}

/// The topic of the character that `text` mentions.
fn mentioned(character: &Character, text: &str) -> Option<String> {
    let said: Vec<Word> = clauses(text).into_iter().flatten().collect();
    topics(character).into_iter().find(|topic| {
        let topic: Vec<Word> = clauses(topic).into_iter().flatten().collect();
        let same = |(one, two): (&Word, &Word)| one.key == two.key;
        !topic.is_empty()
            && said.windows(topic.len()).any(|words| words.iter().zip(&topic).all(same))
    })
}

/// A statement about whoever said it, with the persons exchanged: worth coming back to.
pub(super) fn statement(text: &str) -> Option<String> {
    let speaks_of_self = |clause: &&Vec<Word>| {
        clause.len() > 2 && clause.iter().any(|word| matches!(word.key.as_str(), "i" | "my"))
    };
    let asks = |clause: &Vec<Word>| {
        let first = clause.first().map(|word| word.key.as_str());
        matches!(
            first,
            Some("what" | "who" | "why" | "how" | "where" | "when" | "can" | "do" | "am")
        )
    };
    let clauses = clauses(text);
    let clause = clauses.iter().filter(speaks_of_self).find(|clause| !asks(clause))?;
    let joins =
        |word: &Word| matches!(word.key.as_str(), "because" | "and" | "so" | "that" | "well");
    match clause.split_first() {
        Some((first, rest)) if joins(first) => Some(reflected(rest)),
        _ => Some(reflected(clause)),
    }
}

/// The answer of a sample conversation that begins with the same words.
fn example(character: &Character, text: &str) -> Option<String> {
    let key = |text: &str| joined(&clauses(text).concat()).to_lowercase();
    let said = Some(key(text)).filter(|said| !said.is_empty())?;
    let text_of = |turn: &Value| turn.pointer("/content/text")?.as_str().map(str::to_owned);
    let examples = character.message_examples.iter().flatten().take(EXAMPLES_MAX);
    examples.filter_map(Value::as_array).find_map(|turns| {
        let [asked, answered, ..] = turns.as_slice() else { return None };
        let asked = text_of(asked)?;
        (key(&asked) == said).then(|| text_of(answered)).flatten().map(|answer| sentence(&answer))
    })
}

fn told(text: &str) -> String {
    let text = text.trim();
    match text.get(..text.floor_char_boundary(TOLD_MAX_BYTES)).unwrap_or_default() {
        "" => "I have looked, and found nothing.".to_owned(),
        found => format!("This is what I found: {found}"),
    }
}

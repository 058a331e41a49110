//! Working for a goal, or because it is time, with nobody to answer.
//!
//! A goal that is a plain request is carried out and finished. For any other, rules cannot do more
//! than take notes: it takes a few, and then says that it has nothing further and rests.

use greenroom_actors::ports::{Prompt, Role, ToolCall, Turn};
use serde_json::{Value, json};

use super::acting::{self, Act, FAILED};
use super::deeds::asked;
use super::muse;
use super::persona::sentence;
use super::phrase::{after, id_in, request};

/// Notes on one goal, after which there is nothing further to say.
const NOTES_MAX: usize = 3;

/// Seconds that it rests then.
const REST_S: u64 = 86_400;

/// What the goals stand behind in what a model is told.
const GOALS: &str = "\nYour goals:\n";

/// What to do next; `None` if there is nothing but to think.
pub(super) fn next(prompt: &Prompt, turns: &[Turn]) -> Option<Act> {
    let is_own_call = |turn: &Turn| turn.role == Role::Tool || !turn.tool_calls.is_empty();
    let begun = turns.iter().rposition(|turn| !is_own_call(turn)).map_or(0, |last| last + 1);
    let (before, since) = turns.split_at_checked(begun)?;
    if let Some(told) = before.last().filter(|turn| turn.role == Role::User) {
        // What it is to do now, as a trigger says it.
        if let Some(words) = after(request(&told.text, &prompt.character.name), "say") {
            return Some(Act::Say(sentence(words)));
        }
        return acting::next(prompt, turns);
    }
    let goals = goals(&prompt.system);
    // Which of them follows from how much was thought before, and so changes from run to run.
    let nth = before.len().checked_rem(goals.len())?;
    Some(goals.get(nth)?.work(prompt, before, since))
}

/// Something that it works for.
struct Goal<'a> {
    text: &'a str,
    id: String,
}

/// The goals that stand in what a model is told: a line for each, its id last.
fn goals(system: &str) -> Vec<Goal<'_>> {
    let Some((_, list)) = system.split_once(GOALS) else { return Vec::new() };
    let lines = list.lines().map_while(|line| line.strip_prefix("- "));
    lines
        .filter_map(|line| {
            let (text, id) = line.rsplit_once(" (id ")?;
            Some(Goal { text: text.trim(), id: id_in(id)?.to_string() })
        })
        .collect()
}

impl Goal<'_> {
    fn work(&self, prompt: &Prompt, before: &[Turn], since: &[Turn]) -> Act {
        let outcomes: Vec<&Turn> = since.iter().filter(|turn| turn.role == Role::Tool).collect();
        let called = since.iter().flat_map(|turn| &turn.tool_calls).next_back();
        if let Some(deed) = asked(self.text, &prompt.character.name) {
            if called.is_some_and(|call| call.name == "finish_goal") {
                return Act::Say(format!("I am done with my goal: {}", sentence(self.text)));
            }
            return match acting::carry_on(prompt, deed, &outcomes) {
                Act::Say(words) => {
                    let failed = outcomes.last().is_some_and(|last| last.text.starts_with(FAILED));
                    let is_reached = !outcomes.is_empty() && !failed;
                    let arguments =
                        json!({"id": self.id, "outcome": words, "is_reached": is_reached});
                    call(prompt, "finish_goal", arguments, since).unwrap_or(Act::Say(words))
                }
                call => call,
            };
        }
        let is_about = |turn: &&Turn| turn.role == Role::Assistant && turn.text.contains(self.text);
        let is_called = called.is_some();
        if before.iter().filter(is_about).count() < NOTES_MAX {
            let thought = muse::thought(&prompt.character, before);
            let note = json!({"text": format!("On my goal ({}): {thought}", self.text)});
            let taken = format!("I took a note on my goal ({}): {thought}", self.text);
            let remember = || call(prompt, "remember", note, since);
            return (!is_called).then(remember).flatten().unwrap_or(Act::Say(taken));
        }
        let rests = || call(prompt, "rest", json!({"id": self.id, "seconds": REST_S}), since);
        let words = format!("I have nothing further for my goal ({}).", self.text);
        (!is_called).then(rests).flatten().unwrap_or(Act::Say(words))
    }
}

/// A call of a tool, if it is offered.
fn call(prompt: &Prompt, tool: &str, arguments: Value, since: &[Turn]) -> Option<Act> {
    prompt.tools.iter().find(|offered| offered.name == tool)?;
    let id = format!("doctor-{}", since.len() + 1);
    Some(Act::Call(ToolCall { id, name: tool.to_owned(), arguments }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use greenroom_actors::character::Character;
    use greenroom_actors::figures::Tally;
    use greenroom_actors::ports::{Bounds, Purpose, ToolSpec};
    use serde_json::Map;

    use super::*;

    const ID: &str = "6b29fc40-ca47-1067-b31d-00dd010662da";

    fn prompt(goal: Option<&str>, turns: Vec<Turn>) -> Prompt {
        let tools = ["remember", "write_file", "finish_goal", "rest"].map(|name| ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters: json!({}),
        });
        let goals = goal.map(|goal| format!("\n\nYour goals:\n- {goal} (id {ID})"));
        Prompt {
            model: None,
            purpose: Purpose::Work,
            character: Arc::new(Character::named("Ada")),
            system: format!("You are Ada.{}\n\nDo it.", goals.unwrap_or_default()),
            may_ignore: false,
            is_single_attempt: false,
            turns,
            tools: tools.into(),
            settings: Map::new(),
            tally: Tally::default(),
            bounds: Bounds::default(),
        }
    }

    /// One run: the calls that it makes, and what it says.
    fn run(goal: Option<&str>, turns: &mut Vec<Turn>, outcome: &str) -> (Vec<ToolCall>, String) {
        let mut prompt = prompt(goal, turns.clone());
        let mut calls = Vec::new();
        loop {
            match next(&prompt, &prompt.turns) {
                Some(Act::Call(call)) => {
                    let mut asks = Turn::new(Role::Assistant, "");
                    asks.tool_calls = vec![call.clone()];
                    let mut answers = Turn::new(Role::Tool, outcome);
                    answers.answers = Some(call.id.clone());
                    prompt.turns.extend([asks, answers]);
                    calls.push(call);
                    assert!(calls.len() < 5, "{calls:?}");
                }
                Some(Act::Say(words)) => {
                    turns.push(Turn::new(Role::Assistant, words.clone()));
                    return (calls, words);
                }
                None => return (calls, String::new()),
            }
        }
    }

    #[test]
    fn a_goal_is_noted_a_few_times_and_then_it_rests() {
        let mut turns = Vec::new();
        let mut notes = Vec::new();
        for _ in 0..NOTES_MAX {
            let (calls, words) = run(Some("learn Greek"), &mut turns, "Remembered.");
            let [call] = calls.as_slice() else { panic!("{calls:?}") };
            assert_eq!(call.name, "remember");
            notes.push(call.arguments["text"].clone());
            assert!(words.starts_with("I took a note on my goal (learn Greek)"), "{words}");
        }
        assert!(notes.windows(2).all(|two| two[0] != two[1]), "{notes:?}");
        let (calls, words) = run(Some("learn Greek"), &mut turns, "The goal rests.");
        assert_eq!(calls[0].name, "rest");
        assert_eq!(calls[0].arguments, json!({"id": ID, "seconds": REST_S}));
        assert_eq!(words, "I have nothing further for my goal (learn Greek).");
    }

    #[test]
    fn a_goal_that_is_a_request_is_carried_out_and_finished() {
        for (outcome, is_reached) in [("written", true), ("Error: full", false)] {
            let mut turns = Vec::new();
            let (calls, words) = run(Some("write hello to a.txt"), &mut turns, outcome);
            let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
            assert_eq!(names, ["write_file", "finish_goal"], "{outcome}");
            assert_eq!(calls[1].arguments["is_reached"], json!(is_reached));
            assert_eq!(words, "I am done with my goal: Write hello to a.txt.");
        }
    }

    #[test]
    fn what_a_trigger_says_is_done() {
        let mut turns = vec![Turn::new(Role::User, "Say: it is time to drink water.")];
        assert_eq!(run(None, &mut turns, "").1, "It is time to drink water.");
        let mut turns = vec![Turn::new(Role::User, "write hello to a.txt")];
        let (calls, words) = run(Some("learn Greek"), &mut turns, "written");
        assert_eq!((calls.len(), words.as_str()), (1, "I wrote it to a.txt."));
        assert_eq!(run(None, &mut Vec::new(), "").1, "");
    }
}

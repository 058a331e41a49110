use std::sync::Arc;

use greenroom_actors::character::Character;
use greenroom_actors::figures::Tally;
use greenroom_actors::ports::{Bounds, Purpose, ToolSpec};

use super::*;

const ID: &str = "6b29fc40-ca47-1067-b31d-00dd010662da";

fn prompt(tools: &[(&str, Value)], turns: Vec<Turn>) -> Prompt {
    let tools = tools.iter().map(|(name, places)| ToolSpec {
        name: (*name).to_owned(),
        description: String::new(),
        parameters: json!({"properties": places}),
    });
    Prompt {
        model: None,
        purpose: Purpose::Reply,
        character: Arc::new(Character::named("Ada")),
        system: String::new(),
        may_ignore: false,
        is_single_attempt: false,
        turns,
        tools: tools.collect(),
        settings: Map::new(),
        tally: Tally::default(),
        bounds: Bounds::default(),
    }
}

/// Goes on until it says something: the calls it makes, each with the outcome given, and the words.
fn dealt_with(
    tools: &[(&str, Value)],
    request: &str,
    outcomes: &[&str],
) -> (Vec<(String, Value)>, Option<String>) {
    let mut prompt = prompt(tools, vec![Turn::new(Role::User, request)]);
    let mut calls = Vec::new();
    for outcome in outcomes.iter().map(Some).chain([None]) {
        match next(&prompt, &prompt.turns) {
            Some(Act::Call(call)) => {
                let outcome = outcome.expect("it wants one call more than there are outcomes");
                let mut asks = Turn::new(Role::Assistant, "");
                asks.tool_calls = vec![call.clone()];
                let mut answers = Turn::new(Role::Tool, *outcome);
                answers.answers = Some(call.id);
                prompt.turns.extend([asks, answers]);
                calls.push((call.name, call.arguments));
            }
            Some(Act::Say(words)) => return (calls, Some(words)),
            None => return (calls, None),
        }
    }
    unreachable!("the last outcome was not dealt with")
}

#[test]
fn a_request_is_called_for_and_its_outcome_told() {
    let none = json!({});
    for (tool, request, outcome, arguments, told) in [
        (
            "remember",
            "remember that I like tea",
            "Remembered as x.",
            json!({"text": "I like tea."}),
            "I have noted it: I like tea.",
        ),
        (
            "recall",
            "what do you remember about tea?",
            "- I like tea (id 1)\n- what do you remember about tea (id 2)",
            json!({"query": "tea"}),
            "This is what I remember:\nI like tea",
        ),
        (
            "recall",
            "recall tea",
            "Nothing is remembered about that.",
            json!({"query": "tea"}),
            "I remember nothing about tea.",
        ),
        (
            "write_file",
            "write tea to shop.txt",
            "written; a new file has 3 bytes",
            json!({"path": "shop.txt", "content": "tea"}),
            "I wrote it to shop.txt.",
        ),
        ("read_file", "read shop.txt", "tea", json!({"path": "shop.txt"}), "shop.txt says: tea"),
        (
            "read_file",
            "read none.txt",
            "Error: failed: there is no none.txt",
            json!({"path": "none.txt"}),
            "That did not work: failed: there is no none.txt.",
        ),
        (
            "ask_agents",
            "ask Bob whether it rains",
            "bob: yes",
            json!({"to": ["bob"], "text": "Whether it rains."}),
            "I asked, and this came back.\nbob: yes",
        ),
    ] {
        let (calls, words) = dealt_with(&[(tool, none.clone())], request, &[outcome]);
        assert_eq!(calls, [(tool.to_owned(), arguments)], "{request}");
        assert_eq!(words.as_deref(), Some(told), "{request}");
    }
}

#[test]
fn what_is_described_is_looked_for_first() {
    let tools = [
        ("forget", json!({"id": {}})),
        ("recall", json!({})),
        ("list_triggers", json!({})),
        ("cancel_trigger", json!({"trigger_id": {}})),
    ];
    let found = format!("- I like tea (id {ID})");
    let (calls, words) = dealt_with(&tools, "forget that I like tea", &[&found, "Forgotten."]);
    let expected = [
        ("recall".to_owned(), json!({"query": "I like tea"})),
        ("forget".to_owned(), json!({"id": ID})),
    ];
    assert_eq!((calls.as_slice(), words.as_deref()), (&expected[..], Some("Forgotten.")));

    let (calls, words) = dealt_with(&tools, &format!("forget {ID}"), &["Forgotten."]);
    assert_eq!(calls, [("forget".to_owned(), json!({"id": ID}))]);
    assert_eq!(words.as_deref(), Some("Forgotten."));

    let listed = format!("- drink water (id {ID}), every 300 s");
    let cancel = "cancel the reminder to drink water";
    let (calls, words) = dealt_with(&tools, cancel, &[&listed, "Done."]);
    assert_eq!(calls[1], ("cancel_trigger".to_owned(), json!({"trigger_id": ID})));
    assert_eq!(words.as_deref(), Some("I cancelled it."));

    let (calls, words) =
        dealt_with(&tools, "forget my cat", &["Nothing is remembered about that."]);
    assert_eq!((calls.len(), words.as_deref()), (1, Some("I find nothing like that: my cat.")));
}

#[test]
fn what_it_cannot_do_it_says() {
    let tools = [("recall", json!({}))];
    let (calls, words) = dealt_with(&tools, "write x to a.txt", &[]);
    assert!(calls.is_empty() && words.unwrap().contains("write_file"));
    let tools = [("schedule_trigger", json!({"text": {}, "cron": {}}))];
    let (calls, words) = dealt_with(&tools, "remind me in 5 minutes to go", &[]);
    assert_eq!(
        (calls.len(), words.as_deref()),
        (0, Some("The tool that I have cannot be set so."))
    );
    let (calls, _) = dealt_with(&tools, "remind me every day at 9:00 to go", &["Set."]);
    assert_eq!(calls[0].1["cron"], json!("0 9 * * *"));
}

#[test]
fn talk_and_what_is_dealt_with_are_left_alone() {
    let tools = [("remember", json!({}))];
    assert_eq!(dealt_with(&tools, "I remember my childhood", &[]), (Vec::new(), None));
    // Without tools it talks, as it always did.
    assert_eq!(dealt_with(&[], "remember that I like tea", &[]), (Vec::new(), None));
    let request = Turn::new(Role::User, "remember that I like tea");
    let answered = vec![request, Turn::new(Role::Assistant, "I have noted it: I like tea.")];
    let prompt = prompt(&tools, answered);
    assert_eq!(next(&prompt, &prompt.turns), None);
}

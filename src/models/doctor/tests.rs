use std::time::{Duration, Instant};

use greenroom_actors::character::{Bio, Character};
use greenroom_actors::figures::Tally;
use greenroom_actors::ports::{Bounds, Role, Turn};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn ada() -> Character {
    Character {
        bio: Bio::Many(vec!["I count threads.".into(), "I was made for looms.".into()]),
        topics: Some(vec!["weaving".into(), "numbers".into()]),
        adjectives: Some(vec!["patient".into(), "curious".into()]),
        ..Character::named("Ada")
    }
}

fn prompt(character: Character, purpose: Purpose, turns: Vec<Turn>) -> Prompt {
    Prompt {
        model: None,
        purpose,
        may_ignore: false,
        is_single_attempt: false,
        character: Arc::new(character),
        system: String::new(),
        turns,
        tools: Vec::new(),
        settings: Map::new(),
        tally: Tally::default(),
        bounds: Bounds::default(),
    }
}

fn said(text: &str) -> Turn {
    Turn::new(Role::User, text)
}

/// Speaks all lines to it in turn and gives back its answers.
fn conversation(character: &Character, lines: &[&str]) -> Vec<String> {
    let mut turns = Vec::new();
    let mut answers = Vec::new();
    for line in lines {
        turns.push(said(line));
        let answer = answer(&prompt(character.clone(), Purpose::Reply, turns.clone()));
        turns.push(Turn::new(Role::Assistant, answer.clone()));
        answers.push(answer);
    }
    answers
}

fn answer_to(text: &str) -> String {
    conversation(&ada(), &[text]).remove(0)
}

#[test]
fn keywords_choose_and_persons_are_exchanged() {
    for (text, expected) in [
        ("I need your help with my loom", "What would change if you had my help with your loom?"),
        ("Well, I am tired of you.", "I am sorry to hear it. What brought it on?"),
        ("My name is Charles", "Good to know you, Charles. I am Ada. What brings you here?"),
        ("What is your name?", "I am Ada. I count threads."),
        ("who are you", "I am Ada. I count threads."),
        ("What do you like?", "weaving, for one. And you?"),
        ("hello there", "Hello. I am Ada. What is on your mind?"),
        ("the weather turned", "Go on."),
        ("Tell me about weaving", "You mention weaving, which I like. What drew you to it?"),
        ("You are slow", "What makes you think that I am slow?"),
    ] {
        assert_eq!(answer_to(text).to_lowercase(), expected.to_lowercase(), "{text}");
    }
}

#[test]
fn it_says_what_it_is() {
    for text in [
        "Are you a bot?",
        "are you human",
        "Which model are you?",
        "are you a real person?",
        "is this an AI",
        "Are you ChatGPT?",
    ] {
        let answer = answer_to(text);
        assert!(answer.contains("`doctor`") && answer.contains("rules"), "{text}: {answer}");
    }
}

#[test]
fn answers_take_turns() {
    let answers = conversation(&ada(), &["I feel odd", "I feel odd", "I feel odd", "I feel odd"]);
    assert_eq!(answers.iter().take(3).collect::<std::collections::HashSet<_>>().len(), 3);
    assert_eq!(answers[3], answers[0]);
}

#[test]
fn it_comes_back_to_what_was_said_earlier() {
    let answers = conversation(&ada(), &["Because my cat ran away", "The rain fell"]);
    assert_eq!(answers[1], "Earlier you said that your cat ran away. Has this to do with it?");
}

#[test]
fn a_sample_conversation_is_followed() {
    let example = json!([
        {"name": "{{user1}}", "content": {"text": "How do looms work?"}},
        {"name": "Ada", "content": {"text": "by patience and cards"}}
    ]);
    let character = Character { message_examples: Some(vec![json!(3), example]), ..ada() };
    let answers = conversation(&character, &["how do LOOMS work"]);
    assert_eq!(answers, ["By patience and cards."]);
}

#[test]
fn what_a_tool_found_is_told() {
    let tool = Turn { answers: Some("1".into()), ..Turn::new(Role::Tool, "42 threads") };
    let prompt = prompt(ada(), Purpose::Reply, vec![said("count them"), tool]);
    assert_eq!(answer(&prompt), "This is what I found: 42 threads");
}

#[test]
fn what_was_dreamt_of_is_told_without_the_word_between() {
    let dreams = ["I dream of trains", "I dreamt about trains", "I dreamed trains"];
    let answers = dreams.map(answer_to);
    assert!(answers.iter().all(|answer| !answer.contains("of of") && !answer.contains("about")));
    assert!(answers.iter().any(|answer| answer.contains("think of trains")), "{answers:?}");
}

#[test]
fn the_same_prompt_has_the_same_answer() {
    let once = prompt(ada(), Purpose::Reply, vec![said("I dreamed of a loom")]);
    assert_eq!(answer(&once), answer(&once.clone()));
}

#[test]
fn it_thinks_without_anybody_and_not_the_same_twice_in_a_row() {
    for character in [ada(), Character::named("Nobody")] {
        let mut turns: Vec<Turn> = Vec::new();
        for _ in 0..60 {
            let thought = answer(&prompt(character.clone(), Purpose::Reflect, turns.clone()));
            assert!(thought.len() > 10 && !thought.contains(['{', '$']), "{thought}");
            assert!(turns.last().is_none_or(|last| last.text != thought), "{thought}");
            turns.push(Turn::new(Role::Assistant, thought));
        }
    }
}

#[test]
fn it_thinks_of_its_topics_and_of_what_it_heard() {
    let mut turns = vec![said("My loom is broken")];
    let mut all = String::new();
    for _ in 0..12 {
        let thought = answer(&prompt(ada(), Purpose::Reflect, turns.clone()));
        all.push_str(&thought);
        turns.push(Turn::new(Role::Assistant, thought));
    }
    assert!(all.contains("your loom is broken"), "{all}");
    assert!(all.contains("weaving") || all.contains("numbers"), "{all}");
}

#[test]
fn a_long_conversation_is_answered_quickly() {
    let long = "my word against your word because i am what you are ".repeat(20_000);
    let turns = vec![said(&long); 200];
    let began = Instant::now();
    let answer = answer(&prompt(ada(), Purpose::Reply, turns));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(answer.len() < 4_096);
}

#[test]
fn every_rule_can_be_spoken() {
    let empty = Character::named("Ada");
    let speech = converse::Speech { character: &empty, turns: &[] };
    let held = vec!["that".to_owned(); 4];
    for rule in script::RULES {
        for part in rule.parts {
            for turn in 0..part.answers.len() {
                let text = speech.one_of(part.answers, &held, turn);
                assert!(!text.contains(['{', '}', '$']), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_comes_in_pieces_that_lose_nothing() {
    let prompt = Arc::new(prompt(ada(), Purpose::Reply, vec![said("hello")]));
    let pieces: Vec<_> = Doctor.generate(&prompt).map(Result::unwrap).collect().await;
    let words = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(words.collect::<String>(), answer(&prompt));
    assert!(pieces.len() > 2);
    assert!(matches!(pieces.last(), Some(Piece::End { .. })));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        texts in prop::collection::vec(any::<String>(), 0..4),
        words in "(?i)(i|you|am|are|my|need|why|don't|\\$[0-9]|\\{name\\}|'|[.,!?]| ){0,40}",
        name in any::<String>(), topic in any::<String>(), bio in any::<String>(),
    ) {
        let character = Character {
            bio: Bio::One(bio), topics: Some(vec![topic]), ..Character::named(&name)
        };
        let mut turns: Vec<Turn> = texts.iter().map(|text| said(text)).collect();
        turns.push(said(&words));
        for purpose in [Purpose::Reply, Purpose::Reflect, Purpose::Title] {
            let prompt = prompt(character.clone(), purpose, turns.clone());
            let answer = answer(&prompt);
            prop_assert!(!answer.is_empty());
            prop_assert_eq!(cut(&answer).concat(), answer);
        }
    }
}

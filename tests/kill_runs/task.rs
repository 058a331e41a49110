//! Tasks that agents are given in words, which a scripted model takes at their word.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::support::script::{Act, Asked};
use crate::support::tool_server::{Fate, ToolServer};

/// Of a hundred calls, these are of a tool: most of the sort that must not be made twice.
const WEIGHTS: [(&str, u32); 4] = [("charge", 45), ("pay", 25), ("put", 10), ("look", 20)];

/// Calls of one task at most.
const CALLS_MAX: usize = 3;

/// Of a hundred tasks, so many end with a model that refuses to go on.
const REFUSED: u32 = 4;

/// One call: of which tool, with a token that no other call has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Errand {
    pub(super) tool: String,
    pub(super) token: String,
}

/// What an agent is to do: calls, some of them at once, and a word at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) rounds: Vec<Vec<Errand>>,
    /// Whether the model refuses to say the word.
    pub(super) is_refused: bool,
}

impl Task {
    pub(super) fn random(id: String, random: &mut StdRng, may_be_refused: bool) -> Self {
        let mut rounds: Vec<Vec<Errand>> = Vec::new();
        for place in 0..random.random_range(1..=CALLS_MAX) {
            let errand = Errand { tool: tool(random), token: format!("{id}.{place}") };
            match rounds.last_mut() {
                Some(round) if random.random_ratio(1, 2) => round.push(errand),
                _ => rounds.push(vec![errand]),
            }
        }
        let is_refused = may_be_refused && random.random_range(0..100) < REFUSED;
        Self { id, rounds, is_refused }
    }

    /// In words: `Task 1: charge 1.0, look 1.1; pay 1.2`.
    pub(super) fn words(&self) -> String {
        let call = |errand: &Errand| format!("{} {}", errand.tool, errand.token);
        let round = |round: &Vec<Errand>| round.iter().map(call).collect::<Vec<_>>().join(", ");
        let rounds = self.rounds.iter().map(round).collect::<Vec<_>>().join("; ");
        let sort = if self.is_refused { "Hopeless task" } else { "Task" };
        format!("{sort} {}: {rounds}", self.id)
    }

    /// The task that these words are.
    fn read(words: &str) -> Option<Self> {
        let (head, rounds) = words.split_once(": ")?;
        let (sort, id) = head.rsplit_once(' ')?;
        let errand = |call: &str| {
            let (tool, token) = call.split_once(' ')?;
            Some(Errand { tool: tool.to_owned(), token: token.to_owned() })
        };
        let round = |round: &str| round.split(", ").map(errand).collect::<Option<Vec<_>>>();
        let rounds = rounds.split("; ").map(round).collect::<Option<_>>()?;
        Some(Self { id: id.to_owned(), rounds, is_refused: sort == "Hopeless task" })
    }

    pub(super) fn errands(&self) -> impl Iterator<Item = &Errand> {
        self.rounds.iter().flatten()
    }
}

fn tool(random: &mut StdRng) -> String {
    let mut place = random.random_range(0..100);
    for (tool, weight) in WEIGHTS {
        if place < weight {
            return tool.to_owned();
        }
        place -= weight;
    }
    unreachable!("the weights are a hundred")
}

/// Does what the task says, one round after the other, whatever the tools answer.
pub(super) fn decide(asked: &Asked) -> Act {
    // What was said earlier is put into fewer words without tools.
    let task = Task::read(&asked.said()).filter(|_| !asked.tools.is_empty());
    let Some(task) = task else { return Act::say("Nothing to do.") };
    match task.rounds.get(asked.round()) {
        Some(round) => Act::Call(
            round
                .iter()
                .map(|errand| (ToolServer::name(&errand.tool), json!({"token": errand.token})))
                .collect(),
        ),
        None if task.is_refused => Act::Refuse(400),
        None => Act::say(format!("Task {} is done.", task.id)),
    }
}

/// What becomes of a call: the same each time, by its token.
pub(super) fn fate(_: &str, arguments: &Value) -> (Duration, Fate) {
    let token = arguments["token"].as_str().unwrap();
    let sum = token
        .bytes()
        .fold(2_166_136_261_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(16_777_619));
    let late = Duration::from_millis(u64::from(sum % 251));
    match sum / 251 % 100 {
        0..60 => (Duration::ZERO, Fate::Answer),
        60..90 => (late, Fate::Answer),
        90..94 => (Duration::ZERO, Fate::BreakOff),
        94..97 => (late, Fate::Break),
        _ => (Duration::ZERO, Fate::Fail),
    }
}

/// How often each of these occurs.
pub(super) fn tally<T: Ord>(all: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    all.fold(BTreeMap::new(), |mut tally, one| {
        *tally.entry(one).or_insert(0) += 1;
        tally
    })
}

#[test]
fn a_task_is_what_its_words_say() {
    let mut random = crate::kill::random(1);
    for number in 0..200 {
        let task = Task::random(number.to_string(), &mut random, true);
        assert_eq!(Task::read(&task.words()).as_ref(), Some(&task), "{}", task.words());
    }
    assert_eq!(Task::read("Take a moment to think."), None);
}

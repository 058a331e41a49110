//! Search: by words, by meaning, and both put together.
//!
//! Each word is indexed with a mark of its agent in front (`3k9q0x1bhello`), so that the list of a
//! word holds one agent's memories alone. An agent that is one more token, whose list is then cut
//! with that of the word, would find the same; but the rank of FTS5 counts how often a word occurs
//! at all, and so would read the lists of a hundred thousand agents for each common word of one.

use std::collections::HashSet;

use greenroom_actors::ids::{AgentId, ChannelId, MemoryId};
use greenroom_actors::ports::{Scored, SearchQuery, fuse};
use greenroom_actors::records::Embedding;
use rusqlite::Connection;

use super::columns::{rows, signed};
use super::filter::Filter;
use super::memories;
use super::vector;

/// Words of a question that are looked for; more say little and cost much.
const WORDS_MAX: usize = 32;

/// Letters of a word that count, on both sides; longer ones are data, not words.
const LETTERS_MAX: usize = 64;

/// How much deeper than asked each ranking is read, as what both name comes first.
const POOL_FACTOR: u32 = 4;

/// The least depth of a ranking.
const POOL_MIN: u32 = 64;

/// The memories nearest to a text, best first.
pub(super) fn search(
    connection: &Connection,
    query: &SearchQuery,
) -> rusqlite::Result<Vec<Scored>> {
    let mut rankings = vec![by_words(connection, query)?];
    if let Some(embedding) = &query.embedding {
        rankings.push(by_meaning(connection, query, embedding)?);
    }
    let mut found = Vec::new();
    for (id, score) in fuse(&rankings).into_iter().take(usize::try_from(query.limit).unwrap_or(0)) {
        // Forgotten since it was ranked, if it is not there.
        if let Some(memory) = memories::memory(connection, query.agent_id, id)? {
            found.push(Scored { memory, score });
        }
    }
    Ok(found)
}

fn by_words(connection: &Connection, query: &SearchQuery) -> rusqlite::Result<Vec<MemoryId>> {
    let Some(expression) = expression(query.agent_id, &query.text) else { return Ok(Vec::new()) };
    // The agent is asked for again: two may have the same mark.
    let filter = Filter::new("memory_words MATCH ?", expression.as_str());
    let select = "SELECT id FROM memory_words CROSS JOIN memories ON number = memory_words.rowid";
    ranked(connection, query, filter, select, Rank { by: "memory_words.rank", bound: None })
}

fn by_meaning(
    connection: &Connection,
    query: &SearchQuery,
    embedding: &Embedding,
) -> rusqlite::Result<Vec<MemoryId>> {
    let bytes = vector::bytes(&embedding.vector);
    let length = signed(rows(bytes.len()));
    let filter = Filter::new("embeddings.agent = ?", query.agent_id.0)
        .and("embedder = ?", Some(embedding.embedder.as_str()))
        .and("length(vector) = ?", Some(length));
    let select = "SELECT id FROM embeddings CROSS JOIN memories ON number = memory";
    // A vector of length zero has no direction, so its distance is NULL.
    let rank = Rank { by: "vec_distance_cosine(vector, ?) NULLS LAST", bound: Some(bytes) };
    ranked(connection, query, filter, select, rank)
}

/// What to order by, with the value that it needs.
struct Rank {
    by: &'static str,
    bound: Option<Vec<u8>>,
}

fn ranked(
    connection: &Connection,
    query: &SearchQuery,
    filter: Filter,
    select: &str,
    rank: Rank,
) -> rusqlite::Result<Vec<MemoryId>> {
    let pool = query.limit.saturating_mul(POOL_FACTOR).max(POOL_MIN);
    filter
        .and("memories.agent = ?", Some(query.agent_id.0))
        .and("room = ?", query.room_id.map(|id| id.0))
        .and("kind = ?", query.kind.as_deref())
        .first_by(rank.by, rank.bound, pool)
        .all(connection, select, |row| row.get(0).map(MemoryId))
}

/// The question as FTS5 reads it: any of the words. They hold letters and digits alone, and are
/// quoted, so nothing in the text can be read as an operator.
fn expression(agent: AgentId, text: &str) -> Option<String> {
    let mark = mark(agent);
    let mut seen = HashSet::new();
    let distinct = words(text).filter(|word| seen.insert(word.to_lowercase())).take(WORDS_MAX);
    let quoted: Vec<_> = distinct.map(|word| format!("\"{mark}{word}\"")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" OR "))
}

/// The words of a text as they are indexed for an agent.
pub(super) fn marked(agent: AgentId, text: &str) -> String {
    let mark = mark(agent);
    let mut marked = String::with_capacity(text.len() * 3);
    for word in words(text) {
        marked.push_str(&mark);
        marked.push_str(word);
        marked.push(' ');
    }
    marked
}

/// A channel's id as a word.
pub(super) fn channel_word(channel: ChannelId) -> String {
    channel.0.simple().to_string()
}

/// The words of a text: letters and digits alone, none longer than what counts.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter| !is_of_a_word(letter)).filter(|word| !word.is_empty()).map(cut)
}

/// Letters, digits, and the accents that may follow a letter: the tokenizer drops those.
fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&letter)
}

fn cut(word: &str) -> &str {
    word.char_indices().nth(LETTERS_MAX).and_then(|(end, _)| word.get(..end)).unwrap_or(word)
}

/// Eight letters and digits that stand for an agent: 40 bits of its id, well mixed.
fn mark(agent: AgentId) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (high, low) = agent.0.as_u64_pair();
    // Fibonacci hashing: the upper bits of the product depend on all bits of the id.
    let mixed = (high.rotate_left(32) ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..8)
        .filter_map(|place| usize::try_from((mixed >> (24 + 5 * place)) & 31).ok())
        .filter_map(|digit| DIGITS.get(digit).copied())
        .map(char::from)
        .collect()
}

//! Search by words and by meaning.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::ports::{Scored, SearchQuery, fuse};
use crate::records::Embedding;

use super::queries::size;
use super::state::Home;
use super::table::Kept;

impl Home {
    /// The memories nearest to what is asked, best first.
    pub(super) fn search(&self, query: &SearchQuery) -> Vec<Scored> {
        let candidates: Vec<&Kept> = self
            .memories
            .newest_first()
            .filter(|Kept { memory, .. }| {
                query.kind.as_ref().is_none_or(|kind| memory.kind == *kind)
                    && query.room_id.is_none_or(|room| memory.room_id == room)
            })
            .collect();
        let by_words = by_words(&candidates, &query.text);
        let by_meaning = query.embedding.as_ref().map(|wanted| by_meaning(&candidates, wanted));
        let rankings: Vec<Vec<_>> = [Some(by_words), by_meaning]
            .into_iter()
            .flatten()
            .map(|ranking| ranking.into_iter().map(|kept| kept.memory.id).collect())
            .collect();
        fuse(&rankings)
            .into_iter()
            .take(size(query.limit))
            .filter_map(|(id, score)| {
                Some(Scored { memory: self.memories.get(id)?.memory.clone(), score })
            })
            .collect()
    }
}

/// Those that share a word with `text`: the more words the better, then the shorter, then the newer.
fn by_words<'a>(newest_first: &[&'a Kept], text: &str) -> Vec<&'a Kept> {
    let wanted: BTreeSet<_> = words(text).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<_> = newest_first
        .iter()
        .filter_map(|kept| {
            let said: BTreeSet<_> = words(kept.memory.text()).collect();
            let shared = wanted.intersection(&said).count();
            (shared > 0).then_some((Reverse(shared), said.len(), *kept))
        })
        .collect();
    found.sort_by_key(|(shared, length, _)| (*shared, *length));
    found.into_iter().map(|(.., kept)| kept).collect()
}

/// Those with a vector by the same embedder, the smallest angle first.
fn by_meaning<'a>(newest_first: &[&'a Kept], wanted: &Embedding) -> Vec<&'a Kept> {
    let mut found: Vec<_> = newest_first
        .iter()
        .filter_map(|kept| {
            let known =
                kept.embedding.as_ref().filter(|known| known.embedder == wanted.embedder)?;
            Some((cosine(&known.vector, &wanted.vector)?, *kept))
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.into_iter().map(|(_, kept)| kept).collect()
}

/// The words of a text, in lower case: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// The cosine of the angle between two vectors; `None` if they have none.
fn cosine(one: &[f32], other: &[f32]) -> Option<f32> {
    if one.len() != other.len() {
        return None;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = dot(one, other) / (dot(one, one) * dot(other, other)).sqrt();
    cosine.is_finite().then_some(cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        for (text, expected) in [
            ("", vec![]),
            ("\"*(){}:^-", vec![]),
            ("NEAR(tea, Tea)", vec!["near", "tea", "tea"]),
            ("Émile's 2nd", vec!["émile", "s", "2nd"]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn only_vectors_of_one_dimension_and_some_length_have_an_angle() {
        assert_eq!(cosine(&[1.0, 0.0], &[2.0, 0.0]), Some(1.0));
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!(cosine(&[1.0], &[1.0, 0.0]), None);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 0.0]), None);
    }
}

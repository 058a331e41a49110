//! Several rankings of the same things made one.

use std::collections::HashMap;
use std::hash::Hash;

/// Puts rankings together by reciprocal rank: each list adds `1 / (60 + rank)` to what it names.
/// Best first; equal scores by key.
///
/// The method and its constant are those of Cormack, Clarke and Büttcher, «Reciprocal Rank Fusion
/// outperforms Condorcet and individual rank learning methods», SIGIR 2009.
#[must_use]
pub fn fuse<K: Copy + Eq + Hash + Ord>(rankings: &[Vec<K>]) -> Vec<(K, f32)> {
    let mut scores: HashMap<K, f32> = HashMap::new();
    for ranking in rankings {
        let mut divisor = 60.0_f32;
        for key in ranking {
            divisor += 1.0;
            *scores.entry(*key).or_default() += 1.0 / divisor;
        }
    }
    let mut fused: Vec<_> = scores.into_iter().collect();
    fused.sort_by(|(a_key, a), (b_key, b)| b.total_cmp(a).then(a_key.cmp(b_key)));
    fused
}

#[cfg(test)]
mod tests {
    use super::fuse;

    #[test]
    fn what_two_rankings_name_comes_before_what_one_does() {
        let fused = fuse(&[vec![1, 2, 3], vec![3, 4]]);
        let keys: Vec<_> = fused.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, [3, 1, 2, 4]);
    }
}

//! Pages: which part of a list is shown, and how to see the rest.

use std::io::Write;

use clap::Args;

/// The part of a list that is asked for.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Page {
    /// How many to pass over.
    #[arg(long, default_value_t = 0)]
    pub(super) offset: u32,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: u32,
}

impl Page {
    /// The page as a part of a query.
    pub(super) fn query(self) -> String {
        format!("offset={}&limit={}", self.offset, self.limit)
    }

    /// Says beside the list how to see what it leaves out, if `shown` rows of `total` are not all.
    pub(super) fn hint(self, shown: usize, total: Option<u64>) {
        if let Some(hint) = self.more(shown, total) {
            // If nobody reads it, nobody misses it.
            drop(writeln!(std::io::stderr(), "{hint}"));
        }
    }

    fn more(self, shown: usize, total: Option<u64>) -> Option<String> {
        let shown = u64::try_from(shown).unwrap_or(u64::MAX);
        let next = u64::from(self.offset).saturating_add(shown);
        match total {
            _ if shown == 0 => None,
            Some(total) => {
                (next < total).then(|| format!("{shown} of {total}; --offset {next} shows more"))
            }
            None => (shown >= u64::from(self.limit))
                .then(|| format!("{shown} shown; --offset {next} shows more, if there are any")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_it_leaves_out() {
        for (offset, shown, total, hint) in [
            (0, 50, Some(2_030), Some("50 of 2030; --offset 50 shows more")),
            (50, 50, Some(2_030), Some("50 of 2030; --offset 100 shows more")),
            (2_000, 30, Some(2_030), None),
            (5_000, 0, Some(2_030), None),
            (0, 50, Some(50), None),
            (0, 50, None, Some("50 shown; --offset 50 shows more, if there are any")),
            (0, 3, None, None),
        ] {
            let page = Page { offset, limit: 50 };
            assert_eq!(page.more(shown, total).as_deref(), hint);
        }
    }
}

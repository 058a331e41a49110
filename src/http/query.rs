//! The query of a request, read leniently: unknown keys are ignored, a key may be repeated.

use actix_web::web;

/// The parameters of a query, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query; what cannot be read counts as absent.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let query = web::Query::<Vec<(String, String)>>::from_query(text);
        query.map_or_else(|_unreadable| Self::default(), |query| Self(query.into_inner()))
    }

    /// The first value of that key which is not empty.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.all(key).find(|value| !value.is_empty())
    }

    /// All values of that key; `key[]` is the same key.
    pub fn all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        self.0
            .iter()
            .filter(move |(name, _)| name.strip_suffix("[]").unwrap_or(name) == key)
            .map(|(_, value)| value.as_str())
    }

    /// The number that the first of these keys begins with, as JavaScript's `parseInt` reads it:
    /// elizaOS takes `20abc` for 20 and ignores `abc`, and its clients send such things.
    #[must_use]
    pub fn count(&self, keys: &[&str]) -> Option<u32> {
        keys.iter().find_map(|key| {
            let value = self.get(key)?.trim();
            let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
            let number = value.get(..digits).filter(|digits| !digits.is_empty())?;
            // Only digits, so what does not fit is too large.
            Some(number.parse().unwrap_or(u32::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_javascript_does() {
        for (text, expected) in [
            ("limit=5", Some(5)),
            ("limit=5abc", Some(5)),
            ("limit=abc", None),
            ("limit=-1", None),
            ("limit=", None),
            ("limit[a]=3", None),
            ("limit=&limit=7", Some(7)),
            ("limit=1&limit=2", Some(1)),
            ("count=4", Some(4)),
            ("limit=99999999999", Some(u32::MAX)),
        ] {
            assert_eq!(Query::parse(text).count(&["limit", "count"]), expected, "{text}");
        }
    }

    #[test]
    fn keys_may_be_repeated_and_encoded() {
        let query = Query::parse("x=a%20b&x=c&x[]=d&y");
        assert_eq!(query.all("x").collect::<Vec<_>>(), ["a b", "c", "d"]);
        assert_eq!(query.get("y"), None);
        assert_eq!(Query::parse("%").get("x"), None);
    }
}

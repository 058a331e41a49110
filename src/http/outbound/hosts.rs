//! Which hosts may be asked, by their names.

/// A list of hosts: `example.org` is that one, `*.example.org` all below it, `*` every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Every,
    /// With a dot before it.
    Below(String),
    One(String),
}

impl Hosts {
    /// Every host.
    #[must_use]
    pub fn every() -> Self {
        Self(vec![Pattern::Every])
    }

    /// Reads a list.
    ///
    /// # Errors
    /// Which of them is not a host, as a lower-case fragment.
    pub fn read(list: &[String]) -> Result<Self, String> {
        list.iter().map(|pattern| read(pattern)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether no host is on the list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `host`, as an address holds it, is on the list.
    #[must_use]
    pub fn allow(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        // A dot at the end says that the name is whole, and it is the same host.
        let host = host.strip_suffix('.').unwrap_or(&host);
        !host.is_empty()
            && self.0.iter().any(|pattern| match pattern {
                Pattern::Every => true,
                Pattern::Below(end) => host.len() > end.len() && host.ends_with(end),
                Pattern::One(name) => host == name,
            })
    }
}

fn read(pattern: &str) -> Result<Pattern, String> {
    let text = pattern.trim().to_ascii_lowercase();
    if text == "*" {
        return Ok(Pattern::Every);
    }
    let (name, is_below) = match text.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (text.as_str(), false),
    };
    // Whatever else is in it never stands in the host of an address.
    let is_host = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter));
    match (is_host, is_below) {
        (true, true) => Ok(Pattern::Below(format!(".{name}"))),
        (true, false) => Ok(Pattern::One(name.to_owned())),
        (false, _) => Err(format!("{pattern:?} is neither a host, *.host nor *")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> Result<Hosts, String> {
        Hosts::read(&patterns.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_host_is_allowed_by_its_name_or_one_above_it() {
        let hosts = list(&["example.org", "*.Example.NET", "[::1]"]).unwrap();
        for (host, expected) in [
            ("example.org", true),
            ("EXAMPLE.ORG", true),
            ("example.org.", true),
            ("www.example.org", false),
            ("example.org.evil.test", false),
            ("notexample.org", false),
            ("www.example.net", true),
            ("a.b.example.net", true),
            ("example.net", false),
            ("notexample.net", false),
            (".example.net", false),
            ("[::1]", true),
            ("", false),
        ] {
            assert_eq!(hosts.allow(host), expected, "{host}");
        }
        assert!(list(&["*"]).unwrap().allow("anything.test") && Hosts::every().allow("a"));
        assert!(!Hosts::default().allow("example.org") && Hosts::default().is_empty());
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for pattern in ["", "*.", "http://example.org", "example.org/a", "a*b.org", "**", "a b"] {
            assert!(list(&[pattern]).is_err(), "{pattern}");
        }
    }
}

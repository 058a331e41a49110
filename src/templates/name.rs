//! What a template is called.

use super::error::TemplateError;

/// Bytes of a part of a name.
const PART_MAX_BYTES: usize = 128;

/// What a template is called by those who want an agent of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateName {
    /// `local:<id>`: of this host.
    Local(String),
    /// `github:<owner>/<repository>[@branch]`.
    GitHub(Repository),
    /// Anything else: a word, which is kept and has no effect.
    Plain,
}

/// A repository, and which of its branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The branch; the repository's own choice if absent.
    pub branch: Option<String>,
}

impl TemplateName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`TemplateError::Form`], and [`TemplateError::Unknown`] of a local one that no folder can be.
    pub fn read(text: &str) -> Result<Self, TemplateError> {
        if let Some(id) = text.strip_prefix("local:") {
            let unknown = || TemplateError::Unknown(text.to_owned());
            return is_part(id).then(|| Self::Local(id.to_owned())).ok_or_else(unknown);
        }
        let Some(rest) = text.strip_prefix("github:") else { return Ok(Self::Plain) };
        let refused = |reason| TemplateError::Form { name: text.to_owned(), reason };
        let (path, branch) = match rest.split_once('@') {
            Some((path, branch)) => (path, Some(branch)),
            None => (rest, None),
        };
        let (owner, name) = path
            .split_once('/')
            .ok_or_else(|| refused("it must be github:<owner>/<repository>"))?;
        if !is_part(owner) || !is_part(name) {
            return Err(refused("an owner and a repository have letters, digits and -_. only"));
        }
        if branch.is_some_and(|branch| !is_branch(branch)) {
            return Err(refused("no branch has such a name"));
        }
        let name = name.strip_suffix(".git").unwrap_or(name).to_owned();
        let branch = branch.map(str::to_owned);
        Ok(Self::GitHub(Repository { owner: owner.to_owned(), name, branch }))
    }
}

/// Whether it can be a folder, an owner or a repository: nothing that a path or a program could take
/// for something else.
fn is_part(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.len() <= PART_MAX_BYTES
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && text.chars().all(fits)
        && !text.ends_with('.')
}

fn is_branch(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_./+#".contains(letter);
    text.len() <= PART_MAX_BYTES
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && text.chars().all(fits)
        && !text.contains("..")
        && !text.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let github = |owner: &str, name: &str, branch: Option<&str>| {
            let (owner, name) = (owner.to_owned(), name.to_owned());
            Some(TemplateName::GitHub(Repository {
                owner,
                name,
                branch: branch.map(str::to_owned),
            }))
        };
        for (text, expected) in [
            ("business-assistant", Some(TemplateName::Plain)),
            ("", Some(TemplateName::Plain)),
            ("local:default", Some(TemplateName::Local("default".into()))),
            ("github:Org/repo", github("Org", "repo", None)),
            ("github:Org/repo.git@main", github("Org", "repo", Some("main"))),
            ("github:o/r@feature/x-1", github("o", "r", Some("feature/x-1"))),
            ("local:", None),
            ("local:..", None),
            ("local:.hidden", None),
            ("local:a/b", None),
            ("local:a\0", None),
            ("github:", None),
            ("github:repo", None),
            ("github:a/b/c", None),
            ("github:../b", None),
            ("github:-u/b", None),
            ("github:a/b@", None),
            ("github:a/b@--upload-pack=x", None),
            ("github:a/b@x..y", None),
            ("github:a b/c", None),
        ] {
            assert_eq!(TemplateName::read(text).ok(), expected, "{text:?}");
        }
    }
}

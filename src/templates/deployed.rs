//! What a client sends as an archive for a new agent: unpacked, held against its own list of files, and
//! its environment with the credentials that came beside it.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::archive::{ArchiveError, Unpacked, unpack};
use super::local;
use super::template::Template;
use crate::credentials::ENV;
use crate::workspace::opening;

/// The list of its files that an archive may bring along.
pub(super) const MANIFEST: &str = ".trinity-manifest.json";

/// Bytes of the list, and of the variables.
const READ_MAX_BYTES: u64 = 1024 * 1024;

/// What came of the list that an archive brought along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Files that it names.
    pub expected: usize,
    /// Links that it names, which agents do not get.
    pub links: usize,
    /// Files and links that are not there, or are others.
    pub wrong: Vec<String>,
}

impl Verified {
    /// Whether agents get all that the list names.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.wrong.is_empty() && self.links == 0
    }
}

/// What became of the credentials that came beside an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The file of the archive is as it was.
    FromArchive,
    /// The archive had none.
    Created,
    /// They were put into that of the archive.
    Merged,
}

/// An archive at hand.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) unpacked: Unpacked,
    pub(super) template: Result<Template, String>,
    pub(super) is_described: bool,
    pub(super) verified: Option<Verified>,
    pub(super) imported: Option<Imported>,
    pub(super) environment: Option<Zeroizing<String>>,
}

/// Unpacks an archive into a folder below `spool`, and reads what its environment is to be with these
/// credentials. Blocks.
pub(super) fn contents(
    spool: &Path,
    packed: &[u8],
    credentials: &BTreeMap<String, String>,
) -> Result<Contents, ArchiveError> {
    let unpacked = unpack(spool, packed)?;
    let template = local::described(&unpacked.root).map_err(ArchiveError::Io)?;
    let verified = match read(&unpacked, MANIFEST)? {
        Some(list) => Some(verified(&list, &unpacked.hashes, &unpacked.links)?),
        None => None,
    };
    let before = read(&unpacked, ENV)?;
    let imported = match (&before, credentials.is_empty()) {
        (None, true) => None,
        (Some(_), true) => Some(Imported::FromArchive),
        (None, false) => Some(Imported::Created),
        (Some(_), false) => Some(Imported::Merged),
    };
    let before = before.map(Zeroizing::new);
    let environment = if credentials.is_empty() {
        before
    } else {
        let before = before.as_deref().map_or("", String::as_str);
        Some(Zeroizing::new(merged(before, credentials)))
    };
    let is_described = unpacked.hashes.contains_key(local::DESCRIPTION);
    Ok(Contents { unpacked, template, is_described, verified, imported, environment })
}

fn read(unpacked: &Unpacked, name: &str) -> Result<Option<String>, ArchiveError> {
    let file = match opening::file(&unpacked.root, name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if opening::is_replaced(&error) => return Ok(None),
        Err(error) => return Err(ArchiveError::Io(error)),
    };
    let mut text = String::new();
    let most = READ_MAX_BYTES.saturating_add(1);
    let wrong = |reason: &str| ArchiveError::Invalid(format!("{name} {reason}"));
    match file.take(most).read_to_string(&mut text) {
        Ok(_) if u64::try_from(text.len()).unwrap_or(u64::MAX) < most => Ok(Some(text)),
        Ok(_) => Err(wrong("is too long")),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(wrong("is no text")),
        Err(error) => Err(ArchiveError::Io(error)),
    }
}

/// A file or a link of a list.
#[derive(Deserialize)]
struct Listed {
    path: String,
    sha256: Option<String>,
    link_target: Option<String>,
}

fn verified(
    list: &str,
    hashes: &HashMap<String, [u8; 32]>,
    links: &HashMap<String, String>,
) -> Result<Verified, ArchiveError> {
    let listed: Vec<Listed> = serde_json::from_str(list)
        .map_err(|error| ArchiveError::Invalid(format!("{MANIFEST}: {error}")))?;
    let is_so = |one: &Listed| {
        let path = one.path.trim_start_matches("./");
        match &one.sha256 {
            Some(expected) => hashes.get(path).is_some_and(|hash| {
                let found: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                found.eq_ignore_ascii_case(expected)
            }),
            None => links.get(path).is_some_and(|target| Some(target) == one.link_target.as_ref()),
        }
    };
    let wrong = listed.iter().filter(|one| !is_so(one)).map(|one| one.path.clone()).collect();
    let expected = listed.iter().filter(|one| one.sha256.is_some()).count();
    Ok(Verified { expected, links: listed.len() - expected, wrong })
}

/// The lines of a file of variables, with these in place of those of the same names.
fn merged(before: &str, credentials: &BTreeMap<String, String>) -> String {
    let is_kept = |line: &&str| {
        let name = line.split_once('=').map(|(name, _)| name.trim().trim_start_matches("export "));
        name.is_none_or(|name| !credentials.contains_key(name.trim()))
    };
    let mut text: String = before.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    for (name, value) in credentials {
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-_./:@+=,".contains(letter);
        if value.chars().all(is_plain) {
            text.push_str(&format!("{name}={value}\n"));
        } else {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            text.push_str(&format!("{name}=\"{escaped}\"\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_take_the_place_of_those_of_the_same_names() {
        let credentials = BTreeMap::from([
            ("A".to_owned(), "new".to_owned()),
            ("B".to_owned(), "two \"words\"".to_owned()),
        ]);
        let merged = merged("# first\nA=old\nexport B=old\nC=kept\n", &credentials);
        assert_eq!(merged, "# first\nC=kept\nA=new\nB=\"two \\\"words\\\"\"\n");
    }

    #[test]
    fn a_list_of_files_is_held_against_them() {
        let hash = "00".repeat(32);
        let list = format!(
            r#"[{{"path": "./a", "sha256": "{hash}"}}, {{"path": "l", "link_target": "a"}},
                {{"path": "b", "sha256": "{hash}"}}, {{"path": "a", "sha256": "11"}}]"#
        );
        let hashes = HashMap::from([("a".to_owned(), [0; 32])]);
        let found = |leads_to: &str| {
            let links = HashMap::from([("l".to_owned(), leads_to.to_owned())]);
            verified(&list, &hashes, &links).unwrap()
        };
        let wrong = ["b", "a"].map(str::to_owned).to_vec();
        assert_eq!(found("a"), Verified { expected: 3, links: 1, wrong });
        assert_eq!(found("b").wrong, ["l", "b", "a"]);
        assert!(verified("{}", &hashes, &HashMap::new()).is_err());
    }
}

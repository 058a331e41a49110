//! Files of environment variables, as `.env` files are written by hand and by tools.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Bytes of a file at most; a longer one is not such a file.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// The variables of a file; none if there is no file.
///
/// # Errors
/// What the file system says.
pub(super) fn read(file: &Path) -> io::Result<BTreeMap<String, String>> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
        Ok(about) if about.len() > FILE_MAX_BYTES => {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large for such a file"));
        }
        Ok(_) => {}
    }
    Ok(parse(&fs::read_to_string(file)?))
}

/// Makes `variables` the whole content of a file: written beside it, then put in its place, so that
/// a reader sees the old or the new one. Its owner alone may read it.
///
/// # Errors
/// What the file system says; the file is then as it was.
pub(super) fn write(file: &Path, variables: &[(String, String)]) -> io::Result<()> {
    let text: String =
        variables.iter().map(|(key, value)| format!("{key}={}\n", quoted(value))).collect();
    let part = file.with_extension("env.part");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&part)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&part, file)
}

/// Whether a text can be the name of a variable.
pub(super) fn is_key(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.len() <= 256 && text.chars().all(is_letter)
}

/// A value as it is written: in double quotes where it would not be read back as it is.
fn quoted(value: &str) -> String {
    let is_plain = value.trim() == value
        && !value.contains(['"', '\'', '`', '#', '\\', '\n', '\r'])
        && !value.chars().any(char::is_control);
    if is_plain {
        return value.to_owned();
    }
    let mut quoted = String::from('"');
    for letter in value.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' => quoted.extend(['\\', letter]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let (key, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            let key = key.trim();
            is_key(key).then(|| (key.to_owned(), unquoted(value.trim())))
        })
        .collect()
}

/// A value as it was meant: quotes and what stands behind a `#` are not part of it.
fn unquoted(value: &str) -> String {
    let mut letters = value.chars();
    match letters.next() {
        Some('"') => {
            let mut meant = String::new();
            while let Some(letter) = letters.next() {
                match letter {
                    '"' => break,
                    '\\' => match letters.next() {
                        Some('n') => meant.push('\n'),
                        Some('r') => meant.push('\r'),
                        Some(other @ ('"' | '\\')) => meant.push(other),
                        Some(other) => meant.extend(['\\', other]),
                        None => meant.push('\\'),
                    },
                    other => meant.push(other),
                }
            }
            meant
        }
        Some(quote @ ('\'' | '`')) => letters.take_while(|letter| *letter != quote).collect(),
        _ => value.split('#').next().unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        assert!(read(&file).unwrap().is_empty());
        let values =
            ["bar", "", "a b", "x#y", " padded ", "two\nlines\r", "\"q\" 'r' `s`", "\\n", "é"];
        let variables: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| (format!("KEY_{index}"), (*value).to_owned()))
            .collect();
        write(&file, &variables).unwrap();
        let read_back: Vec<_> = read(&file).unwrap().into_iter().collect();
        assert_eq!(read_back, variables);
        write(&file, &[]).unwrap();
        assert!(read(&file).unwrap().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn files_written_by_hand_are_understood() {
        let read = parse("# note\nA=1 # one\n export B = 'x # y'\nC=\"a\\nb\"\nnonsense\n=x\nD=\n");
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, [("A", "1"), ("B", "x # y"), ("C", "a\nb"), ("D", "")]);
    }

    #[test]
    fn names_that_would_break_the_file_are_none() {
        for (name, expected) in [
            ("A_1", true),
            ("a.b-c", true),
            ("", false),
            ("A=B", false),
            ("A\nB", false),
            ("A B", false),
        ] {
            assert_eq!(is_key(name), expected, "{name:?}");
        }
    }
}

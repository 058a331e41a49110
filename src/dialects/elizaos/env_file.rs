//! Files of environment variables, as `.env` files are written by hand and by tools.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::credentials::env_file;

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
    Ok(env_file::parse(&fs::read_to_string(file)?).into_iter().collect())
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
}

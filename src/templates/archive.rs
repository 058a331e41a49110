//! Archives (`tar.gz`) that agents begin with, unpacked within bounds.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use tar::{Entry, EntryType};
use tempfile::TempDir;

use super::local::DESCRIPTION;
use crate::workspace::WorkPath;

/// Bytes of an archive as it comes.
pub const ARCHIVE_MAX_BYTES: usize = 50 * 1024 * 1024;

/// Files, folders and links of an archive.
const ENTRIES_MAX: usize = 1_000;

/// Bytes of all that is in it, with what tells of it.
const UNPACKED_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of what is said of one entry before it.
const EXTENSION_MAX_BYTES: u64 = 64 * 1024;

/// Why an archive was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is none, or holds what none may.
    #[error("the archive cannot be taken: {0}")]
    Invalid(String),
    /// It is too large.
    #[error("the archive is too large: at most {0} bytes are allowed")]
    TooLarge(u64),
    /// It holds too much.
    #[error("the archive holds too much: at most {ENTRIES_MAX} files and folders are allowed")]
    TooMany,
    /// The host's own file system failed.
    #[error("archive: {0}")]
    Io(io::Error),
}

/// An archive, unpacked in a folder that is removed with it.
#[derive(Debug)]
pub(super) struct Unpacked {
    _folder: TempDir,
    /// What agents get.
    pub(super) root: Dir,
    /// Each file in it by its path, with the hash of what is in it.
    pub(super) hashes: HashMap<String, [u8; 32]>,
    /// Links in it by their path, and where each leads; agents do not get them.
    pub(super) links: HashMap<String, String>,
}

/// Unpacks an archive into a folder below `spool`. Blocks.
pub(super) fn unpack(spool: &Path, packed: &[u8]) -> Result<Unpacked, ArchiveError> {
    if packed.len() > ARCHIVE_MAX_BYTES {
        let most = u64::try_from(ARCHIVE_MAX_BYTES).unwrap_or(u64::MAX);
        return Err(ArchiveError::TooLarge(most));
    }
    let folder = TempDir::new_in(spool).map_err(ArchiveError::Io)?;
    let dir =
        Dir::open_ambient_dir(folder.path(), ambient_authority()).map_err(ArchiveError::Io)?;
    let mut unpacking = Unpacking {
        dir,
        hashes: HashMap::new(),
        links: HashMap::new(),
        entries: 0,
        copied_bytes: 0,
    };
    // One byte more than is allowed tells that there are more.
    let plain = GzDecoder::new(packed).take(UNPACKED_MAX_BYTES.saturating_add(1));
    let mut archive = tar::Archive::new(plain);
    let mut said = Said::default();
    // Raw, for otherwise names of any length would be read at once.
    for entry in archive.entries().map_err(invalid)?.raw(true) {
        let mut entry = entry.map_err(invalid)?;
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => {}
            EntryType::XHeader => said.hear(&extension(&mut entry)?)?,
            EntryType::GNULongName => said.path = Some(long(extension(&mut entry)?)?),
            EntryType::GNULongLink => said.link = Some(long(extension(&mut entry)?)?),
            _ => unpacking.take(&mut entry, std::mem::take(&mut said))?,
        }
    }
    if archive.into_inner().limit() == 0 {
        return Err(ArchiveError::TooLarge(UNPACKED_MAX_BYTES));
    }
    let Unpacking { dir, hashes, links, .. } = unpacking;
    let (root, within) = rooted(dir, &hashes).map_err(ArchiveError::Io)?;
    let hashes = beneath(hashes, within.as_deref());
    let links = beneath(links, within.as_deref());
    Ok(Unpacked { _folder: folder, root, hashes, links })
}

/// What is said of the next entry.
#[derive(Default)]
struct Said {
    path: Option<String>,
    link: Option<String>,
}

impl Said {
    /// Reads records of the form `<length> <key>=<value>\n`.
    fn hear(&mut self, mut records: &[u8]) -> Result<(), ArchiveError> {
        let broken = || invalid("what it says of a file is broken");
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
            let length = records.get(..blank).and_then(|length| std::str::from_utf8(length).ok());
            let length: usize = length.and_then(|length| length.parse().ok()).ok_or_else(broken)?;
            let record = records.get(blank + 1..length).ok_or_else(broken)?;
            records = records.get(length..).ok_or_else(broken)?;
            let record = std::str::from_utf8(record).map_err(|_other| broken())?;
            let (key, value) = record
                .strip_suffix('\n')
                .and_then(|record| record.split_once('='))
                .ok_or_else(broken)?;
            match key {
                "path" => self.path = Some(value.to_owned()),
                "linkpath" => self.link = Some(value.to_owned()),
                // The length that counts would be another than the header's.
                "size" => return Err(invalid("a file in it is too large")),
                _ => {}
            }
        }
        Ok(())
    }
}

struct Unpacking {
    dir: Dir,
    hashes: HashMap<String, [u8; 32]>,
    links: HashMap<String, String>,
    entries: usize,
    /// Bytes of files that are copies of others in it.
    copied_bytes: u64,
}

impl Unpacking {
    fn take<R: Read>(&mut self, entry: &mut Entry<'_, R>, said: Said) -> Result<(), ArchiveError> {
        self.entries = self.entries.saturating_add(1);
        if self.entries > ENTRIES_MAX {
            return Err(ArchiveError::TooMany);
        }
        let path = match said.path {
            Some(path) => path,
            None => text(entry.path_bytes().as_ref())?,
        };
        let at = inside(&path)?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => self.file(entry, &path, &at),
            EntryType::Directory => {
                self.dir.create_dir_all(at.to_string()).map_err(|error| invalid(error.to_string()))
            }
            EntryType::Symlink | EntryType::Link => {
                let target = match said.link {
                    Some(link) => link,
                    None => text(entry.link_name_bytes().unwrap_or_default().as_ref())?,
                };
                // Those of a name are from the folder they are in, those of a file from the root.
                let is_of_name = entry.header().entry_type() == EntryType::Symlink;
                let from = if is_of_name { at.parent().to_string() } else { ".".to_owned() };
                let leads_on = |error| invalid(format!("{path} leads elsewhere: {error}"));
                let led: Result<WorkPath, _> = match target.starts_with('/') {
                    true => return Err(invalid(format!("{path} leads to an absolute path"))),
                    false => format!("{from}/{target}").parse(),
                };
                let led = led.map_err(leads_on)?;
                if is_of_name {
                    self.links.insert(at.to_string(), target);
                    return Ok(());
                }
                self.copy(&path, &at, &led)
            }
            _ => Err(invalid(format!("{path} is neither a file nor a folder"))),
        }
    }

    /// Another name of a file that is there already: a file with the same in it.
    fn copy(&mut self, named: &str, at: &WorkPath, of: &WorkPath) -> Result<(), ArchiveError> {
        let (at_text, of_text) = (at.to_string(), of.to_string());
        if at_text == of_text {
            return Ok(());
        }
        if let Some(target) = self.links.get(&of_text) {
            let target = target.clone();
            self.links.insert(at_text, target);
            return Ok(());
        }
        let Some(hash) = self.hashes.get(&of_text).copied() else {
            return Err(invalid(format!("{named} leads to {of_text}, which is no file before it")));
        };
        let wrong = |error: io::Error| invalid(format!("{named}: {error}"));
        let bytes = self.dir.metadata(&of_text).map_err(wrong)?.len();
        self.copied_bytes = self.copied_bytes.saturating_add(bytes);
        // Each is a file of its own here: some bytes of an archive could become any number.
        if self.copied_bytes > UNPACKED_MAX_BYTES {
            return Err(ArchiveError::TooLarge(UNPACKED_MAX_BYTES));
        }
        let above = at.parent();
        if !above.is_home() {
            self.dir.create_dir_all(above.to_string()).map_err(wrong)?;
        }
        self.dir.copy(&of_text, &self.dir, &at_text).map_err(wrong)?;
        self.hashes.insert(at_text, hash);
        Ok(())
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        named: &str,
        at: &WorkPath,
    ) -> Result<(), ArchiveError> {
        if at.is_home() {
            return Err(invalid("it holds a file without a name"));
        }
        let wrong = |error: io::Error| invalid(format!("{named}: {error}"));
        let above = at.parent();
        if !above.is_home() {
            self.dir.create_dir_all(above.to_string()).map_err(wrong)?;
        }
        let mut file = self.dir.create(at.to_string()).map_err(wrong)?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let count = entry.read(&mut piece).map_err(invalid)?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
            hash.update(read);
            file.write_all(read).map_err(ArchiveError::Io)?;
        }
        make_program(&file, entry.header().mode().unwrap_or(0)).map_err(ArchiveError::Io)?;
        self.hashes.insert(at.to_string(), hash.finalize().into());
        Ok(())
    }
}

#[cfg(unix)]
fn make_program(file: &cap_std::fs::File, mode: u32) -> io::Result<()> {
    use cap_std::fs::{Permissions, PermissionsExt};

    // Nobody else's business: there may be credentials among them.
    let mode = if mode & 0o111 == 0 { 0o600 } else { 0o700 };
    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn make_program(_file: &cap_std::fs::File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// What agents get: of an archive with a single folder and nothing else, that folder, and its name.
fn rooted(dir: Dir, hashes: &HashMap<String, [u8; 32]>) -> io::Result<(Dir, Option<String>)> {
    if hashes.contains_key(DESCRIPTION) {
        return Ok((dir, None));
    }
    let mut entries = dir.entries()?;
    let (Some(only), None) = (entries.next(), entries.next()) else { return Ok((dir, None)) };
    let only = only?;
    if !only.file_type()?.is_dir() {
        return Ok((dir, None));
    }
    let name = only.file_name().to_string_lossy().into_owned();
    Ok((only.open_dir()?, Some(name)))
}

/// Those below a folder, by their paths in it; without one, all.
fn beneath<T>(all: HashMap<String, T>, folder: Option<&str>) -> HashMap<String, T> {
    let Some(folder) = folder else { return all };
    let within = |(path, value): (String, T)| {
        let path = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((path.to_owned(), value))
    };
    all.into_iter().filter_map(within).collect()
}

/// The place of an entry, which is within.
fn inside(path: &str) -> Result<WorkPath, ArchiveError> {
    let is_up = path.split('/').any(|name| name == "..");
    if path.starts_with('/') || is_up {
        return Err(invalid(format!("{path} leads out of it")));
    }
    path.parse().map_err(|error| invalid(format!("{path}: {error}")))
}

fn extension<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    let most = EXTENSION_MAX_BYTES.saturating_add(1);
    entry.take(most).read_to_end(&mut bytes).map_err(invalid)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) >= most {
        return Err(invalid("what it says of a file is too long"));
    }
    Ok(bytes)
}

fn long(mut bytes: Vec<u8>) -> Result<String, ArchiveError> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    text(&bytes)
}

fn text(bytes: &[u8]) -> Result<String, ArchiveError> {
    let text = String::from_utf8(bytes.to_vec());
    text.map_err(|_other| invalid("a name in it is no text in UTF-8"))
}

fn invalid(reason: impl ToString) -> ArchiveError {
    ArchiveError::Invalid(reason.to_string())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    fn header(path: &str, kind: EntryType, size: usize) -> Header {
        let mut header = Header::new_gnu();
        // By hand: the library refuses what an attacker writes.
        let name = &mut header.as_gnu_mut().unwrap().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size.try_into().unwrap());
        header.set_mode(0o755);
        header.set_cksum();
        header
    }

    fn packed(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, content) in entries {
            let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
            let mut header = header(path, *kind, if is_link { 0 } else { content.len() });
            if is_link {
                let link = &mut header.as_gnu_mut().unwrap().linkname;
                link[..content.len()].copy_from_slice(content.as_bytes());
                header.set_cksum();
                builder.append(&header, io::empty()).unwrap();
            } else {
                builder.append(&header, content.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(entries: &[(&str, EntryType, &str)]) -> Result<Vec<String>, String> {
        let spool = tempfile::tempdir().unwrap();
        let unpacked = unpack(spool.path(), &packed(entries)).map_err(|error| error.to_string())?;
        let mut paths: Vec<_> = unpacked.hashes.into_keys().collect();
        paths.sort();
        Ok(paths)
    }

    const FILE: EntryType = EntryType::Regular;
    const LINK: EntryType = EntryType::Symlink;

    #[test]
    fn files_are_unpacked_and_whatever_leads_out_is_refused() {
        let plain = [("./a", FILE, "1"), ("b/", EntryType::Directory, ""), ("b/c", FILE, "2")];
        assert_eq!(unpacked(&plain).unwrap(), ["a", "b/c"]);
        let within = [("x/template.yaml", FILE, "1"), ("x/in", LINK, "deep/../template.yaml")];
        assert_eq!(unpacked(&within).unwrap(), ["template.yaml"]);
        let twice = [("a", FILE, "1"), ("b/c", EntryType::Link, "a"), ("l", LINK, "a")];
        assert_eq!(unpacked(&twice).unwrap(), ["a", "b/c"]);
        let spool = tempfile::tempdir().unwrap();
        let found = unpack(spool.path(), &packed(&twice)).unwrap();
        assert_eq!(found.root.read_to_string("b/c").unwrap(), "1");
        assert_eq!(found.hashes["a"], found.hashes["b/c"]);
        assert_eq!(found.links, HashMap::from([("l".to_owned(), "a".to_owned())]));
        for (path, kind, content) in [
            ("hard", EntryType::Link, "nothing"),
            ("../a", FILE, ""),
            ("a/../../b", FILE, ""),
            ("a/../b", FILE, ""),
            ("/etc/x", FILE, ""),
            ("a\nb", FILE, ""),
            ("a\\b", FILE, ""),
            ("", FILE, ""),
            ("pipe", EntryType::Fifo, ""),
            ("device", EntryType::Char, ""),
            ("disk", EntryType::Block, ""),
            ("out", LINK, "/etc/passwd"),
            ("out", LINK, "../x"),
            ("deep/out", LINK, "../../x"),
            ("hard", EntryType::Link, "../x"),
            ("hard", EntryType::Link, "/etc/passwd"),
            ("strange", EntryType::new(b'Z'), ""),
        ] {
            assert!(unpacked(&[(path, kind, content)]).is_err(), "{path} {kind:?} {content}");
        }
        assert!(unpacked(&[("a", FILE, ""), ("a/b", FILE, "")]).is_err());
        for broken in [&b""[..], b"no archive", &packed(&plain)[..40]] {
            let spool = tempfile::tempdir().unwrap();
            let taken = unpack(spool.path(), broken);
            assert!(taken.is_err() || taken.unwrap().hashes.is_empty());
        }
    }

    #[test]
    fn an_archive_holds_so_much_and_no_more() {
        let names: Vec<String> = (0..=ENTRIES_MAX).map(|nth| nth.to_string()).collect();
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), FILE, "")).collect();
        let told = unpacked(&entries).unwrap_err();
        assert!(told.contains("at most 1000"), "{told}");
        assert!(unpacked(entries.get(1..).unwrap()).is_ok());
        let long = "x".repeat(70_000);
        let told = unpacked(&[("L", EntryType::GNULongName, &long), ("a", FILE, "")]).unwrap_err();
        assert!(told.contains("too long"), "{told}");
    }

    #[test]
    fn many_names_of_a_large_file_are_refused() {
        let large = "x".repeat(3 * 1024 * 1024);
        let names: Vec<String> = (0..100).map(|nth| format!("n{nth}")).collect();
        let mut entries = vec![("large", FILE, large.as_str())];
        entries.extend(names.iter().map(|name| (name.as_str(), EntryType::Link, "large")));
        let told = unpacked(&entries).unwrap_err();
        assert!(told.contains("too large"), "{told}");
    }

    #[test]
    fn long_names_are_read_in_either_form() {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let gnu = format!("{}/gnu", "g".repeat(120));
        let mut plain = Header::new_gnu();
        plain.set_size(1);
        builder.append_data(&mut plain, &gnu, &b"1"[..]).unwrap();
        let pax = format!("{}/pax é", "p".repeat(120));
        builder.append_pax_extensions([("path", pax.as_bytes()), ("mtime", b"1.5")]).unwrap();
        builder.append(&header("short", FILE, 1), &b"2"[..]).unwrap();
        let packed = builder.into_inner().unwrap().finish().unwrap();
        let spool = tempfile::tempdir().unwrap();
        let unpacked = unpack(spool.path(), &packed).unwrap();
        assert!(unpacked.hashes.contains_key(&gnu) && unpacked.hashes.contains_key(&pax));
    }
}

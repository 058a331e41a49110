//! Which version of a file it is, and whether that is the one a client means (RFC 9110, section 13).

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{
    HeaderMap, HeaderName, HeaderValue, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE,
};

use super::etag;

/// The end of the range that dates of HTTP have: the year 9999.
const DATES_END: Duration = Duration::from_secs(253_402_300_800);

/// What tells one version of a file from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Its entity tag.
    pub tag: Option<HeaderValue>,
    /// When it came to be, as HTTP tells it.
    pub modified: Option<HttpDate>,
}

/// What a client gets whose request depends on the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The file.
    Met,
    /// Nothing, for it has this version already.
    Held,
    /// Nothing, for it wanted another version.
    Unmet,
}

impl Version {
    /// The version of the file that is as described; `is_fixed` where the same name never gets
    /// another content.
    ///
    /// The tag is the length and the time of the last change: what elizaOS' clients meet. Two
    /// versions may share it, unless there is only one.
    #[must_use]
    pub fn of(about: &Metadata, is_fixed: bool) -> Self {
        let since = changed(about).and_then(|it| it.duration_since(UNIX_EPOCH).ok());
        let Some(since) = since else { return Self::default() };
        let mark = if is_fixed { "" } else { "W/" };
        let tag = format!("{mark}\"{:x}-{:x}\"", about.len(), since.as_millis());
        // In whole seconds, so that it is equal to what a client makes of it.
        let seconds = Duration::from_secs(since.as_secs());
        let modified = (since < DATES_END).then(|| UNIX_EPOCH.checked_add(seconds)).flatten();
        Self { tag: HeaderValue::from_str(&tag).ok(), modified: modified.map(HttpDate::from) }
    }

    /// What the conditions of a `GET` come to, in the order in which they count.
    #[must_use]
    pub fn meets(&self, request: &HeaderMap) -> Condition {
        let is_wanted = match request.get(IF_MATCH) {
            Some(wanted) => self.is_among(wanted),
            None => date(request, &IF_UNMODIFIED_SINCE)
                .zip(self.modified)
                .is_none_or(|(since, modified)| modified <= since),
        };
        if !is_wanted {
            return Condition::Unmet;
        }
        // By its tag, or else by its date, which tells less.
        let is_held = if request.contains_key(IF_NONE_MATCH) {
            self.tag.as_ref().is_some_and(|tag| etag::is_held(request, tag))
        } else {
            date(request, &IF_MODIFIED_SINCE)
                .zip(self.modified)
                .is_some_and(|(since, modified)| modified <= since)
        };
        if is_held { Condition::Held } else { Condition::Met }
    }

    /// Whether a part of this version fits those that the client has, if it has any.
    #[must_use]
    pub fn continues(&self, request: &HeaderMap) -> bool {
        let Some(held) = request.get(IF_RANGE) else { return true };
        match date(request, &IF_RANGE) {
            Some(held) => self.modified == Some(held),
            None => self.is_same(held.as_bytes()),
        }
    }

    fn is_among(&self, wanted: &HeaderValue) -> bool {
        let mut tags = wanted.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|tag| tag == b"*" || self.is_same(tag))
    }

    /// Whether it surely is the version of that tag; of a weak one that is never sure.
    fn is_same(&self, tag: &[u8]) -> bool {
        !tag.starts_with(b"W/") && self.tag.as_ref().is_some_and(|own| own.as_bytes() == tag)
    }
}

fn date(request: &HeaderMap, name: &HeaderName) -> Option<HttpDate> {
    request.get(name)?.to_str().ok()?.parse().ok()
}

/// When the file came to be as it is: packages unpack their files with one and the same date of long
/// ago, and the next version's must not be taken for this one's.
fn changed(about: &Metadata) -> Option<SystemTime> {
    about.modified().ok().max(placed(about))
}

#[cfg(unix)]
fn placed(about: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;

    let seconds = Duration::from_secs(u64::try_from(about.ctime()).ok()?);
    let nanos = Duration::from_nanos(u64::try_from(about.ctime_nsec()).ok()?);
    UNIX_EPOCH.checked_add(seconds)?.checked_add(nanos)
}

#[cfg(not(unix))]
fn placed(_: &Metadata) -> Option<SystemTime> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    const DATE: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const LATER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";
    const EARLIER: &str = "Sun, 09 Sep 2001 01:46:39 GMT";

    fn version(tag: &'static str) -> Version {
        let modified = HttpDate::from(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        Version { tag: Some(HeaderValue::from_static(tag)), modified: Some(modified) }
    }

    fn request(headers: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            request.insert(name.clone(), HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn a_file_is_as_old_as_its_being_there_however_old_it_says_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.html");
        fs::write(&path, "one").unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(499_162_500);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let about = || fs::metadata(&path).unwrap();
        assert!(Version::of(&about(), false).modified > Some(long_ago.into()));
        assert_eq!(Version::of(&about(), false), Version::of(&about(), false));
        let tag = |is_fixed| Version::of(&about(), is_fixed).tag.unwrap();
        assert_eq!(tag(false).to_str().unwrap(), format!("W/{}", tag(true).to_str().unwrap()));
    }

    #[test]
    fn conditions_count_in_their_order() {
        use Condition::{Held, Met, Unmet};
        for (headers, strong, weak) in [
            (&[][..], Met, Met),
            (&[(IF_MATCH, "\"a\"")], Met, Unmet),
            (&[(IF_MATCH, "\"x\", \"a\"")], Met, Unmet),
            (&[(IF_MATCH, "W/\"a\"")], Unmet, Unmet),
            (&[(IF_MATCH, "\"x\"")], Unmet, Unmet),
            (&[(IF_MATCH, "*")], Met, Met),
            (&[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, EARLIER)], Met, Unmet),
            (&[(IF_UNMODIFIED_SINCE, EARLIER)], Unmet, Unmet),
            (&[(IF_UNMODIFIED_SINCE, DATE)], Met, Met),
            (&[(IF_UNMODIFIED_SINCE, "yesterday")], Met, Met),
            (&[(IF_NONE_MATCH, "\"a\"")], Held, Held),
            (&[(IF_NONE_MATCH, "W/\"a\"")], Held, Held),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, DATE)], Met, Met),
            (&[(IF_MODIFIED_SINCE, DATE)], Held, Held),
            (&[(IF_MODIFIED_SINCE, EARLIER)], Met, Met),
            (&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a\"")], Unmet, Unmet),
        ] {
            let request = request(headers);
            assert_eq!(version("\"a\"").meets(&request), strong, "{headers:?}");
            assert_eq!(version("W/\"a\"").meets(&request), weak, "{headers:?}");
        }
        let unknown = Version::default();
        assert_eq!(unknown.meets(&request(&[(IF_NONE_MATCH, "\"a\"")])), Met);
        assert_eq!(unknown.meets(&request(&[(IF_UNMODIFIED_SINCE, DATE)])), Met);
    }

    #[test]
    fn parts_of_two_versions_do_not_make_one() {
        for (held, strong, weak) in [
            ("\"a\"", true, false),
            ("W/\"a\"", false, false),
            ("\"x\"", false, false),
            (DATE, true, true),
            (LATER, false, false),
            (EARLIER, false, false),
        ] {
            let request = request(&[(IF_RANGE, held)]);
            assert_eq!(version("\"a\"").continues(&request), strong, "{held}");
            assert_eq!(version("W/\"a\"").continues(&request), weak, "{held}");
        }
        assert!(version("W/\"a\"").continues(&HeaderMap::new()));
    }
}

//! A file as an answer: with its entity tag and date, in whole or in part.
//!
//! Not `actix_files::NamedFile`: its tags are strong and tell the inode, it answers several ranges
//! with the first, and it cannot count for a range of an empty file.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ContentEncoding,
    ETAG, HeaderMap, HeaderValue, HttpDate, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use actix_web::web::{self, Bytes};
use futures::Stream;
use futures::stream;

use super::etag;
use super::range::Extent;

/// Bytes that are read at a time: enough that a thread is not fetched for little, and what a slow
/// client makes a host keep.
const PIECE: u64 = 64 * 1024;

/// The end of the range that dates of HTTP have: the year 9999.
const DATES_END: Duration = Duration::from_secs(253_402_300_800);

/// Clients ask each time whether it has changed.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=0");

/// A file that is open, as an answer.
#[derive(Debug)]
pub struct ServedFile {
    file: File,
    length: u64,
    modified: Option<SystemTime>,
    media_type: String,
    encoding: Option<ContentEncoding>,
    /// Whether another client may get it in another encoding.
    varies: bool,
}

impl ServedFile {
    /// The file, to be sent as that media type.
    ///
    /// # Errors
    /// What it is cannot be learnt.
    pub fn new(file: File, media_type: impl Into<String>) -> std::io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self {
            length: about.len(),
            modified: changed(&about),
            file,
            media_type: media_type.into(),
            encoding: None,
            varies: false,
        })
    }

    /// The same, as one of several encodings of what is meant; `None` for the plain one.
    #[must_use]
    pub fn encoded(self, encoding: Option<ContentEncoding>) -> Self {
        Self { encoding, varies: true, ..self }
    }

    /// The same, as another media type.
    #[must_use]
    pub fn said_to_be(self, media_type: impl Into<String>) -> Self {
        Self { media_type: media_type.into(), ..self }
    }

    /// What those headers of a `GET` ask for.
    #[must_use]
    pub fn answer(self, request: &HeaderMap) -> HttpResponse {
        let modified = self.date();
        let tag = self.tag();
        let mut answer = HttpResponse::Ok();
        answer.insert_header((CACHE_CONTROL, CACHED)).insert_header((ACCEPT_RANGES, "bytes"));
        if let Some(tag) = &tag {
            answer.insert_header((ETAG, tag.clone()));
        }
        if let Some(modified) = modified {
            answer.insert_header((LAST_MODIFIED, modified));
        }
        if self.varies {
            answer.insert_header((VARY, "Accept-Encoding"));
        }
        if is_held(request, tag.as_ref(), modified) {
            return answer.status(StatusCode::NOT_MODIFIED).finish();
        }
        let (start, length) = match Extent::asked(request, self.length, modified) {
            Extent::Whole => (0, self.length),
            Extent::Beyond => {
                let range = format!("bytes */{}", self.length);
                answer.insert_header((CONTENT_RANGE, range));
                return answer.status(StatusCode::RANGE_NOT_SATISFIABLE).finish();
            }
            Extent::Part { start, length } => {
                let last = start.saturating_add(length).saturating_sub(1);
                let range = format!("bytes {start}-{last}/{}", self.length);
                answer.insert_header((CONTENT_RANGE, range));
                answer.status(StatusCode::PARTIAL_CONTENT);
                (start, length)
            }
        };
        answer.insert_header((CONTENT_TYPE, self.media_type));
        if let Some(encoding) = self.encoding {
            answer.insert_header((CONTENT_ENCODING, encoding));
        }
        answer.body(SizedStream::new(length, pieces(self.file, start, length)))
    }

    /// The date of the last change, where HTTP can tell it.
    fn date(&self) -> Option<HttpDate> {
        let since = self.modified?.duration_since(UNIX_EPOCH).ok()?;
        // In whole seconds, so that it is equal to what a client makes of it.
        let seconds = Duration::from_secs(since.as_secs());
        (since < DATES_END).then(|| UNIX_EPOCH.checked_add(seconds)).flatten().map(HttpDate::from)
    }

    /// Its length and the time of its last change: what elizaOS' clients meet.
    fn tag(&self) -> Option<HeaderValue> {
        let since = self.modified?.duration_since(UNIX_EPOCH).ok()?;
        let tag = format!("W/\"{:x}-{:x}\"", self.length, since.as_millis());
        HeaderValue::from_str(&tag).ok()
    }
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

/// Whether the client has it already: by its tag, or else by its date, which tells less.
fn is_held(request: &HeaderMap, tag: Option<&HeaderValue>, modified: Option<HttpDate>) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        return tag.is_some_and(|tag| etag::is_held(request, tag));
    }
    let since = request.get(IF_MODIFIED_SINCE).and_then(|since| since.to_str().ok());
    let since = since.and_then(|since| since.parse::<HttpDate>().ok());
    since.zip(modified).is_some_and(|(since, modified)| modified <= since)
}

/// A part of a file, piece by piece; reading is left to threads that may block.
fn pieces(
    file: File,
    start: u64,
    length: u64,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + 'static {
    stream::try_unfold((file, start, length), |(mut file, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = web::block(move || {
            let mut piece = Vec::new();
            file.seek(SeekFrom::Start(at))?;
            file.by_ref().take(left.min(PIECE)).read_to_end(&mut piece)?;
            Ok::<_, std::io::Error>((file, piece))
        });
        let (file, piece) = read.await.map_err(std::io::Error::other)??;
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if count == 0 {
            // It has become shorter since its length was told.
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let next = (file, at.saturating_add(count), left.saturating_sub(count));
        Ok(Some((Bytes::from(piece), next)))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_as_old_as_its_being_there_however_old_it_says_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.html");
        fs::write(&path, "one").unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(499_162_500);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let served = || ServedFile::new(File::open(&path).unwrap(), "text/html").unwrap();
        assert!(served().date() > Some(long_ago.into()));
        assert_eq!((served().tag(), served().date()), (served().tag(), served().date()));
    }
}

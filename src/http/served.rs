//! A file as an answer: with its entity tag and date, in whole or in part.
//!
//! Not `actix_files::NamedFile`: its tags are strong and tell the inode, it answers several ranges
//! with the first, and it cannot count for a range of an empty file.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_RANGE,
    CONTENT_TYPE, ContentDisposition, ContentEncoding, DispositionParam, DispositionType, ETAG,
    HeaderMap, HeaderValue, LAST_MODIFIED, VARY,
};
use actix_web::web::{self, Bytes};
use futures::Stream;
use futures::stream;

use super::range::Extent;
use super::version::{Condition, Version};

/// Bytes that are read at a time: enough that a thread is not fetched for little, and what a slow
/// client makes a host keep.
const PIECE: u64 = 64 * 1024;

/// A file that is open, as an answer.
#[derive(Debug)]
pub struct ServedFile {
    file: File,
    about: Metadata,
    media_type: String,
    encoding: Option<ContentEncoding>,
    /// Whether another client may get it in another encoding.
    varies: bool,
    /// Whether its name never gets another content.
    is_fixed: bool,
    /// Who may keep it, and for how long before they ask again.
    cache: &'static str,
    /// The name to save it under, where browsers are not to show it.
    saved_as: Option<String>,
}

impl ServedFile {
    /// The file, to be sent as that media type; clients ask each time whether it has changed. Blocks.
    ///
    /// # Errors
    /// What it is cannot be learnt.
    pub fn new(file: File, media_type: impl Into<String>) -> io::Result<Self> {
        Ok(Self {
            about: file.metadata()?,
            file,
            media_type: media_type.into(),
            encoding: None,
            varies: false,
            is_fixed: false,
            cache: "public, max-age=0",
            saved_as: None,
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

    /// The same, whose name never gets another content: parts of it can be put together.
    #[must_use]
    pub fn fixed(self) -> Self {
        Self { is_fixed: true, ..self }
    }

    /// The same, for caches that heed this.
    #[must_use]
    pub fn cached(self, cache: &'static str) -> Self {
        Self { cache, ..self }
    }

    /// The same, to be saved under that name rather than shown.
    #[must_use]
    pub fn saved_as(self, name: impl Into<String>) -> Self {
        Self { saved_as: Some(name.into()), ..self }
    }

    /// What those headers of a `GET` ask for.
    #[must_use]
    pub fn answer(self, request: &HeaderMap) -> HttpResponse {
        let size = self.about.len();
        let version = Version::of(&self.about, self.is_fixed);
        let extent = Extent::asked(request, size, &version);
        let condition = version.meets(request);
        let mut answer = HttpResponse::Ok();
        answer.insert_header((CACHE_CONTROL, self.cache)).insert_header((ACCEPT_RANGES, "bytes"));
        if let Some(tag) = version.tag {
            answer.insert_header((ETAG, tag));
        }
        if let Some(modified) = version.modified {
            answer.insert_header((LAST_MODIFIED, modified));
        }
        if self.varies {
            answer.insert_header((VARY, "Accept-Encoding"));
        }
        match condition {
            Condition::Met => {}
            Condition::Held => return answer.status(StatusCode::NOT_MODIFIED).finish(),
            Condition::Unmet => return answer.status(StatusCode::PRECONDITION_FAILED).finish(),
        }
        let (start, length) = match extent {
            Extent::Whole => (0, size),
            Extent::Beyond => {
                answer.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
                return answer.status(StatusCode::RANGE_NOT_SATISFIABLE).finish();
            }
            Extent::Part { start, length } => {
                let last = start.saturating_add(length).saturating_sub(1);
                answer.insert_header((CONTENT_RANGE, format!("bytes {start}-{last}/{size}")));
                answer.status(StatusCode::PARTIAL_CONTENT);
                (start, length)
            }
        };
        answer.insert_header((CONTENT_TYPE, self.media_type));
        if let Some(encoding) = self.encoding {
            answer.insert_header((CONTENT_ENCODING, encoding));
        }
        if let Some(name) = self.saved_as {
            answer.insert_header((CONTENT_DISPOSITION, to_save(name)));
        }
        answer.body(SizedStream::new(length, pieces(self.file, start, length)))
    }
}

/// A media type, with the charset where it is of text: all text here is UTF-8.
#[must_use]
pub fn in_utf8(media_type: &str) -> String {
    let charset = if media_type.starts_with("text/") { "; charset=utf-8" } else { "" };
    format!("{media_type}{charset}")
}

fn to_save(name: String) -> HeaderValue {
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    HeaderValue::from_str(&disposition.to_string())
        // Without a name that headers cannot tell, the client takes that of the path.
        .unwrap_or(HeaderValue::from_static("attachment"))
}

/// A part of a file, piece by piece; reading is left to threads that may block.
fn pieces(file: File, start: u64, length: u64) -> impl Stream<Item = io::Result<Bytes>> + 'static {
    stream::try_unfold((file, start, length), |(mut file, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = web::block(move || {
            let mut piece = Vec::new();
            file.seek(SeekFrom::Start(at))?;
            file.by_ref().take(left.min(PIECE)).read_to_end(&mut piece)?;
            Ok::<_, io::Error>((file, piece))
        });
        let (file, piece) = read.await.map_err(io::Error::other)??;
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if count == 0 {
            // It has become shorter since its length was told.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let next = (file, at.saturating_add(count), left.saturating_sub(count));
        Ok(Some((Bytes::from(piece), next)))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use actix_web::body::to_bytes;
    use actix_web::http::header::HeaderName;

    use super::*;

    fn served(content: &str) -> ServedFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, content).unwrap();
        ServedFile::new(File::open(path).unwrap(), in_utf8("text/plain")).unwrap()
    }

    fn asking(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.insert(HeaderName::from_static(name), value);
        }
        request
    }

    fn header(answer: &HttpResponse, name: &str) -> String {
        let value = answer.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    }

    #[actix_web::test]
    async fn ranges_and_conditions_are_heeded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "0123456789").unwrap();
        let get = |headers: &[(&'static str, &str)]| {
            let file = ServedFile::new(File::open(&path).unwrap(), in_utf8("text/plain"));
            file.unwrap().fixed().answer(&asking(headers))
        };
        let whole = get(&[]);
        assert_eq!(header(&whole, "content-type"), "text/plain; charset=utf-8");
        assert_eq!(header(&whole, "cache-control"), "public, max-age=0");
        let (tag, since) = (header(&whole, "etag"), header(&whole, "last-modified"));
        assert!(tag.starts_with('"'), "{tag}");
        for (headers, status, body, range) in [
            (vec![], 200, "0123456789", ""),
            (vec![("range", "bytes=0-3")], 206, "0123", "bytes 0-3/10"),
            (vec![("range", "bytes=-2")], 206, "89", "bytes 8-9/10"),
            (vec![("range", "bytes=10-")], 416, "", "bytes */10"),
            (vec![("range", "lines=1-2")], 200, "0123456789", ""),
            (vec![("range", "bytes=0-3"), ("if-range", &tag)], 206, "0123", "bytes 0-3/10"),
            (vec![("range", "bytes=0-3"), ("if-range", "\"other\"")], 200, "0123456789", ""),
            (vec![("range", "bytes=0-3"), ("if-range", &since)], 206, "0123", "bytes 0-3/10"),
            (vec![("if-none-match", &tag), ("range", "bytes=10-")], 304, "", ""),
            (vec![("if-modified-since", &since)], 304, "", ""),
            (vec![("if-match", "\"other\""), ("range", "bytes=10-")], 412, "", ""),
        ] {
            let heard = get(&headers);
            assert_eq!(heard.status().as_u16(), status, "{headers:?}");
            assert_eq!(header(&heard, "content-range"), range, "{headers:?}");
            assert_eq!(heard.headers().contains_key("content-type"), status < 300, "{headers:?}");
            assert_eq!(to_bytes(heard.into_body()).await.unwrap(), body, "{headers:?}");
        }
    }

    #[actix_web::test]
    async fn an_empty_file_is_sent_whatever_part_of_it_is_asked_for() {
        for range in ["bytes=-5", "bytes=-0", "bytes=0-", "bytes=0-0", "bytes=1-"] {
            let heard = served("").answer(&asking(&[("range", range)]));
            assert_eq!(heard.status(), 200, "{range}");
            assert_eq!(to_bytes(heard.into_body()).await.unwrap(), "");
        }
    }

    #[test]
    fn what_is_not_to_be_shown_is_to_be_saved() {
        let shown = served("x").answer(&HeaderMap::new());
        assert_eq!(header(&shown, "content-disposition"), "");
        for (name, expected) in [
            ("a.exe", "attachment; filename=\"a.exe\""),
            ("a\".exe", "attachment; filename=\"a\\\".exe\""),
            ("a\r\nb", "attachment"),
        ] {
            let saved = served("x").saved_as(name).cached("private, max-age=0");
            let saved = saved.answer(&HeaderMap::new());
            assert_eq!(header(&saved, "content-disposition"), expected);
            assert_eq!(header(&saved, "cache-control"), "private, max-age=0");
        }
    }
}

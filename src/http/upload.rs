//! Files in requests: forms of several parts, whose file is written down as it arrives.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, DispositionParam, HeaderMap};
use actix_web::web::Payload;
use futures::{Stream, StreamExt};
use greenroom_actors::error::StoreError;

use crate::media::{self, Spool, Spooled};

/// Bytes of a file at most: 50 MB, as elizaOS has it.
pub const FILE_MAX_BYTES: u64 = 50 * 1024 * 1024;

/// Parts of a form at most, and bytes of all its texts with their names.
const PARTS_MAX: usize = 32;
const TEXTS_MAX_BYTES: usize = 64 * 1024;

/// Bytes of a form beside its file and its texts: boundaries, and headers of the parts.
const AROUND_MAX_BYTES: u64 = 64 * 1024;

/// What a form may hold, and how long it may take.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Names of the field that holds the file.
    pub names: &'a [&'a str],
    /// Whether a file that says to be of this type is taken at all.
    pub is_welcome: fn(&str) -> bool,
    /// Bytes of the file at most.
    pub max_bytes: u64,
    /// How long nothing may arrive.
    pub idle: Duration,
    /// How long it may take in all.
    pub within: Duration,
}

/// What a form held.
#[derive(Debug, Default)]
pub struct Form {
    /// The file, unless there was none.
    pub file: Option<Upload>,
    /// All else, by its name; of two fields of one name the first.
    pub texts: BTreeMap<String, String>,
}

/// A file as it came.
#[derive(Debug)]
pub struct Upload {
    /// What was in it. Removed when this is dropped.
    pub file: Spooled,
    /// How the client calls it: anything, such as a path.
    pub name: String,
    /// What the client says it is, in lower case and without parameters.
    pub media_type: String,
}

/// Why a form was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The request holds no form.
    #[error("expected multipart/form-data")]
    NotAForm,
    /// It is no form that can be taken apart.
    #[error("the form is malformed: {0}")]
    Malformed(String),
    /// It broke off.
    #[error("the form broke off")]
    BrokenOff,
    /// It was not all there in time.
    #[error("nothing arrived for {0:?}")]
    Stalled(Duration),
    /// It took too long.
    #[error("the form did not arrive within {0:?}")]
    TooSlow(Duration),
    /// The file is larger than that.
    #[error("the file is larger than {0} bytes")]
    FileTooLarge(u64),
    /// It has more parts.
    #[error("the form has more than {PARTS_MAX} parts")]
    TooManyParts,
    /// Its texts are longer.
    #[error("the texts of the form are longer than {TEXTS_MAX_BYTES} bytes")]
    TextsTooLarge,
    /// A file stands in a field that is not for it.
    #[error("unexpected file in the field \"{0}\"")]
    UnexpectedFile(String),
    /// There are several files.
    #[error("more than one file")]
    TooManyFiles,
    /// The file says to be of a type that is not taken.
    #[error("files of the type \"{0}\" are not taken")]
    Type(String),
    /// It could not be written down.
    #[error("could not write the file down: {0}")]
    Storage(StoreError),
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Self::Storage(media::failed(error))
    }
}

/// Reads a form.
///
/// # Errors
/// Each [`UploadError`] where its words apply, as soon as they do: a file that is too large is not
/// read to its end. Nothing of it is left then.
pub async fn read(
    headers: &HeaderMap,
    payload: Payload,
    spool: &Spool,
    rules: Rules<'_>,
) -> Result<Form, UploadError> {
    if !is_form(headers) {
        return Err(UploadError::NotAForm);
    }
    let texts_max = u64::try_from(TEXTS_MAX_BYTES).unwrap_or(u64::MAX);
    let around = texts_max.saturating_add(AROUND_MAX_BYTES);
    let max = rules.max_bytes.saturating_add(around);
    if announced(headers).is_some_and(|announced| announced > max) {
        return Err(UploadError::FileTooLarge(rules.max_bytes));
    }
    let spent = Rc::new(Cell::new(0));
    let form = Multipart::new(headers, counted(payload, Rc::clone(&spent), max));
    let mut reader = Reader { rules, spool, spent, max, form: Form::default(), texts: 0 };
    tokio::time::timeout(rules.within, reader.read(form))
        .await
        .map_err(|_late| UploadError::TooSlow(rules.within))??;
    Ok(reader.form)
}

fn is_form(headers: &HeaderMap) -> bool {
    let sort = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let sort = sort.split(';').next().unwrap_or_default().trim();
    sort.eq_ignore_ascii_case("multipart/form-data")
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body, as long as it is no longer than `max` bytes.
fn counted(
    payload: Payload,
    spent: Rc<Cell<u64>>,
    max: u64,
) -> impl Stream<Item = Result<actix_web::web::Bytes, PayloadError>> {
    payload.map(move |piece| {
        let piece = piece?;
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        spent.set(spent.get().saturating_add(length));
        if spent.get() > max { Err(PayloadError::Overflow) } else { Ok(piece) }
    })
}

/// A form being read.
struct Reader<'a> {
    rules: Rules<'a>,
    spool: &'a Spool,
    /// Bytes of the body so far, and at most.
    spent: Rc<Cell<u64>>,
    max: u64,
    form: Form,
    /// Bytes of texts so far.
    texts: usize,
}

impl Reader<'_> {
    async fn read(&mut self, mut form: Multipart) -> Result<(), UploadError> {
        let mut parts = 0_usize;
        while let Some(field) = self.next(&mut form).await? {
            parts = parts.saturating_add(1);
            if parts > PARTS_MAX {
                return Err(UploadError::TooManyParts);
            }
            let name = field.name().unwrap_or_default().to_owned();
            match file_name(&field) {
                Some(file) => self.file(field, &name, file).await?,
                None => self.text(field, name).await?,
            }
        }
        Ok(())
    }

    async fn file(
        &mut self,
        mut field: Field,
        name: &str,
        file_name: String,
    ) -> Result<(), UploadError> {
        if !self.rules.names.contains(&name) {
            return Err(UploadError::UnexpectedFile(shown(name)));
        }
        if self.form.file.is_some() {
            return Err(UploadError::TooManyFiles);
        }
        // RFC 7578, section 4.4: what does not say is a text.
        let media_type = field.content_type().map_or("text/plain", |sort| sort.essence_str());
        let media_type = media_type.to_ascii_lowercase();
        if !(self.rules.is_welcome)(&media_type) {
            return Err(UploadError::Type(shown(&media_type)));
        }
        let mut file = self.spool.begin().await?;
        while let Some(piece) = self.next(&mut field).await? {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if file.size().saturating_add(length) > self.rules.max_bytes {
                return Err(UploadError::FileTooLarge(self.rules.max_bytes));
            }
            file.write(&piece).await?;
        }
        let file = file.finish().await?;
        self.form.file = Some(Upload { file, name: file_name, media_type });
        Ok(())
    }

    async fn text(&mut self, mut field: Field, name: String) -> Result<(), UploadError> {
        self.texts = self.texts.saturating_add(name.len());
        let mut text = Vec::new();
        while let Some(piece) = self.next(&mut field).await? {
            self.texts = self.texts.saturating_add(piece.len());
            if self.texts > TEXTS_MAX_BYTES {
                return Err(UploadError::TextsTooLarge);
            }
            text.extend_from_slice(&piece);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        self.form.texts.entry(name).or_insert(text);
        Ok(())
    }

    /// The next part of a form, or piece of a part.
    async fn next<T>(
        &self,
        from: &mut (impl Stream<Item = Result<T, MultipartError>> + Unpin),
    ) -> Result<Option<T>, UploadError> {
        let next = tokio::time::timeout(self.rules.idle, from.next()).await;
        let next = next.map_err(|_silence| UploadError::Stalled(self.rules.idle))?;
        next.transpose().map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &MultipartError) -> UploadError {
        match error {
            MultipartError::Payload(PayloadError::Overflow) if self.spent.get() > self.max => {
                UploadError::FileTooLarge(self.rules.max_bytes)
            }
            MultipartError::Payload(PayloadError::Overflow) => UploadError::Malformed(
                "headers of a part, or a line before the first, are too long".to_owned(),
            ),
            MultipartError::Incomplete | MultipartError::Payload(_) => UploadError::BrokenOff,
            error => UploadError::Malformed(error.to_string()),
        }
    }
}

/// The name of the file in a part, if it is one: a text has none.
fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    let plain = disposition.get_filename();
    let extended = disposition.parameters.iter().find_map(|parameter| match parameter {
        DispositionParam::FilenameExt(name) => std::str::from_utf8(&name.value).ok(),
        _ => None,
    });
    let name = extended.or(plain);
    // What says to be bytes is no text, also where it has no name.
    let is_bytes = || {
        field.content_type().is_some_and(|sort| sort.essence_str() == "application/octet-stream")
    };
    match name {
        Some(name) => Some(name.to_owned()),
        None if is_bytes() => Some("blob".to_owned()),
        None => None,
    }
}

/// The beginning of a text that a client made up, for an answer.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::*;

    const MAX: u64 = 1_000;

    const RULES: Rules<'static> = Rules {
        names: &["file"],
        is_welcome: |sort| sort != "text/html",
        max_bytes: MAX,
        idle: Duration::from_secs(10),
        within: Duration::from_secs(10),
    };

    fn part(head: &str, content: &str) -> String {
        format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    async fn sent(
        place: &Path,
        media_type: &str,
        body: &str,
        length: Option<&str>,
    ) -> Result<Form, UploadError> {
        let spool = Spool::open(place).unwrap();
        let mut request = TestRequest::default().set_payload(body.to_owned());
        request = request.insert_header(("content-type", media_type.to_owned()));
        if let Some(length) = length {
            request = request.insert_header(("content-length", length.to_owned()));
        }
        let (request, mut payload) = request.to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        read(request.headers(), payload, &spool, RULES).await
    }

    const FORM: &str = "multipart/form-data; boundary=b";

    #[actix_web::test]
    async fn a_form_is_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let body = [
            part("name=\"metadata\"", "{\"a\": 1}"),
            part(
                "name=\"file\"; filename=\"a b.png\"\r\ncontent-type: Image/PNG; x=y",
                "\r\n--\r\nc",
            ),
            part("name=\"metadata\"", "again"),
            "--b--\r\n".to_owned(),
        ]
        .concat();
        let form = sent(folder.path(), FORM, &body, None).await.unwrap();
        assert_eq!(form.texts, BTreeMap::from([("metadata".to_owned(), "{\"a\": 1}".to_owned())]));
        let upload = form.file.unwrap();
        assert_eq!((upload.name.as_str(), upload.media_type.as_str()), ("a b.png", "image/png"));
        assert_eq!(fs::read(upload.file.path()).unwrap(), b"\r\n--\r\nc");
        drop(upload);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        let unnamed =
            part("name=\"file\"\r\ncontent-type: application/octet-stream", "x") + "--b--";
        let upload = sent(folder.path(), FORM, &unnamed, None).await.unwrap().file.unwrap();
        assert_eq!(upload.name, "blob");
        let umlaut = part("name=\"file\"; filename*=UTF-8''%C3%A4.txt", "x") + "--b--";
        let upload = sent(folder.path(), FORM, &umlaut, None).await.unwrap().file.unwrap();
        assert_eq!((upload.name.as_str(), upload.media_type.as_str()), ("ä.txt", "text/plain"));
    }

    #[actix_web::test]
    async fn what_is_no_such_form_is_refused_with_the_reason_and_leaves_nothing() {
        let file = |content: &str| part("name=\"file\"; filename=\"a\"", content);
        let end = "--b--\r\n";
        let long = "x".repeat(1_001);
        let malformed = |body: &str| (FORM, body.to_owned(), "malformed");
        let table = [
            ("application/json", "{}".to_owned(), "expected multipart/form-data"),
            ("multipart/form-data", file("x") + end, "malformed: Multipart boundary is not found"),
            malformed("--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--"),
            malformed("--b\r\nx: y\r\n\r\nx\r\n--b--"),
            (FORM, part("name=\"a\"\r\ncontent-length: 99", "xyz") + end, "broke off"),
            malformed(&(file("x") + "--bcdef\r\n")),
            malformed(&format!("--b\r\nx: {}", "y".repeat(70_000))),
            (FORM, String::new(), "broke off"),
            (FORM, "no boundary".to_owned(), "broke off"),
            (FORM, file("x"), "broke off"),
            (FORM, file("x").trim_end().to_owned(), "broke off"),
            (FORM, "--b\r\ncontent-dis".to_owned(), "broke off"),
            (FORM, file(&long) + end, "the file is larger than 1000 bytes"),
            (FORM, file("x") + &file("y") + end, "more than one file"),
            (FORM, part("name=\"other\"; filename=\"a\"", "x") + end, "field \"other\""),
            (
                FORM,
                file("x").replace("\r\n\r\n", "\r\ncontent-type: text/html\r\n\r\n") + end,
                "\"text/html\"",
            ),
            (FORM, part("name=\"a\"", "x").repeat(33) + end, "more than 32 parts"),
            (FORM, part("name=\"a\"", &"x".repeat(65_536)) + end, "texts of the form are longer"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (media_type, body, words) in table {
            let refused = sent(folder.path(), media_type, &body, None).await.unwrap_err();
            let start = body.chars().take(120).collect::<String>();
            assert!(refused.to_string().contains(words), "{start:?}: {refused}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{start:?}");
        }
        let early = sent(folder.path(), FORM, "", Some("200000")).await.unwrap_err();
        assert_eq!(early, UploadError::FileTooLarge(MAX));
    }

    #[actix_web::test]
    async fn a_form_that_does_not_come_on_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let begun = actix_web::web::Bytes::from(part("name=\"file\"; filename=\"a\"", "x"));
        let begun = futures::stream::iter([Ok(begun)]).chain(futures::stream::pending());
        let mut payload = actix_web::dev::Payload::Stream { payload: begun.boxed_local() };
        let request =
            TestRequest::default().insert_header(("content-type", FORM)).to_http_request();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        let idle = Duration::from_millis(1);
        let refused = read(request.headers(), payload, &spool, Rules { idle, ..RULES }).await;
        assert_eq!(refused.unwrap_err(), UploadError::Stalled(idle));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

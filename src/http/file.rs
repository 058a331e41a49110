//! Files in answers: whole, in part, or not at all where the client has them already.

use std::fs::File;
use std::io;

use actix_files::NamedFile;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ContentDisposition, DispositionParam,
    DispositionType, HeaderValue,
};
use actix_web::{HttpRequest, HttpResponse};
use tokio::task::spawn_blocking;

/// How a file is answered.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// What it is.
    pub media_type: &'static str,
    /// Whether a browser may show it, rather than save it.
    pub is_inline: bool,
    /// Who may keep it, and for how long.
    pub cache: &'static str,
}

/// The answer to a request for a file, which is read as it is sent.
///
/// It heeds ranges and conditions (RFC 9110, sections 13 and 14). Its tag is a strong one: a file
/// that is kept does not change.
///
/// # Errors
/// What the file system says.
pub async fn answer(
    request: &HttpRequest,
    file: File,
    name: String,
    shown: Shown,
) -> io::Result<HttpResponse> {
    let opened = spawn_blocking(move || NamedFile::from_file(file, &name).map(|file| (file, name)));
    let (file, name) = opened.await.map_err(io::Error::other)??;
    let file = file.disable_content_disposition().prefer_utf8(true);
    let file = match shown.media_type.parse() {
        Ok(media_type) => file.set_content_type(media_type),
        // Every media type here is a constant; the guess by the name's end is as good.
        Err(_) => file,
    };
    let mut answer = if file.metadata().len() == 0 {
        // There is no part of nothing, and `NamedFile` counts below zero for one.
        HttpResponse::Ok().insert_header((CONTENT_TYPE, file.content_type().to_string())).finish()
    } else {
        file.into_response(request)
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(shown.cache));
    if !shown.is_inline {
        let disposition = ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(name)],
        };
        if let Ok(disposition) = HeaderValue::from_str(&disposition.to_string()) {
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
    }
    if answer.status() == StatusCode::NOT_MODIFIED {
        answer.headers_mut().remove(CONTENT_TYPE);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;

    const TEXT: Shown =
        Shown { media_type: "text/plain", is_inline: true, cache: "public, max-age=0" };

    #[actix_web::test]
    async fn ranges_and_conditions_are_heeded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "0123456789").unwrap();
        let get = async |headers: &[(&str, &str)]| {
            let mut request = TestRequest::get();
            for (name, value) in headers {
                request = request.insert_header((*name, *value));
            }
            let file = File::open(&path).unwrap();
            let request = request.to_http_request();
            answer(&request, file, "a.txt".to_owned(), TEXT).await.unwrap()
        };
        let text = |answer: &HttpResponse, name: &str| {
            answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        let whole = get(&[]).await;
        assert_eq!(text(&whole, "content-type"), "text/plain; charset=utf-8");
        let (tag, since) = (text(&whole, "etag"), text(&whole, "last-modified"));
        assert!(tag.starts_with('"') && !text(&whole, "cache-control").is_empty());
        for (headers, status, body) in [
            (vec![], 200, "0123456789"),
            (vec![("range", "bytes=0-3")], 206, "0123"),
            (vec![("range", "bytes=-2")], 206, "89"),
            (vec![("range", "bytes=8-")], 206, "89"),
            (vec![("range", "bytes=10-")], 416, ""),
            (vec![("range", "lines=1-2")], 200, "0123456789"),
            (vec![("range", "bytes=0-3"), ("if-range", &tag)], 206, "0123"),
            (vec![("range", "bytes=0-3"), ("if-range", "\"other\"")], 200, "0123456789"),
            (vec![("range", "bytes=0-3"), ("if-range", &since)], 206, "0123"),
            (vec![("if-none-match", &tag)], 304, ""),
            (vec![("if-none-match", "\"other\"")], 200, "0123456789"),
            (vec![("if-modified-since", &since)], 304, ""),
            (vec![("if-match", "\"other\"")], 412, ""),
        ] {
            let heard = get(&headers).await;
            assert_eq!(heard.status().as_u16(), status, "{headers:?}");
            assert_eq!(to_bytes(heard.into_body()).await.unwrap(), body, "{headers:?}");
        }
    }

    #[actix_web::test]
    async fn an_empty_file_has_no_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "").unwrap();
        for range in ["bytes=-5", "bytes=-0", "bytes=0-", "bytes=0-0", "bytes=1-"] {
            let request = TestRequest::get().insert_header(("range", range)).to_http_request();
            let file = File::open(&path).unwrap();
            let heard = answer(&request, file, "a.txt".to_owned(), TEXT).await.unwrap();
            assert_eq!(heard.status(), 200, "{range}");
            assert_eq!(heard.headers().get("content-type").unwrap(), "text/plain");
            assert_eq!(to_bytes(heard.into_body()).await.unwrap(), "");
        }
    }

    #[actix_web::test]
    async fn what_is_not_to_be_shown_is_to_be_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        let shown = Shown { media_type: "application/octet-stream", is_inline: false, ..TEXT };
        let request = TestRequest::get().to_http_request();
        let file = File::open(&path).unwrap();
        let heard = answer(&request, file, "a.exe".to_owned(), shown).await.unwrap();
        let disposition = heard.headers().get("content-disposition").unwrap();
        assert_eq!(disposition, "attachment; filename=\"a.exe\"");
    }
}

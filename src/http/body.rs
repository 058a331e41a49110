//! Bodies of requests: JSON of a bounded size, plain or compressed.

use std::io::Read;
use std::time::Duration;

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
};
use actix_web::web::{BytesMut, Payload};
use flate2::read::{GzDecoder, ZlibDecoder};
use futures::StreamExt;
use serde_json::Value;

use super::values;

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than allowed, as sent or when unpacked.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It is not the JSON it claims to be.
    #[error("the body is not valid JSON: {0}")]
    Malformed(String),
    /// It is JSON, but neither an object nor an array.
    #[error("the body must be a JSON object, not {0}")]
    NotAnObject(&'static str),
    /// It is packed in an unknown way.
    #[error("unsupported content encoding \"{0}\"")]
    Encoding(String),
    /// Its characters are encoded in an unknown way.
    #[error("unsupported charset \"{0}\"")]
    Charset(String),
    /// It cannot be unpacked.
    #[error("the body is not valid {0} data")]
    Packed(&'static str),
    /// It was not all there in time.
    #[error("the body did not arrive within {0:?}")]
    TooSlow(Duration),
    /// It broke off.
    #[error("the body broke off")]
    BrokenOff,
}

/// Reads the JSON of a request: `None` if it has no body, or one that is not JSON.
///
/// # Errors
/// Each [`BodyError`] where its words apply. At most `limit` bytes are held, unpacked or not, and
/// the client has the time `within` to send them.
pub async fn json(
    headers: &HeaderMap,
    payload: &mut Payload,
    limit: usize,
    within: Duration,
) -> Result<Option<Value>, BodyError> {
    if !is_json(headers) {
        return Ok(None);
    }
    check_charset(headers)?;
    parse(&whole(headers, payload, limit, within).await?)
}

/// Reads a body whatever it holds, unpacked.
///
/// # Errors
/// As [`json`], but for those about its contents.
pub async fn whole(
    headers: &HeaderMap,
    payload: &mut Payload,
    limit: usize,
    within: Duration,
) -> Result<Vec<u8>, BodyError> {
    let packing = Packing::of(headers)?;
    let sent = tokio::time::timeout(within, collect(headers, payload, limit))
        .await
        .map_err(|_late| BodyError::TooSlow(within))??;
    packing.unpack(sent, limit)
}

fn parse(text: &[u8]) -> Result<Option<Value>, BodyError> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    let malformed = |error: serde_json::Error| BodyError::Malformed(error.to_string());
    values::check(text).map_err(malformed)?;
    let value: Value = serde_json::from_slice(text).map_err(malformed)?;
    match value {
        Value::Object(_) | Value::Array(_) => Ok(Some(value)),
        other => Err(BodyError::NotAnObject(kind(&other))),
    }
}

/// What sort of JSON a value is, with its article.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A header as text; empty if it is absent, or none.
pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_json(headers: &HeaderMap) -> bool {
    let sort = text_of(headers, &CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    sort.eq_ignore_ascii_case("application/json")
        || sort
            .get(sort.len().saturating_sub(5)..)
            .is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

fn check_charset(headers: &HeaderMap) -> Result<(), BodyError> {
    for parameter in text_of(headers, &CONTENT_TYPE).split(';').skip(1) {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if !name.trim().eq_ignore_ascii_case("charset") {
            continue;
        }
        let charset = value.trim().trim_matches('"');
        if !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
            return Err(BodyError::Charset(shown(charset)));
        }
    }
    Ok(())
}

async fn collect(
    headers: &HeaderMap,
    payload: &mut Payload,
    limit: usize,
) -> Result<BytesMut, BodyError> {
    let announced = text_of(headers, &CONTENT_LENGTH).parse().unwrap_or(0_usize);
    if announced > limit {
        return Err(BodyError::TooLarge(limit));
    }
    let mut sent = BytesMut::with_capacity(announced);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken_off| BodyError::BrokenOff)?;
        if sent.len().saturating_add(chunk.len()) > limit {
            return Err(BodyError::TooLarge(limit));
        }
        sent.extend_from_slice(&chunk);
    }
    Ok(sent)
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Deflate,
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Self, BodyError> {
        let name = text_of(headers, &CONTENT_ENCODING).trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(BodyError::Encoding(shown(name))),
        }
    }

    /// Unpacks no more than one byte past the limit, whatever the body would unfold to.
    fn unpack(self, sent: BytesMut, limit: usize) -> Result<Vec<u8>, BodyError> {
        let end = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut text = Vec::new();
        let (read, name) = match self {
            Self::Plain => return Ok(sent.into()),
            Self::Gzip => (GzDecoder::new(&*sent).take(end).read_to_end(&mut text), "gzip"),
            Self::Deflate => (ZlibDecoder::new(&*sent).take(end).read_to_end(&mut text), "deflate"),
        };
        read.map_err(|_damaged| BodyError::Packed(name))?;
        if text.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(text) }
    }
}

/// The beginning of a text that a client made up, for an answer.
fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use actix_web::http::header::{HeaderName, HeaderValue};
    use actix_web::test::TestRequest;
    use actix_web::{FromRequest, web};
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use serde_json::json;

    use super::*;

    const LIMIT: usize = 1000;

    async fn read(headers: &[(&str, &str)], body: Vec<u8>) -> Result<Option<Value>, BodyError> {
        let mut request = TestRequest::default().set_payload(body);
        for (name, value) in headers {
            request = request.insert_header((
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            ));
        }
        let (request, mut payload) = request.to_http_parts();
        let mut payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        json(request.headers(), &mut payload, LIMIT, Duration::from_secs(10)).await
    }

    #[actix_web::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let endless: actix_web::dev::Payload =
            actix_web::dev::Payload::Stream { payload: Box::pin(futures::stream::pending()) };
        let (name, value) = JSON;
        let request = TestRequest::default().insert_header((name, value)).to_http_request();
        let mut payload = web::Payload::from_request(&request, &mut { endless }).await.unwrap();
        let within = Duration::from_millis(1);
        let read = json(request.headers(), &mut payload, LIMIT, within).await;
        assert_eq!(read, Err(BodyError::TooSlow(within)));
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[actix_web::test]
    async fn bodies_are_read_or_refused_with_the_reason() {
        let object = || Ok(Some(json!({"a": 1})));
        let long = format!("[\"{}\"]", "x".repeat(LIMIT));
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Result<Option<Value>, BodyError>);
        let table: Vec<Row<'_>> = vec![
            (&[JSON], r#"{"a": 1}"#, object()),
            (&[("content-type", "Application/JSON; charset=\"UTF-8\"")], r#"{"a": 1}"#, object()),
            (&[("content-type", "application/merge-patch+json")], r#"{"a": 1}"#, object()),
            (&[JSON], "", Ok(None)),
            (&[JSON], "  ", Ok(None)),
            (&[JSON], "[]", Ok(Some(json!([])))),
            (&[], r#"{"a": 1}"#, Ok(None)),
            (&[("content-type", "application/x-www-form-urlencoded")], "a=1", Ok(None)),
            (&[JSON], "\"a\"", Err(BodyError::NotAnObject("a string"))),
            (&[JSON], "null", Err(BodyError::NotAnObject("null"))),
            (&[JSON], &long, Err(BodyError::TooLarge(LIMIT))),
            (
                &[JSON, ("content-encoding", "zip")],
                "{}",
                Err(BodyError::Encoding("zip".to_owned())),
            ),
            (&[JSON, ("content-encoding", "gzip")], "nonsense", Err(BodyError::Packed("gzip"))),
            (
                &[("content-type", "application/json; charset=klingon")],
                "{}",
                Err(BodyError::Charset("klingon".to_owned())),
            ),
        ];
        for (headers, body, expected) in table {
            assert_eq!(read(headers, body.into()).await, expected, "{headers:?} {body}");
        }
        let malformed = read(&[JSON], b"{\"a\": 1".to_vec()).await.unwrap_err();
        assert!(matches!(&malformed, BodyError::Malformed(why) if why.contains("EOF")));
        let nested = read(&[JSON], "[".repeat(900).into()).await.unwrap_err();
        assert!(matches!(nested, BodyError::Malformed(_)));
    }

    #[actix_web::test]
    async fn packed_bodies_are_unpacked_up_to_the_limit() {
        let gzip = |text: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}").unwrap();
        let deflated = encoder.finish().unwrap();
        let bomb = gzip(&vec![b' '; 500_000]);
        assert!(bomb.len() < LIMIT);
        let packed = |name: &'static str| [JSON, ("content-encoding", name)];
        assert_eq!(read(&packed("gzip"), gzip(b"{}")).await, Ok(Some(json!({}))));
        assert_eq!(read(&packed("deflate"), deflated).await, Ok(Some(json!({}))));
        assert_eq!(read(&packed("gzip"), bomb).await, Err(BodyError::TooLarge(LIMIT)));
    }
}

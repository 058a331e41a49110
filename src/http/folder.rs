//! A folder of which clients may read every file, and nothing beside it.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use actix_web::error::BlockingError;
use actix_web::http::header::ContentEncoding;
use actix_web::{HttpRequest, web};

use super::accept;
use super::served::{ServedFile, in_utf8};

/// What is added to the name of a file for one that holds the same in that encoding.
const SIBLINGS: [(ContentEncoding, &str); 2] =
    [(ContentEncoding::Brotli, ".br"), (ContentEncoding::Gzip, ".gz")];

/// A folder of which clients may read every file, and nothing beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// That folder, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The file of that path, decoded already; in one of these encodings, the first that there is,
    /// where it lies beside the plain one. Blocks.
    ///
    /// `None` where there is no such file, or none that clients may read: hidden ones, and
    /// those that links lead to out of the folder.
    #[must_use]
    pub fn open(&self, path: &str, encodings: &[ContentEncoding]) -> Option<ServedFile> {
        let found = self.find(path, encodings);
        found
            .inspect_err(|error| {
                if !is_absence(error) {
                    tracing::warn!(folder = %self.0.display(), %error, "a file cannot be served");
                }
            })
            .ok()
    }

    /// The same for that request, in the encoding that its client would rather have; reading is left to
    /// threads that may block.
    ///
    /// # Errors
    /// There is no such thread any more.
    pub async fn ask(
        &self,
        path: &str,
        request: &HttpRequest,
    ) -> std::result::Result<Option<ServedFile>, BlockingError> {
        let (folder, path, encodings) = (self.clone(), path.to_owned(), accept::encodings(request));
        web::block(move || folder.open(&path, &encodings)).await
    }

    fn find(&self, path: &str, encodings: &[ContentEncoding]) -> Result<ServedFile> {
        let names = path.split('/').filter(|name| !name.is_empty()).collect::<Vec<_>>();
        if names.is_empty() || !names.iter().all(|name| is_plain(name)) {
            return Err(ErrorKind::NotFound.into());
        }
        let root = self.0.canonicalize()?;
        let whole = names.iter().fold(root.clone(), |folder, name| folder.join(name));
        // The plain one must be there, so that nobody sees a file only because it is packed.
        let plain = ServedFile::new(within(&root, &whole)?, media_type(&whole))?;
        let siblings = SIBLINGS
            .into_iter()
            .filter_map(|(encoding, end)| {
                let mut packed = whole.clone().into_os_string();
                packed.push(end);
                Some((encoding, within(&root, Path::new(&packed)).ok()?))
            })
            .collect::<Vec<_>>();
        if siblings.is_empty() {
            return Ok(plain);
        }
        let wanted = encodings.iter().find(|wanted| siblings.iter().any(|(is, _)| is == *wanted));
        let packed = siblings.into_iter().find(|(is, _)| Some(is) == wanted);
        if let Some((encoding, file)) = packed {
            return Ok(ServedFile::new(file, media_type(&whole))?.encoded(Some(encoding)));
        }
        Ok(plain.encoded(None))
    }
}

/// Opens a file that really lies in the folder, wherever links lead.
fn within(root: &Path, path: &Path) -> Result<File> {
    let path = path.canonicalize()?;
    // Looked at before it is opened: opening a pipe would wait for whoever writes to it.
    if !path.starts_with(root) || !path.metadata()?.is_file() {
        return Err(Error::from(ErrorKind::NotFound));
    }
    File::open(path)
}

/// Whether it can be nothing but the name of a file that is meant to be seen. What is still encoded
/// is no name: whoever decodes it later would read another one.
fn is_plain(name: &str) -> bool {
    !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '\\' | ':' | '%' | '\0'))
}

fn is_absence(error: &Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
    )
}

/// The media type by the end of the name, in the words that elizaOS' clients meet.
fn media_type(path: &Path) -> String {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "js" | "mjs" => "application/javascript".to_owned(),
        "html" => "text/html".to_owned(),
        "css" => "text/css".to_owned(),
        "map" => "application/json".to_owned(),
        end => in_utf8(mime_guess::from_ext(end).first_or_octet_stream().essence_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use actix_web::body::to_bytes;
    use actix_web::http::header::HeaderMap;

    use super::*;

    async fn read(folder: &Folder, path: &str) -> Option<String> {
        let answer = folder.open(path, &[])?.answer(&HeaderMap::new());
        let body = to_bytes(answer.into_body()).await.unwrap();
        Some(String::from_utf8(body.into()).unwrap())
    }

    #[actix_web::test]
    async fn nothing_leads_out_of_the_folder() {
        let site = tempfile::tempdir().unwrap();
        let inside = site.path().join("inside");
        fs::create_dir_all(inside.join("assets")).unwrap();
        for name in ["inside/a b.txt", "inside/assets/x.js", "inside/.env", "secret.txt"] {
            fs::write(site.path().join(name), name).unwrap();
        }
        symlink(site.path().join("secret.txt"), inside.join("link.txt")).unwrap();
        symlink(site.path(), inside.join("up")).unwrap();
        symlink("a b.txt", inside.join("near.txt")).unwrap();
        let folder = Folder::new(&inside);
        for (path, expected) in [
            ("/a b.txt", Some("inside/a b.txt")),
            ("a b.txt", Some("inside/a b.txt")),
            ("/assets//x.js", Some("inside/assets/x.js")),
            ("/near.txt", Some("inside/a b.txt")),
            ("/", None),
            ("", None),
            ("/assets", None),
            ("/assets/", None),
            ("/none.txt", None),
            ("/a b.txt/x", None),
            ("/.env", None),
            ("/../secret.txt", None),
            ("/assets/../../secret.txt", None),
            ("/..%2fsecret.txt", None),
            ("/..\\secret.txt", None),
            ("/link.txt", None),
            ("/up/secret.txt", None),
            ("/a b.txt\0", None),
            ("/a b.txt\0.js", None),
            ("//etc/passwd", None),
        ] {
            assert_eq!(read(&folder, path).await.as_deref(), expected, "{path:?}");
        }
        assert!(Folder::new(site.path().join("none")).open("a", &[]).is_none());
    }

    #[actix_web::test]
    async fn what_is_packed_beside_it_is_sent_to_whoever_takes_it() {
        let site = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a.js", "plain"), ("a.js.br", "br"), ("a.js.gz", "gz"), ("b.css.gz", "b")]
        {
            fs::write(site.path().join(name), text).unwrap();
        }
        let folder = Folder::new(site.path());
        let (br, gzip) = (ContentEncoding::Brotli, ContentEncoding::Gzip);
        for (encodings, body, encoding) in [
            (&[][..], "plain", None),
            (&[gzip, br], "gz", Some("gzip")),
            (&[br], "br", Some("br")),
            (&[ContentEncoding::Zstd, ContentEncoding::Identity], "plain", None),
        ] {
            let answer = folder.open("a.js", encodings).unwrap().answer(&HeaderMap::new());
            let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("content-encoding"), encoding);
            assert_eq!(header("content-type"), Some("application/javascript"));
            assert_eq!(header("vary"), Some("Accept-Encoding"));
            assert_eq!(to_bytes(answer.into_body()).await.unwrap(), body);
        }
        assert!(folder.open("b.css", &[gzip]).is_none());
    }

    #[test]
    fn types_are_those_that_clients_know() {
        for (name, expected) in [
            ("index.html", "text/html"),
            ("a.js", "application/javascript"),
            ("a.MJS", "application/javascript"),
            ("a.css", "text/css"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.jpeg", "image/jpeg"),
            ("a.webp", "image/webp"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.js.map", "application/json"),
            ("a", "application/octet-stream"),
        ] {
            assert_eq!(media_type(Path::new(name)), expected, "{name}");
        }
    }
}

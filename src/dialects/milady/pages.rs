//! Pages of the dashboard: a static build, from a folder of the operator's. They are served before
//! anybody is asked for a token, so that a page can load and then pair.

use actix_web::HttpRequest;
use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};

use super::Answer;
use super::error::MiladyError;
use super::settings::MiladySettings;
use crate::http::folder::Folder;
use crate::http::headless::headless;
use crate::http::served::ServedFile;

/// The page that each path shows which names no file: the dashboard knows what to show there.
const START: &str = "index.html";

/// What is never a file, whatever lies in the folder.
const APIS: [&str; 3] = ["api", "v1", "ws"];

/// Files in there have their content's hash in their names.
const ASSETS: &str = "assets/";

const HTML: &str = "text/html; charset=utf-8";

const FOREVER: &str = "public, max-age=31536000, immutable";
const CHECKED: &str = "public, max-age=0, must-revalidate";

/// Where pages come from, if there are any.
#[derive(Debug)]
pub(super) struct Pages(Option<Folder>);

/// Why a path names no page.
#[derive(Debug, PartialEq, Eq)]
enum NoPage {
    /// It is not encoded as addresses are.
    Malformed,
    /// It leads out of the folder.
    Outside,
    /// It is of the API.
    Api,
}

impl Pages {
    /// The pages of those settings, on a listener that asks for a token or does not.
    pub(super) fn of(settings: &MiladySettings, asks_for_token: bool) -> Self {
        let folder = settings.ui_dir.as_ref().map(Folder::new);
        if let Some(folder) = &folder
            && folder.open(START, &[]).is_none()
        {
            tracing::warn!("there is no {START} in milady.ui_dir, so pages are not found");
        }
        if folder.is_some() && asks_for_token && !settings.allows_query_token {
            tracing::warn!(
                "browsers cannot present the token when they open a socket: without \
                 milady.allows_query_token the dashboard says that the server is gone"
            );
        }
        Self(folder)
    }

    /// Whether a request is for a page. Its path counts as the routes will see it: `/%61pi` must not pass
    /// for anything but `/api`.
    pub(super) fn claims(&self, request: &ServiceRequest) -> bool {
        self.0.is_some() && is_page(request.method(), request.match_info().as_str())
    }

    /// The page that a request is for which no route claims.
    pub(super) async fn answer(&self, request: &HttpRequest) -> Answer {
        let Some(folder) = &self.0 else { return Err(MiladyError::NOT_FOUND) };
        if !is_page(request.method(), request.match_info().as_str()) {
            return Err(MiladyError::NOT_FOUND);
        }
        let name = file_name(request.path()).map_err(|no_page| match no_page {
            NoPage::Malformed => MiladyError::bad("Invalid URL path encoding"),
            NoPage::Outside => MiladyError::refused(StatusCode::FORBIDDEN, "Forbidden"),
            NoPage::Api => MiladyError::NOT_FOUND,
        })?;
        let answer = match open(folder, &name, request).await? {
            Some(file) if name.starts_with(ASSETS) => file.cached(FOREVER),
            Some(file) if name == START => file.cached(CHECKED).said_to_be(HTML),
            Some(file) => file.cached(CHECKED),
            None => match open(folder, START, request).await? {
                Some(start) => start.cached(CHECKED).said_to_be(HTML),
                None => return Err(MiladyError::NOT_FOUND),
            },
        };
        let answer = answer.answer(request.headers());
        Ok(if request.method() == Method::HEAD { headless(answer) } else { answer })
    }
}

async fn open(
    folder: &Folder,
    name: &str,
    request: &HttpRequest,
) -> Result<Option<ServedFile>, MiladyError> {
    let opened = folder.ask(name, request).await;
    opened.map_err(|_ended| MiladyError::refused(StatusCode::SERVICE_UNAVAILABLE, "Shutting down"))
}

/// Whether something of that method and path may be a page.
fn is_page(method: &Method, path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(*method, Method::GET | Method::HEAD) && !APIS.contains(&first)
}

/// The name of the file that a path is of: decoded, and without what leads up and down again.
fn file_name(path: &str) -> Result<String, NoPage> {
    let path = decoded(path).ok_or(NoPage::Malformed)?;
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop().ok_or(NoPage::Outside)?),
            name => names.push(name),
        }
    }
    match names.first() {
        None => Ok(START.to_owned()),
        Some(first) if APIS.contains(first) => Err(NoPage::Api),
        Some(_) => Ok(names.join("/")),
    }
}

/// A path without its encoding; `None` where that is broken, or yields what is no text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut parts = path.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_of_the_folder_or_none() {
        for (path, expected) in [
            ("/", Ok("index.html")),
            ("/assets/a%20b.js", Ok("assets/a b.js")),
            ("/a/./b//c", Ok("a/b/c")),
            ("/a/../b", Ok("b")),
            ("/a/..", Ok("index.html")),
            ("/%C3%A9", Ok("é")),
            ("/..", Err(NoPage::Outside)),
            ("/a/%2e%2e/../b", Err(NoPage::Outside)),
            ("/..%2f..%2fetc/passwd", Err(NoPage::Outside)),
            ("/x/..%2fapi/status", Err(NoPage::Api)),
            ("/%2fv1", Err(NoPage::Api)),
            ("/%", Err(NoPage::Malformed)),
            ("/%2", Err(NoPage::Malformed)),
            ("/%+1", Err(NoPage::Malformed)),
            ("/%e9", Err(NoPage::Malformed)),
            ("/%é", Err(NoPage::Malformed)),
        ] {
            assert_eq!(file_name(path), expected.map(str::to_owned), "{path}");
        }
    }
}

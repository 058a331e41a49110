//! Pages of the web client: whatever is not of the API, from a folder of the operator's.

use actix_web::dev::ServiceRequest;
use actix_web::guard::GuardContext;
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::call::Call;
use super::error::ElizaError;
use super::refusal::{self, Refusal};
use super::settings::ElizaosSettings;
use super::visit::{Area, Visit, is_under};
use super::wire::Answer;
use crate::http::accept;
use crate::http::folder::Folder;
use crate::http::served::ServedFile;

/// The page that each path shows which names no file: the client knows what to show there.
const START: &str = "index.html";

/// Where agents are without a prefix.
const AGENTS: &str = "/agents";

/// The one page of the client among the agents without a prefix.
const NEW_AGENT: &str = "/agents/new";

/// Characters of a path that are repeated at most.
const TOLD_MAX: usize = 256;

/// Where pages come from.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Whether there are any.
    is_on: bool,
    client: Option<Folder>,
}

/// That a request is for a page, though its path begins as others do.
struct ForPage;

impl Pages {
    pub(super) fn of(settings: &ElizaosSettings) -> Self {
        let client = settings.ui_dir.as_ref().filter(|_| settings.ui).map(Folder::new);
        if let Some(client) = &client
            && client.open(START, &[]).is_none()
        {
            tracing::warn!("there is no {START} in elizaos.ui_dir, so pages are not found");
        }
        Self { is_on: settings.ui, client }
    }

    /// What can be told of a request before it is routed. A browser that opens an address below
    /// `/agents` wants a page of the client, if there is one, and not data.
    pub(super) fn visit(&self, request: &ServiceRequest) -> Visit {
        // The path as the routes will see it, decoded: `/%61pi` must not pass for anything but `/api`.
        let path = request.match_info().as_str();
        let visit = Visit::of(request.method(), path);
        if visit.area != Area::Bare || !visit.is_read || !is_under(path, AGENTS) {
            return visit;
        }
        let is_new = path.trim_end_matches('/').eq_ignore_ascii_case(NEW_AGENT);
        if is_new || self.client.is_some() && accept::prefers_html(request) {
            visit.to_page()
        } else {
            visit
        }
    }
}

/// Leaves word for the routes, which know only paths.
pub(super) fn mark(visit: &Visit, request: &ServiceRequest) {
    if visit.area == Area::Page {
        request.extensions_mut().insert(ForPage);
    }
}

/// Whether such word was left.
pub(super) fn is_page(context: &GuardContext<'_>) -> bool {
    context.req_data().contains::<ForPage>()
}

/// `GET /api` without anything more: a page too, where there is a client.
pub(super) async fn api(call: Call, request: HttpRequest) -> Answer {
    match &call.pages.client {
        Some(client) => start(client, &request).await,
        None => Err((&refusal::UNKNOWN_ENDPOINT).into()),
    }
}

/// Any path that no route claims, outside of the API.
pub(super) async fn page(call: Call, request: HttpRequest) -> Answer {
    if !call.pages.is_on {
        return Err(plain(&refusal::PAGE_FORBIDDEN));
    }
    let Some(client) = &call.pages.client else { return Err(plain(&refusal::NO_CLIENT)) };
    // The gate has made `GET` of `HEAD`.
    if request.method() != Method::GET {
        return Err(plain(&refusal::PAGE_METHOD));
    }
    let path = match request.match_info().as_str() {
        "/" => START,
        path => path,
    };
    if let Some(file) = open(client, path, &request).await? {
        return Ok(file.answer(request.headers()));
    }
    // A page in place of a script would be a syntax error that hides what is wrong.
    if path.ends_with(".js") || path.ends_with(".mjs") {
        return Ok(no_script(request.path()));
    }
    start(client, &request).await
}

async fn start(client: &Folder, request: &HttpRequest) -> Answer {
    match open(client, START, request).await? {
        Some(page) => Ok(page.said_to_be("text/html; charset=utf-8").answer(request.headers())),
        None => Err(plain(&refusal::NO_CLIENT)),
    }
}

async fn open(
    client: &Folder,
    path: &str,
    request: &HttpRequest,
) -> Result<Option<ServedFile>, ElizaError> {
    client.ask(path, request).await.map_err(|_blocked| (&refusal::INTERNAL).into())
}

/// Tells a script's path in a comment, which must not end before it does.
fn no_script(path: &str) -> HttpResponse {
    let told = path.chars().take(TOLD_MAX);
    let told = told.map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect::<String>();
    HttpResponse::NotFound()
        .insert_header((CONTENT_TYPE, "application/javascript; charset=utf-8"))
        .body(format!("// JavaScript module not found: {told}"))
}

fn plain(refusal: &'static Refusal) -> ElizaError {
    ElizaError::Plain(refusal, "text/plain; charset=utf-8")
}

//! The description of this API (OpenAPI 3.1), put together from the routes themselves, and a page that
//! shows it without anything from elsewhere.

use std::sync::Arc;

use actix_web::dev::ResourceDef;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Response,
    ResponseBuilder, SecurityRequirement,
};

use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use super::shared::Shared;

/// What this API is.
pub(super) struct Description {
    /// As JSON.
    text: Bytes,
    /// The paths that some method is allowed at.
    paths: Vec<ResourceDef>,
}

/// The name of how callers say who they are.
const BEARER: &str = "bearer";

/// What each operation may answer when it is refused, whatever it is.
const REFUSALS: [(&str, &str); 13] = [
    ("400", "The request cannot be"),
    ("401", "Who calls is not known"),
    ("403", "The caller may not"),
    ("404", "Not found"),
    ("408", "The body comes too slowly"),
    ("409", "Taken, or not in a state for it"),
    ("413", "The body is too large"),
    ("422", "The shape of the request is wrong; all faults are told"),
    ("429", "Too many"),
    ("500", "A fault of the host's own"),
    ("503", "Not now; try again"),
    ("504", "Not done in time"),
    ("507", "No space is left"),
];

/// Operations that anyone may call.
const OPEN: [&str; 11] = [
    "/health",
    "/api/health",
    "/token",
    "/api/token",
    "/api/setup/",
    "/api/auth/",
    "/api/access/",
    "/api/public/",
    "/api/mcp/validate",
    // Pages show them as pictures, which bring no token.
    "/api/agents/{name}/avatar",
    "/api/agents/{name}/avatar/emotion/{emotion}",
];

impl Description {
    /// The description of that version of this API.
    pub(super) fn new(version: &str) -> Self {
        let mut api = Self::beginning(version);
        super::routes::all(&mut Mount::Describing(&mut api));
        Self::of(api)
    }

    /// What is said of the whole, before the routes are known.
    fn beginning(version: &str) -> OpenApi {
        let info = Info::new("Greenroom: Trinity's Agents API", version);
        let mut components = Components::new();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme(BEARER, bearer);
        OpenApiBuilder::new().info(info).components(Some(components)).build()
    }

    /// The whole: each operation with a name of its own, whom it lets in, and how it is refused.
    fn of(mut api: OpenApi) -> Self {
        let components = api.components.get_or_insert_with(Components::new);
        let error = <ErrorBody as utoipa::PartialSchema>::schema();
        components.schemas.insert("ErrorBody".to_owned(), error);
        for (path, item) in &mut api.paths.paths {
            let is_open = OPEN
                .iter()
                .any(|open| path == open || (open.ends_with('/') && path.starts_with(open)));
            let methods = [
                ("get", &mut item.get),
                ("put", &mut item.put),
                ("post", &mut item.post),
                ("delete", &mut item.delete),
            ];
            for (method, operation) in methods {
                let Some(operation) = operation else { continue };
                operation.operation_id = Some(operation_id(method, path));
                if !is_open {
                    let none: [&str; 0] = [];
                    operation.security = Some(vec![SecurityRequirement::new(BEARER, none)]);
                }
                let responses = &mut operation.responses.responses;
                for (status, words) in REFUSALS {
                    let refusal = || RefOr::T(refusal(words));
                    responses.entry(status.to_owned()).or_insert_with(refusal);
                }
            }
        }
        let paths = api.paths.paths.keys().map(|path| ResourceDef::new(path.as_str())).collect();
        Self { text: api.to_json().unwrap_or_default().into(), paths }
    }

    /// Whether something answers at that path, by some method.
    pub(super) fn knows(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known.is_match(path))
    }
}

fn refusal(words: &str) -> Response {
    let schema = RefOr::Ref(Ref::from_schema_name("ErrorBody"));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(words).content("application/json", content).build()
}

/// `get_api_agents_name_files`: two operations never have one name.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

pub(super) fn routes(at: &mut Mount) {
    at.undescribed(|at| {
        at.service(openapi).service(docs).service(redoc).service(asset);
    });
}

#[get("/openapi.json")]
async fn openapi(shared: Data<Shared>) -> Result<HttpResponse, TrinityError> {
    let text = shared.description().await?.text.clone();
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(text))
}

#[get("/docs")]
async fn docs() -> HttpResponse {
    page()
}

#[get("/redoc")]
async fn redoc() -> HttpResponse {
    page()
}

/// A page with nothing from elsewhere: what shows the description comes with the program.
fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
        ))
        .body(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <title>Greenroom: Trinity's Agents API</title>\n\
             <link rel=\"stylesheet\" href=\"/docs/swagger-ui.css\">\n</head>\n<body>\n\
             <div id=\"swagger-ui\"></div>\n\
             <script src=\"/docs/swagger-ui-bundle.js\"></script>\n\
             <script src=\"/docs/swagger-ui-standalone-preset.js\"></script>\n\
             <script src=\"/docs/swagger-initializer.js\"></script>\n</body>\n</html>\n",
        )
}

#[get("/docs/{file}")]
async fn asset(
    request: HttpRequest,
    file: web::Path<String>,
) -> Result<HttpResponse, TrinityError> {
    let _ = request;
    let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi.json"));
    // Nothing of a client's address but the file's name.
    let file = utoipa_swagger_ui::serve(&file, config).ok().flatten();
    let file = file.ok_or_else(|| TrinityError::not_found("Not Found"))?;
    Ok(HttpResponse::Ok().content_type(file.content_type).body(file.bytes.into_owned()))
}

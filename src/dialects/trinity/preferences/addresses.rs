//! Where clients find the MCP server of this host.

use actix_web::web::Json;
use actix_web::{delete, get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;

/// The preference that says it.
const KEY: &str = "mcp_external_url";

/// The port that Trinity's MCP server has where nobody chose another.
const PORT: u16 = 8080;

pub(super) fn routes(at: &mut Mount) {
    at.service(show).service(change).service(remove);
}

/// Where the MCP server is.
#[derive(Serialize, ToSchema)]
struct McpUrl {
    /// What was set.
    url: Option<String>,
    /// Where it is if nothing was set.
    default_url: String,
}

/// Where the MCP server is.
#[utoipa::path(tag = "Settings", responses((status = 200, body = McpUrl)))]
#[get("/api/settings/mcp-url")]
async fn show(call: Call) -> Answer<McpUrl> {
    let host = call.header("host").map_or("localhost", |host| {
        let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        port.map_or(host, |(name, _)| name)
    });
    let default_url = format!("http://{host}:{PORT}/mcp");
    Ok(Json(McpUrl { url: call.shared.host.preferences.text(KEY), default_url }))
}

/// Where the MCP server is to be found.
#[derive(Deserialize, ToSchema)]
struct NewMcpUrl {
    #[schema(max_length = 2048)]
    url: String,
}

/// That it was set.
#[derive(Serialize, ToSchema)]
struct McpUrlSet {
    /// Always true.
    success: bool,
    url: String,
}

/// Sets where the MCP server is to be found (administrators).
#[utoipa::path(
    tag = "Settings", request_body = NewMcpUrl, responses((status = 200, body = McpUrlSet))
)]
#[put("/api/settings/mcp-url")]
async fn change(call: Call<NewMcpUrl>) -> Answer<McpUrlSet> {
    call.governing()?;
    let url = checked(&call.fields()?.url)?;
    call.shared.host.preferences.set(vec![(KEY.to_owned(), url.clone())]).await?;
    super::noted(&call, "settings_change", KEY).await;
    Ok(Json(McpUrlSet { success: true, url }))
}

/// That it holds again as if nobody had set it.
#[derive(Serialize, ToSchema)]
struct McpUrlReset {
    /// Always true.
    success: bool,
    deleted: bool,
    message: &'static str,
}

/// Forgets what was set (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = McpUrlReset)))]
#[delete("/api/settings/mcp-url")]
async fn remove(call: Call) -> Answer<McpUrlReset> {
    call.governing()?;
    let deleted = super::forgotten(&call, KEY).await?;
    Ok(Json(McpUrlReset { success: true, deleted, message: "MCP server URL reset to auto-detect" }))
}

fn checked(url: &str) -> Result<String, TrinityError> {
    let url = url.trim().trim_end_matches('/');
    let wrong = |words: &str| {
        let status = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
        Err(TrinityError::new(status, words))
    };
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return wrong("URL must start with http:// or https://");
    };
    if url.parse::<reqwest::Url>().is_err() || rest.starts_with('/') {
        return wrong("Invalid URL format");
    }
    if !rest.ends_with("/mcp") {
        return wrong("URL must end with /mcp");
    }
    Ok(url.to_owned())
}

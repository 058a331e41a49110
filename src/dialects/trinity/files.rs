//! The files of an agent, for people: the tree, one file, writing and deleting. The agent's read-only
//! rule does not bind them.

mod wire;

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpResponse, delete, get, put};
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use super::wanted::InQuery;
use super::{Answer, times};
use crate::http::served::{ServedFile, in_utf8};
use crate::roster::Known;
use crate::workspace::{CREDENTIAL_FILES, Kind, Opened, View, WorkPath, Workspace, WorkspaceError};

use wire::{Deleted, FileTree, NewContent, Written, nodes};

/// Where clients see the agent's home.
pub(super) const HOME: &str = "/home/developer";

/// Bytes of a file that is sent.
const SENT_MAX_BYTES: u64 = 100 * 1024 * 1024;

/// Files and folders of a tree, and folders within one another.
const NODES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 64;

/// What nobody writes or deletes over this API, nor anything in it.
const PROTECTED: [&str; 5] = [".trinity", ".git", ".gitignore", ".env", ".mcp.json.template"];

/// What only the owner reads: there the agent's own key may stand, which speaks for the owner.
const OWNERS: [&str; 4] = CREDENTIAL_FILES;

/// What only the owner writes or deletes: it says which programs run for the agent.
const STEERING: [&str; 4] = [".claude", ".gemini", ".mcp.json", ".credentials.enc"];

/// What nobody deletes besides.
const KEPT: [&str; 2] = ["CLAUDE.md", ".mcp.json"];

pub(super) fn routes(at: &mut Mount) {
    at.service(show_tree).service(download).service(preview).service(put_file).service(delete_file);
}

#[derive(Deserialize, ToSchema)]
struct Looked {
    /// The folder; absent: the home.
    path: Option<String>,
    /// Whether what has a name with a dot before it is shown.
    show_hidden: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
struct At {
    path: String,
}

/// A path of the agent's, as the caller names it.
struct Place {
    workspace: Workspace,
    named: String,
    path: WorkPath,
}

impl Place {
    /// The path of the request, for those who may use the agent, while it runs.
    async fn of<B>(
        call: &Call<B>,
        agent: &Known,
        named: String,
        verb: &str,
    ) -> Result<Self, TrinityError> {
        if !agent.is_running() {
            return Err(TrinityError::bad(format!("Agent must be running to {verb} files")));
        }
        let path = WorkPath::below(HOME, &named).map_err(|error| refused(error, &named))?;
        Ok(Self { workspace: call.shared.host.workspaces.free(agent.id), named, path })
    }

    /// That the path is none of these, where the caller does not own the agent.
    fn check_owned<B>(
        &self,
        call: &Call<B>,
        agent: &Known,
        names: &[&str],
        deed: &str,
    ) -> Result<(), TrinityError> {
        if call.relation(agent).may_own() { Ok(()) } else { self.check_free_of(names, deed) }
    }

    /// That the last name of the path, and those above it, are none of these.
    fn check_free_of(&self, names: &[&str], deed: &str) -> Result<(), TrinityError> {
        let is_one = |name: &String| names.contains(&name.as_str());
        if !self.path.names().iter().any(is_one) {
            return Ok(());
        }
        let name = self.path.name().unwrap_or_default();
        Err(TrinityError::forbidden(format!("Cannot {deed} protected path: {name}")))
    }

    async fn opened(&self) -> Result<Opened, TrinityError> {
        let opened = self.workspace.open(self.path.clone(), SENT_MAX_BYTES).await;
        opened.map_err(|error| refused(error, &self.named))
    }
}

/// The files and folders of an agent.
#[utoipa::path(
    tag = "Files",
    params(("name" = String, Path), InQuery<Looked>),
    responses((status = 200, body = FileTree))
)]
#[get("/api/agents/{name}/files")]
async fn show_tree(call: Call<InQuery<Looked>>) -> Answer<FileTree> {
    let Looked { path, show_hidden } = call.query()?;
    let agent = call.permitted().await?;
    let shows_hidden = show_hidden.unwrap_or(false);
    let place = Place::of(&call, &agent, path.unwrap_or_else(|| HOME.to_owned()), "browse").await?;
    let view = View { shows_hidden, nodes_max: NODES_MAX, depth_max: DEPTH_MAX };
    let tree =
        place.workspace.tree(place.path.clone(), view).await.map_err(|error| match error {
            WorkspaceError::Missing(_) => {
                TrinityError::not_found(format!("Path not found: {}", place.named))
            }
            WorkspaceError::NotAFolder(_) => {
                TrinityError::bad(format!("Not a directory: {}", place.named))
            }
            error => refused(error, &place.named),
        })?;
    Ok(Json(FileTree {
        base_path: HOME,
        requested_path: place.path.to_string(),
        tree: nodes(tree.nodes),
        total_files: tree.files,
        show_hidden: shows_hidden,
        truncated: tree.is_cut.then_some(true),
    }))
}

/// A file as it is: text as text, anything else byte for byte.
#[utoipa::path(
    tag = "Files",
    params(("name" = String, Path), InQuery<At>),
    responses(
        (status = 200, description = "The content", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = ErrorBody)
    )
)]
#[get("/api/agents/{name}/files/download")]
async fn download(call: Call<InQuery<At>>) -> Result<HttpResponse, TrinityError> {
    let At { path } = call.query()?;
    let agent = call.permitted().await?;
    let place = Place::of(&call, &agent, path, "download").await?;
    place.check_owned(&call, &agent, &OWNERS, "read")?;
    let opened = place.opened().await?;
    let sort =
        if opened.is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let file = ServedFile::new(opened.file, sort).map_err(TrinityError::inside)?;
    Ok(file.cached("private, max-age=0").answer(call.request.headers()))
}

/// A file as what its name says that it is, to be saved.
#[utoipa::path(
    tag = "Files",
    params(("name" = String, Path), InQuery<At>),
    responses(
        (status = 200, description = "The content", body = String, content_type = "application/octet-stream"),
        (status = 413, description = "The file is too large", body = ErrorBody)
    )
)]
#[get("/api/agents/{name}/files/preview")]
async fn preview(call: Call<InQuery<At>>) -> Result<HttpResponse, TrinityError> {
    let At { path } = call.query()?;
    let agent = call.permitted().await?;
    let place = Place::of(&call, &agent, path, "preview").await?;
    place.check_owned(&call, &agent, &OWNERS, "read")?;
    let opened = place.opened().await?;
    let name = place.path.name().unwrap_or_default();
    let sort = mime_guess::from_path(name).first_or_octet_stream();
    let file =
        ServedFile::new(opened.file, in_utf8(sort.as_ref())).map_err(TrinityError::inside)?;
    Ok(file.cached("private, max-age=0").saved_as(name).answer(call.request.headers()))
}

/// Writes a file, in place of what it held.
#[utoipa::path(
    tag = "Files",
    params(("name" = String, Path), InQuery<At>),
    request_body = NewContent,
    responses(
        (status = 200, body = Written),
        (status = 413, description = "The file is too large", body = ErrorBody),
        (status = 507, description = "No space is left", body = ErrorBody)
    )
)]
#[put("/api/agents/{name}/files")]
async fn put_file(call: Call<InQuery<At, NewContent>>) -> Answer<Written> {
    let At { path } = call.query()?;
    let content = call.fields()?.content;
    let agent = call.permitted().await?;
    let place = Place::of(&call, &agent, path, "update").await?;
    place.check_free_of(&PROTECTED, "edit")?;
    place.check_owned(&call, &agent, &STEERING, "edit")?;
    let written = place.workspace.write(place.path.clone(), content.into()).await;
    let written = written.map_err(|error| refused(error, &place.named))?;
    Ok(Json(Written {
        success: true,
        path: place.named,
        size: written.size,
        modified: times::without_zone(written.changed_at),
    }))
}

/// Deletes a file, or a folder with all that it holds.
#[utoipa::path(
    tag = "Files",
    params(("name" = String, Path), InQuery<At>),
    responses((status = 200, body = Deleted))
)]
#[delete("/api/agents/{name}/files")]
async fn delete_file(call: Call<InQuery<At>>) -> Answer<Deleted> {
    let At { path } = call.query()?;
    let agent = call.permitted().await?;
    let place = Place::of(&call, &agent, path, "delete").await?;
    if place.path.is_home() {
        return Err(TrinityError::forbidden("Cannot delete the home directory"));
    }
    place.check_free_of(&PROTECTED, "delete")?;
    place.check_free_of(&KEPT, "delete")?;
    place.check_owned(&call, &agent, &STEERING, "delete")?;
    let removed = place.workspace.remove(place.path.clone(), true).await;
    let removed = removed.map_err(|error| refused(error, &place.named))?;
    let is_folder = removed.kind == Kind::Folder;
    Ok(Json(Deleted {
        success: true,
        deleted: place.named,
        r#type: if is_folder { "directory" } else { "file" },
        file_count: if is_folder { removed.entries } else { 1 },
    }))
}

/// How a workspace's refusal is worded, of the path that the caller named.
pub(super) fn refused(error: WorkspaceError, named: &str) -> TrinityError {
    use StatusCode as S;
    match error {
        WorkspaceError::Path(reason) => TrinityError::bad(format!("Invalid path: it {reason}")),
        WorkspaceError::Outside => {
            TrinityError::forbidden(format!("Access denied: only paths under {HOME} are allowed"))
        }
        WorkspaceError::Missing(_) | WorkspaceError::NotAFolder(_) => {
            TrinityError::not_found(format!("File not found: {named}"))
        }
        WorkspaceError::NotAFile(_) => TrinityError::bad(format!("Not a file: {named}")),
        WorkspaceError::Special(_) => {
            TrinityError::forbidden("Access denied: it is a link or a special file")
        }
        WorkspaceError::Shared(_) => {
            TrinityError::forbidden("Access denied: it is a folder that agents share")
        }
        WorkspaceError::NotEmpty(_) | WorkspaceError::Taken(_) => {
            TrinityError::conflict(error.to_string())
        }
        WorkspaceError::ReadOnly { .. } => TrinityError::forbidden(error.to_string()),
        WorkspaceError::TooLarge { limit } => {
            let told = format!("File too large: at most {limit} bytes are allowed");
            TrinityError::new(S::PAYLOAD_TOO_LARGE, told)
        }
        WorkspaceError::Full { .. } => {
            TrinityError::new(S::INSUFFICIENT_STORAGE, error.to_string())
        }
        WorkspaceError::Left => TrinityError::unavailable("Nobody waited for it"),
        WorkspaceError::Store(error) => error.into(),
    }
}

//! Credentials of an agent: its four files, and the bundle that they are sealed into.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{get, post};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, times};
use crate::credentials::bundle::{ALGORITHM, KEY_VARIABLE};
use crate::credentials::{BUNDLE, CredentialError, Injection};
use crate::roster::Known;
use crate::workspace::{Entry, WorkspaceError};

pub(super) fn routes(at: &mut Mount) {
    at.service(encryption_key)
        .service(credential_status)
        .service(inject)
        .service(export)
        .service(import);
}

/// What is there of one file.
#[derive(Default, Serialize, ToSchema)]
struct FileShown {
    exists: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

#[derive(Default, Serialize, ToSchema)]
struct FilesShown {
    #[serde(rename = ".env")]
    env: FileShown,
    #[serde(rename = ".mcp.json")]
    servers: FileShown,
    #[serde(rename = ".mcp.json.template")]
    template: FileShown,
    #[serde(rename = ".credentials.enc")]
    bundle: FileShown,
}

/// The files of an agent that runs, or that it does not.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum CredentialStatus {
    Running {
        agent_name: String,
        files: FilesShown,
        /// Lines of `.env` that set a variable.
        credential_count: usize,
    },
    NotRunning {
        agent_name: String,
        /// `agent_not_running`.
        status: &'static str,
        message: String,
    },
}

/// Names and contents, in the order that they were sent in.
struct Files(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Files;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Files, M::Error> {
                let mut files = Vec::new();
                while let Some(file) = map.next_entry()? {
                    files.push(file);
                }
                Ok(Files(files))
            }
        }
        from.deserialize_map(InOrder)
    }
}

#[derive(Deserialize, ToSchema)]
struct Injected {
    /// Contents by name: `.env`, `.mcp.json`, `.mcp.json.template`, `.credentials.enc`.
    #[schema(value_type = HashMap<String, String>)]
    files: Files,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CredentialsWritten)]
struct FilesWritten {
    /// `success`.
    status: &'static str,
    files_written: Vec<&'static str>,
    message: String,
}

#[derive(Serialize, ToSchema)]
struct Exported {
    /// `success`.
    status: &'static str,
    encrypted_file: &'static str,
    files_exported: usize,
}

#[derive(Serialize, ToSchema)]
struct Imported {
    /// `success`.
    status: &'static str,
    files_imported: Vec<&'static str>,
    message: String,
}

#[derive(Serialize, ToSchema)]
struct EncryptionKey {
    /// 64 hexadecimal digits.
    key: String,
    algorithm: &'static str,
    key_format: &'static str,
    note: &'static str,
}

/// What came of an agent's bundle at its start.
#[derive(Serialize, ToSchema)]
pub(super) struct InjectionResult {
    /// `success`, `skipped` or `failed`.
    status: &'static str,
    /// Files that were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<&'static str>>,
    /// Why nothing was to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Injection> for InjectionResult {
    fn from(injection: Injection) -> Self {
        let status = injection.word();
        let none = Self { status, credential_count: None, files: None, reason: None, error: None };
        match injection {
            Injection::Injected(files) => {
                Self { credential_count: Some(files.len()), files: Some(files), ..none }
            }
            Injection::Skipped(reason) => Self { reason: Some(reason), ..none },
            Injection::Failed(error) => Self { error: Some(error), ..none },
        }
    }
}

/// The files with credentials of an agent.
#[utoipa::path(tag = "Credentials", params(("name" = String, Path)), responses((status = 200, body = CredentialStatus)))]
#[get("/api/agents/{name}/credentials/status")]
async fn credential_status(call: Call) -> Answer<CredentialStatus> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        return Ok(Json(CredentialStatus::NotRunning {
            agent_name: agent.name,
            status: "agent_not_running",
            message: "Agent must be running to check credential status".to_owned(),
        }));
    }
    let found = call.shared.host.credentials.status(agent.id).await?;
    let mut files = FilesShown::default();
    for (name, entry) in found.files {
        let shown = entry.as_ref().map(FileShown::from).unwrap_or_default();
        match name {
            crate::credentials::ENV => files.env = shown,
            crate::credentials::SERVERS => files.servers = shown,
            crate::credentials::SERVERS_TEMPLATE => files.template = shown,
            _ => files.bundle = shown,
        }
    }
    let credential_count = found.count;
    Ok(Json(CredentialStatus::Running { agent_name: agent.name, files, credential_count }))
}

/// Writes files with credentials. Their values are masked from then on in what is kept and told of the
/// agent.
#[utoipa::path(
    tag = "Credentials",
    params(("name" = String, Path)),
    request_body = Injected,
    responses((status = 200, body = FilesWritten))
)]
#[post("/api/agents/{name}/credentials/inject")]
async fn inject(call: Call<Injected>) -> Answer<FilesWritten> {
    let agent = call.owned().await?;
    let Injected { files: Files(files) } = call.fields()?;
    must_run(&agent)?;
    let files = files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    let own = call.shared.host.own_server(agent.id);
    let files_written = call.shared.host.credentials.inject(agent.id, files, own.as_ref()).await?;
    let message = format!("Injected {} credential file(s)", files_written.len());
    Ok(Json(FilesWritten { status: "success", files_written, message }))
}

/// Seals `.env` and `.mcp.json` into `.credentials.enc`.
#[utoipa::path(tag = "Credentials", params(("name" = String, Path)), responses((status = 200, body = Exported)))]
#[post("/api/agents/{name}/credentials/export")]
async fn export(call: Call) -> Answer<Exported> {
    let agent = call.owned().await?;
    must_run(&agent)?;
    let files_exported = call.shared.host.credentials.export(agent.id).await?;
    Ok(Json(Exported { status: "success", encrypted_file: BUNDLE, files_exported }))
}

/// Writes the files that `.credentials.enc` holds.
#[utoipa::path(tag = "Credentials", params(("name" = String, Path)), responses((status = 200, body = Imported)))]
#[post("/api/agents/{name}/credentials/import")]
async fn import(call: Call) -> Answer<Imported> {
    let agent = call.owned().await?;
    must_run(&agent)?;
    let own = call.shared.host.own_server(agent.id);
    let files_imported = call.shared.host.credentials.import(agent.id, own.as_ref()).await?;
    let message = format!("Imported {} credential file(s)", files_imported.len());
    Ok(Json(Imported { status: "success", files_imported, message }))
}

/// The key of bundles, for an administrator who moves agents elsewhere.
#[utoipa::path(tag = "Credentials", responses((status = 200, body = EncryptionKey)))]
#[get("/api/credentials/encryption-key")]
async fn encryption_key(call: Call) -> Answer<EncryptionKey> {
    call.admin()?;
    let key = call.shared.host.credentials.key().ok_or_else(|| {
        let told = format!("No encryption key is configured: set {KEY_VARIABLE}");
        TrinityError::new(StatusCode::SERVICE_UNAVAILABLE, told)
    })?;
    Ok(Json(EncryptionKey {
        key: key.digits().as_str().to_owned(),
        algorithm: ALGORITHM,
        key_format: "hex (32 bytes in 64 digits)",
        note: "Whoever has this key can read every encrypted bundle of this host. Keep it secret.",
    }))
}

fn must_run(agent: &Known) -> Result<(), TrinityError> {
    if agent.is_running() {
        return Ok(());
    }
    let told = format!("Agent is not running (status: {})", status(agent.state));
    Err(TrinityError::bad(told))
}

impl From<&Entry> for FileShown {
    fn from(entry: &Entry) -> Self {
        Self {
            exists: true,
            size: Some(entry.bytes),
            modified: Some(times::without_zone(entry.changed_at)),
        }
    }
}

impl From<CredentialError> for TrinityError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::NoFiles
            | CredentialError::Foreign(_)
            | CredentialError::NothingToExport
            | CredentialError::NoText(_)
            | CredentialError::TooMany
            | CredentialError::NoBundle
            | CredentialError::Bundle(_)
            | CredentialError::NoKey => Self::bad(error.to_string()),
            CredentialError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            CredentialError::Core(error) => error.into(),
            CredentialError::Workspace(WorkspaceError::Store(error)) => error.into(),
            CredentialError::Workspace(
                error @ (WorkspaceError::TooLarge { .. } | WorkspaceError::Full { .. }),
            ) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            CredentialError::Workspace(error) => {
                Self::inside(error).worded("Failed to write the credential files")
            }
        }
    }
}

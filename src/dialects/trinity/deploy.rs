//! Agents from an archive of the client's: a new version each time.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::{Json, Payload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::agents::AgentBase;
use super::agents::birth::{self, NewAgent};
use super::call::{self, Call};
use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use super::{Answer, names, shape};
use crate::accounts::Role;
use crate::http::body;
use crate::roster::Known;
use crate::templates::{ARCHIVE_MAX_BYTES, ArchiveError, Deployed, Imported, Verified};

/// Archives that are taken at once: each is in memory as a whole, in several forms.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Credentials that come beside an archive.
const CREDENTIALS_MAX: usize = 100;

/// Names of files that are told where there are more.
const NAMES_TOLD: usize = 10;

/// Versions of one agent.
const VERSIONS_MAX: u32 = 500;

/// For paths with a word where others have an agent's name.
pub(super) fn routes_before_names(at: &mut Mount) {
    at.service(deploy_local);
}

#[derive(Deserialize, ToSchema)]
struct NewDeployment {
    /// A tar.gz, as base64.
    archive: String,
    /// The agent's name; absent: that of the template.
    name: Option<String>,
    /// Environment variables, with their values.
    credentials: Option<BTreeMap<String, String>>,
    /// Whether the archive must bring a list of its files, `.trinity-manifest.json`.
    require_manifest: Option<bool>,
}

#[derive(Serialize, ToSchema)]
struct Deployment {
    status: &'static str,
    agent: AgentBase,
    versioning: Versioning,
    /// What became of each file with credentials: `from_archive`, `created` or `merged`.
    credentials_imported: BTreeMap<&'static str, &'static str>,
    credentials_injected: usize,
    /// Whether the agent has all that the archive's list names, if it brought one; links it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    files_deployed: usize,
    /// Files of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    files_expected: Option<usize>,
    /// Always 0: agents are given no links.
    symlinks_deployed: u64,
    warnings: Vec<String>,
    error: Option<String>,
    code: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Versioning {
    base_name: String,
    previous_version: Option<String>,
    previous_version_stopped: bool,
    new_version: String,
}

/// Creates an agent from an archive, and stops the version before it.
#[utoipa::path(
    tag = "Agents",
    request_body = NewDeployment,
    responses(
        (status = 200, body = Deployment),
        (status = 413, description = "The body is too large", body = ErrorBody)
    )
)]
#[post("/api/agents/deploy-local")]
async fn deploy_local(mut payload: Payload, call: Call) -> Answer<Deployment> {
    call.at_least(Role::Creator)?;
    // The caller is known before the body is read, for it may be large.
    let _place = PLACES.try_acquire().map_err(|_full| {
        TrinityError::unavailable("Other archives are being deployed, please try again")
    })?;
    let settings = &call.shared.settings;
    let (limit, within) = (settings.archive_max(), settings.file_within());
    let bytes = body::whole(call.request.headers(), &mut payload, limit, within).await?;
    if bytes.is_empty() {
        return Err(call::no_body());
    }
    let wanted: NewDeployment = match serde_json::from_slice::<Value>(&bytes) {
        Ok(said) => shape::of_body(&said)?,
        Err(error) => return Err(call::no_json(&bytes, &error)),
    };
    drop(bytes);
    let credentials = credentials(wanted.credentials.unwrap_or_default())?;
    let count = credentials.len();
    // Before it is unpacked, and looked at again once nobody else creates one.
    birth::has_room(&call, 1)?;
    let packed = unpacked_of(&wanted.archive)?;
    let deployed = call.shared.host.templates.unpack(packed, credentials).await;
    let deployed = deployed.map_err(refused)?;
    let base_name = checked(&deployed, wanted.name, wanted.require_manifest.unwrap_or(false))?;
    let versions = Versions::of(&call, &base_name).await?;
    let new = NewAgent::named(versions.new.clone(), None);
    let fetched = Some(&deployed.fetched);
    let agent = birth::create_from(&call, new, fetched, deployed.environment.clone()).await;
    let too_large = |told: &str| coded("FILE_TOO_LARGE", told);
    let agent = agent.map_err(|error| error.coded_if_too_large(too_large))?;
    let previous_version_stopped = match &versions.previous {
        Some(previous) if previous.is_running() => {
            let registry = &call.shared.host.registry;
            registry.ask(previous.id, Change::insisting(Command::Stop)).await?;
            true
        }
        _ => false,
    };
    let imported = deployed.imported.map(|imported| match imported {
        Imported::FromArchive => (".env", "from_archive"),
        Imported::Created => (".env", "created"),
        Imported::Merged => (".env", "merged"),
    });
    let warnings = match deployed.links.len() {
        0 => Vec::new(),
        count => {
            let some = deployed.links.iter().take(NAMES_TOLD).map(String::as_str);
            let some = some.collect::<Vec<_>>().join(", ");
            vec![format!("{count} links of the archive are left out, as agents have none: {some}")]
        }
    };
    Ok(Json(Deployment {
        status: "success",
        agent: AgentBase::of(&agent, call.shared.host.version),
        versioning: Versioning {
            base_name,
            previous_version: versions.previous.map(|previous| previous.name),
            previous_version_stopped,
            new_version: agent.name,
        },
        credentials_imported: imported.into_iter().collect(),
        credentials_injected: count,
        verified: deployed.verified.as_ref().map(Verified::is_whole),
        files_deployed: deployed.files,
        files_expected: deployed.verified.map(|verified| verified.expected),
        symlinks_deployed: 0,
        warnings,
        error: None,
        code: None,
    }))
}

/// The versions of an agent: `base`, `base-2`, `base-3` and so on.
struct Versions {
    /// The last that is there and the caller's.
    previous: Option<Known>,
    /// The next, which is not.
    new: String,
}

impl Versions {
    async fn of(call: &Call, base: &str) -> Result<Self, TrinityError> {
        let mut previous = None;
        for version in 1..=VERSIONS_MAX {
            let name = match version {
                1 => base.to_owned(),
                _ => format!("{base}-{version}"),
            };
            match call.shared.host.roster.find(&name).await? {
                // The host's own is nobody's version.
                Some(found) if call.relation(&found).may_own() && !found.entry.is_system => {
                    previous = Some(found);
                }
                Some(_) => {}
                None => return Ok(Self { previous, new: name }),
            }
        }
        Err(TrinityError::conflict(format!("There are {VERSIONS_MAX} versions of {base} already")))
    }
}

/// The agent's name, where the archive is one of an agent.
fn checked(
    deployed: &Deployed,
    name: Option<String>,
    must_have_list: bool,
) -> Result<String, TrinityError> {
    if !deployed.is_described {
        let told = "template.yaml not found in the archive";
        return Err(coded("NOT_TRINITY_COMPATIBLE", told));
    }
    let template = deployed.fetched.template();
    if template.resources.is_empty() {
        return Err(coded("NOT_TRINITY_COMPATIBLE", "template.yaml must have resources"));
    }
    match &deployed.verified {
        None if must_have_list => {
            return Err(coded("INVALID_ARCHIVE", "the archive has no .trinity-manifest.json"));
        }
        Some(verified) if !verified.wrong.is_empty() => {
            let wrong: Vec<_> =
                verified.wrong.iter().take(NAMES_TOLD).map(String::as_str).collect();
            let told = format!("not as .trinity-manifest.json says: {}", wrong.join(", "));
            return Err(coded("INVALID_ARCHIVE", &told));
        }
        None | Some(_) => {}
    }
    let name = name.filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| template.name.clone());
    if name.trim().is_empty() {
        return Err(coded("MISSING_NAME", "template.yaml must have a name"));
    }
    names::for_creation(&name)
}

fn credentials(said: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, TrinityError> {
    if said.len() > CREDENTIALS_MAX {
        let told = format!("at most {CREDENTIALS_MAX} credentials are taken");
        return Err(coded("TOO_MANY_CREDENTIALS", &told));
    }
    let is_name = |name: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(fits)
    };
    match said.iter().find(|(name, value)| !is_name(name) || value.contains(['\n', '\r', '\0'])) {
        Some((name, _)) => {
            let told = format!("the credential {name} is no environment variable of one line");
            Err(coded("INVALID_CREDENTIALS", &told))
        }
        None => Ok(said),
    }
}

/// The bytes of the archive.
fn unpacked_of(archive: &str) -> Result<Vec<u8>, TrinityError> {
    // Four letters for three bytes.
    if archive.len() / 4 * 3 > ARCHIVE_MAX_BYTES.saturating_add(3) {
        let most = u64::try_from(ARCHIVE_MAX_BYTES).unwrap_or(u64::MAX);
        return Err(refused(ArchiveError::TooLarge(most)));
    }
    let bytes = STANDARD.decode(archive);
    bytes.map_err(|_other| coded("INVALID_ARCHIVE", "the archive is not base64"))
}

fn refused(error: ArchiveError) -> TrinityError {
    let code = match &error {
        ArchiveError::Invalid(_) => "INVALID_ARCHIVE",
        ArchiveError::TooLarge(_) => "ARCHIVE_TOO_LARGE",
        ArchiveError::TooMany => "TOO_MANY_FILES",
        ArchiveError::Io(error) => return TrinityError::inside(error),
    };
    coded(code, &error.to_string())
}

fn coded(code: &str, error: &str) -> TrinityError {
    TrinityError::object(StatusCode::BAD_REQUEST, json!({"error": error, "code": code}))
}

//! The host as a whole: halt, lift, backup.

use actix_web::HttpRequest;
use actix_web::web::{Data, Payload};

use crate::host::Host;

use super::Answer;
use super::body::Fields;
use super::error::OperatorError;
use super::wire::{BackupMade, Halted, Liveness, McpServers, Success};

/// Characters of a backup's name.
const NAME_MAX: usize = 100;

pub(super) async fn is_halted(host: Data<Host>) -> Answer<Halted> {
    Ok(Success::of(Halted { halted: host.registry.is_halted() }))
}

/// How the agents get on: what was found and mended of late, and how often since the host started.
pub(super) async fn liveness(host: Data<Host>) -> Answer<Liveness> {
    let findings = host.registry.vitals().findings;
    Ok(Success::of(Liveness {
        report: host.registry.liveness(),
        findings: findings.into_iter().map(|(finding, count)| (finding.as_str(), count)).collect(),
    }))
}

pub(super) async fn halt(host: Data<Host>) -> Answer<Halted> {
    host.registry.halt().await?;
    tracing::warn!("the fleet is halted");
    Ok(Success::of(Halted { halted: true }))
}

pub(super) async fn lift(host: Data<Host>) -> Answer<Halted> {
    host.registry.lift().await?;
    tracing::warn!("the fleet is let go again");
    Ok(Success::of(Halted { halted: false }))
}

/// How the MCP servers of the configuration are doing.
pub(super) async fn mcp_servers(host: Data<Host>) -> Answer<McpServers> {
    Ok(Success::of(McpServers { servers: host.mcp.servers() }))
}

/// Copies the store into a new file of the backups' folder.
///
/// A name, never a path: a request must not choose where on the machine to write.
pub(super) async fn backup(
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<BackupMade> {
    let fields = Fields::read(&request, payload).await?;
    let name = checked(fields.required("name", NAME_MAX)?)?;
    let vault = host.vault.as_ref().ok_or(OperatorError::NoBackups)?;
    let file = match vault.backup(name).await {
        Err(_) if vault.holds(name) => return Err(OperatorError::Taken(name.to_owned())),
        made => made?,
    };
    Ok(Success::of(BackupMade { file }))
}

fn checked(name: &str) -> Result<&str, OperatorError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let fits = (1..=NAME_MAX).contains(&name.len());
    if fits && name.chars().all(is_plain) && !name.starts_with('.') {
        return Ok(name);
    }
    let reason = format!(
        "must be 1 to {NAME_MAX} letters, digits, hyphens, underscores and dots, no dot first"
    );
    Err(OperatorError::Invalid { field: "name", reason })
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn a_name_is_never_a_path() {
        for (name, is_fine) in [
            ("monday.db", true),
            ("a", true),
            ("", false),
            ("..", false),
            (".hidden", false),
            ("a/b", false),
            ("../a", false),
            ("a\\b", false),
            ("ünï", false),
        ] {
            assert_eq!(checked(name).is_ok(), is_fine, "{name}");
        }
        assert!(checked(&"x".repeat(101)).is_err());
    }
}

//! The clients that others wrote for elizaOS, unchanged, against the running binary.

use std::sync::Arc;

use crate::support::Site;
use crate::support::model::ModelServer;
use crate::support::needs::wanted;
use crate::support::packages::{NODE, Packages};
use crate::support::server::Server;

/// What callers must present, where a server wants something.
const TOKEN: &str = "correct horse battery staple";

/// A server whose agents talk with a scripted model.
struct Stage {
    server: Server,
    _model: ModelServer,
}

impl Stage {
    async fn set(token: Option<&str>) -> Self {
        let model = ModelServer::start().await;
        let config = format!(
            "[elizaos]\nshows_environment = true\n[model]\ndefault = \"{name}\"\n\
             [speech]\nsynthesizer = \"{name}\"\nrecognizer = \"{name}\"\n",
            name = model.name()
        );
        let site = Site::configured(&config).with("OPENAI_API_KEY", "none");
        let site = match token {
            Some(token) => site.with("ELIZA_SERVER_AUTH_TOKEN", token),
            None => site,
        };
        Self { server: Server::start(&Arc::new(site)).await, _model: model }
    }
}

#[tokio::test]
async fn the_clients_are_installed_at_their_versions() {
    if !wanted("clients", &NODE) {
        return;
    }
    let packages = Packages::installed().await;
    let interface = packages.unpacked("@elizaos/client").join("dist/index.html");
    assert!(interface.is_file(), "{}", interface.display());
    packages.run("versions.mjs", &[]).await;
}

#[tokio::test]
async fn the_typed_client_gets_what_its_types_declare() {
    if !wanted("clients", &NODE) {
        return;
    }
    let packages = Packages::installed().await;
    for token in [None, Some(TOKEN)] {
        let mut stage = Stage::set(token).await;
        packages.run("api-client.mjs", &[&stage.server.url(), token.unwrap_or_default()]).await;
        // The last that it asks for is the end.
        assert!(stage.server.ended().await.success());
    }
}

#[tokio::test]
async fn the_socket_client_talks_by_each_of_its_transports() {
    if !wanted("clients", &NODE) {
        return;
    }
    let packages = Packages::installed().await;
    for token in [None, Some(TOKEN)] {
        let stage = Stage::set(token).await;
        packages.run("sockets.mjs", &[&stage.server.url(), token.unwrap_or_default()]).await;
    }
}

/// Starts the command line, which is not among the packages: see `clients/cli.mjs`.
const COMMAND_LINE: &str = "GREENROOM_ELIZAOS_CLI";

#[tokio::test]
async fn the_command_line_governs_agents() {
    let command = std::env::var(COMMAND_LINE).unwrap_or_default();
    if command.is_empty() {
        println!("left out: {COMMAND_LINE} is not set");
        return;
    }
    assert!(wanted("clients", &NODE));
    let packages = Packages::installed().await;
    for token in [None, Some(TOKEN)] {
        let stage = Stage::set(token).await;
        let url = stage.server.url();
        let arguments = [&url, token.unwrap_or_default()].into_iter().chain(command.split(' '));
        packages.run("cli.mjs", &arguments.collect::<Vec<_>>()).await;
    }
}

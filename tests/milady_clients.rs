//! The clients that others wrote for Milady, unchanged, against the running binary.

use std::sync::Arc;

use crate::support::Site;
use crate::support::model::ModelServer;
use crate::support::needs::wanted;
use crate::support::packages::{NODE, Packages};
use crate::support::server::Server;

/// What callers must present, where a server wants something.
const TOKEN: &str = "correct horse battery staple";

/// What the dashboard needs: a browser.
const PROGRAMS: [(&str, &str); 3] = {
    let [node, npm] = NODE;
    [node, npm, ("chromium", "chromium")]
};

/// A server whose primary agent talks with a scripted model.
struct Stage {
    server: Server,
    _model: ModelServer,
}

impl Stage {
    /// Where `agent` is empty, nobody has been through the first steps.
    async fn set(agent: &str, token: Option<&str>) -> Self {
        let model = ModelServer::start().await;
        let site = Site::configured(&format!("[model]\ndefault = \"{}\"\n", model.name()));
        let site = site.with("GREENROOM_MILADY__AGENT", agent);
        let site = match token {
            // A page has no other way to open a socket.
            Some(token) => {
                site.with("MILADY_API_TOKEN", token).with("MILADY_ALLOW_WS_QUERY_TOKEN", "1")
            }
            None => site,
        };
        Self { server: Server::start(&Arc::new(site)).await, _model: model }
    }

    /// Runs a script against it.
    async fn run(&self, packages: &Packages, script: &str, token: Option<&str>) {
        packages.run(script, &[&self.server.milady_url(), token.unwrap_or_default()]).await;
    }
}

/// Runs a script against servers with an agent and without, which want a token or do not.
async fn run(script: &str) {
    let packages = Packages::installed().await;
    for (agent, token) in [("", None), ("milady", Some(TOKEN))] {
        Stage::set(agent, token).await.run(&packages, script, token).await;
    }
}

#[tokio::test]
async fn the_client_library_gets_what_its_types_declare() {
    if wanted("clients", &NODE) {
        run("milady.mjs").await;
    }
}

#[tokio::test]
async fn the_terminal_client_finds_whom_it_talks_to() {
    if wanted("clients", &NODE) {
        run("milady-terminal.mjs").await;
    }
}

#[tokio::test]
async fn its_own_reader_and_writer_take_and_give_files() {
    if wanted("clients", &NODE) {
        run("milady-import.mjs").await;
    }
}

#[tokio::test]
async fn the_dashboard_starts_up_and_looks_on() {
    if wanted("browser", &PROGRAMS) {
        run("milady-dashboard.mjs").await;
    }
}

#[tokio::test]
async fn to_official_clients_of_models_the_agent_is_one() {
    if wanted("clients", &NODE) {
        let packages = Packages::installed().await;
        for token in [None, Some(TOKEN)] {
            Stage::set("milady", token).await.run(&packages, "models.mjs", token).await;
        }
    }
}

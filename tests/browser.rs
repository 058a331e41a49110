//! The real web interface of elizaOS, unchanged, in a browser against the running binary.

use std::env;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::support::Site;
use crate::support::model::ModelServer;
use crate::support::needs::wanted;
use crate::support::packages::{NODE, Packages};
use crate::support::server::Server;

/// Where the screenshots are left.
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../clients");

const TOKEN: &str = "a-token-of-the-browser";

/// What the tests need: a browser, and what the host speaks and listens with.
const PROGRAMS: [(&str, &str); 7] = {
    let [node, npm] = NODE;
    let (speaks, listens) = (("flite", "flite"), "pocketsphinx_continuous");
    let (listener, language) = ((listens, "pocketsphinx"), (listens, "pocketsphinx-en-us"));
    [node, npm, ("chromium", "chromium"), speaks, listener, language, ("ffmpeg", "ffmpeg")]
};

/// A server of the interface, and what it needs.
struct Stage {
    packages: Packages,
    model: ModelServer,
    server: Server,
}

/// Such a server with one agent that runs; `None` where such tests are left out.
async fn stage(token: Option<&str>) -> Option<Stage> {
    if !wanted("browser", &PROGRAMS) {
        return None;
    }
    let packages = Packages::installed().await;
    let model = ModelServer::start().await;
    let site = Site::new();
    let environment = site.folder().join("env");
    let interface = packages.unpacked("@elizaos/client").join("dist");
    let site = site
        .with("GREENROOM_ELIZAOS__UI_DIR", interface.to_str().unwrap())
        // Its forms for agents ask for it, and complain where they are refused.
        .with("GREENROOM_ELIZAOS__SHOWS_ENVIRONMENT", "true")
        .with("GREENROOM_ELIZAOS__ENV_FILE", environment.to_str().unwrap())
        .with("GREENROOM_MODEL__DEFAULT", &model.name())
        // Where the programs are that speak and listen.
        .with("PATH", &env::var("PATH").unwrap());
    let site = match token {
        Some(token) => site.with("ELIZA_SERVER_AUTH_TOKEN", token),
        None => site,
    };
    let server = Server::start(&Arc::new(site)).await;
    let client = server.client().with("x-api-key", token.unwrap_or_default());
    let bob = client.create(&json!({"name": "Bob", "bio": ["Was here before."]})).await;
    client.post(format!("/api/agents/{bob}/start"), &json!({})).await.unwrap().expect(200);
    Some(Stage { packages, model, server })
}

fn screenshots(of: &str) -> String {
    Path::new(SCREENSHOTS).join(of).to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_interface_does_what_a_person_asks_of_it() {
    let Some(stage) = stage(None).await else { return };
    let (server, model) = (&stage.server.url(), &stage.model.url());
    let folder = &screenshots("browser");
    stage.packages.run("browser.mjs", &[server, model, folder]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_interface_works_where_a_token_is_asked_for() {
    let Some(stage) = stage(Some(TOKEN)).await else { return };
    let (server, folder) = (&stage.server.url(), &screenshots("browser-token"));
    stage.packages.run("browser-token.mjs", &[server, TOKEN, folder]).await;
}

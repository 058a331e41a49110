//! The real web interface of elizaOS, unchanged, in a browser against the running binary.

use std::sync::Arc;

use serde_json::json;

use crate::support::Site;
use crate::support::model::ModelServer;
use crate::support::needs::wanted;
use crate::support::packages::{NODE, Packages};
use crate::support::server::Server;

/// Where the screenshots are left.
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../clients");

#[tokio::test(flavor = "multi_thread")]
async fn the_web_interface_does_what_a_person_asks_of_it() {
    let [node, npm] = NODE;
    if !wanted("browser", &[node, npm, ("chromium", "chromium")]) {
        return;
    }
    let packages = Packages::installed().await;
    let model = ModelServer::start().await;
    let site = Site::new();
    let environment = site.folder().join("env");
    let interface = packages.unpacked("@elizaos/client").join("dist");
    let site = site
        .with("GREENROOM_ELIZAOS__UI_DIR", interface.to_str().unwrap())
        // Its form for new agents asks for them, and complains where it gets none.
        .with("GREENROOM_ELIZAOS__SHOWS_ENVIRONMENT", "true")
        .with("GREENROOM_ELIZAOS__ENV_FILE", environment.to_str().unwrap())
        .with("GREENROOM_MODEL__DEFAULT", &model.name());
    let server = Server::start(&Arc::new(site)).await;
    let client = server.client();
    let bob = client.create(&json!({"name": "Bob", "bio": ["Was here before."]})).await;
    client.post(format!("/api/agents/{bob}/start"), &json!({})).await.unwrap().expect(200);
    packages.run("browser.mjs", &[&server.url(), &model.url(), SCREENSHOTS]).await;
}

//! The clients that others wrote for elizaOS, unchanged, against the running binary.

use std::sync::Arc;

use crate::support::Site;
use crate::support::needs::wanted;
use crate::support::packages::{NODE, Packages};
use crate::support::server::Server;

#[tokio::test]
async fn the_clients_are_installed_at_their_versions() {
    if !wanted("clients", &NODE) {
        return;
    }
    let packages = Packages::installed().await;
    let interface = packages.unpacked("@elizaos/client").join("dist/index.html");
    assert!(interface.is_file(), "{}", interface.display());
    let server = Server::start(&Arc::new(Site::new())).await;
    packages.run("versions.mjs", &[&server.url()]).await;
}

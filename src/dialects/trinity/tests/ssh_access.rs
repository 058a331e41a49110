//! Access by SSH: who is given it, what is refused, and that what is given lets somebody in.

use std::sync::Arc;

use greenroom_actors::error::CoreError;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::support::Site;
use crate::accounts::Role;
use crate::dialects::stage::Setting;
use crate::dialects::trinity::TrinitySettings;
use crate::preferences::SSH_ACCESS;
use crate::ssh::SshSettings;

const PATH: &str = "/api/agents/ada/ssh-access";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG7onBtZnUt1jd2gFoRm25zwWmsHmIhpMtVyzMA4jDz";

async fn site(enabled: bool) -> Site {
    let ssh = SshSettings { enabled, ..SshSettings::default() };
    Site::of(Setting { ssh, ..Setting::default() }, TrinitySettings::default()).await
}

async fn allow(site: &Site) {
    let set = vec![(SSH_ACCESS.to_owned(), "true".to_owned())];
    site.stage.host.preferences.set(set).await.unwrap();
}

#[actix::test]
async fn each_check_comes_in_its_turn() {
    let site = site(false).await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "ada").await;
    let (admin, nobody) = (site.admin.clone(), "/api/agents/nobody/ssh-access");
    let wrong = json!({"auth_method": "magic"});
    let refused = async |token: &str, path: &str, body: &Value| {
        site.refused(token, "POST", path, body.clone()).await
    };
    for (token, path, status, words) in [
        ("", PATH, 401, "Not authenticated"),
        (owner.as_str(), PATH, 403, "Admin access required"),
        (&owner, nobody, 403, "Admin access required"),
        (&admin, nobody, 403, "SSH access is disabled"),
        (&admin, PATH, 403, "ssh_access_enabled"),
    ] {
        let (found, told) = refused(token, path, &wrong).await;
        assert!(found == status && told.contains(words), "{path}: {found} {told}");
    }
    allow(&site).await;
    assert_eq!(refused(&admin, nobody, &wrong).await.0, 404);
    site.call(&admin, "POST", "/api/agents/ada/stop", Value::Null).await;
    let (status, told) = refused(&admin, PATH, &wrong).await;
    assert!(status == 400 && told.contains("must be running"), "{told}");
    site.call(&admin, "POST", "/api/agents/ada/start", Value::Null).await;
    for (body, status, words) in [
        (wrong, 400, "auth_method must be 'key' or 'password'"),
        (Value::Null, 400, "public_key is required"),
        (json!({}), 400, "public_key is required"),
        (json!({"public_key": "  "}), 400, "public_key is required"),
        (json!({"public_key": "AAAA"}), 400, "Invalid public key format"),
        (json!({"ttl_hours": "soon"}), 422, "ttl_hours"),
        (json!({"public_key": KEY}), 501, "not enabled"),
        (json!({"auth_method": "password"}), 501, "not enabled"),
    ] {
        let (found, told) = refused(&admin, PATH, &body).await;
        assert!(found == status && told.contains(words), "{body}: {found} {told}");
    }
}

#[actix::test]
async fn what_is_given_lets_somebody_in() {
    let site = site(true).await;
    let admin = site.admin.clone();
    site.agent(&admin, "ada").await;
    allow(&site).await;
    // A key of a type that cannot be checked is refused, rather than given for nothing.
    let rsa = json!({"public_key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQM="});
    let (status, told) = site.refused(&admin, "POST", PATH, rsa).await;
    assert!(status == 400 && told.contains("Invalid public key format"), "{told}");
    // Not every test may have the lowest port: it is taken where another runs beside it.
    let own = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let agent = site.stage.host.roster.find("ada").await.unwrap().unwrap();
    let amended = site.stage.host.roster.amend(agent.id, |entry| {
        entry.port = own;
        Ok::<_, CoreError>(())
    });
    amended.await.unwrap();
    let wish = json!({"auth_method": "password", "ttl_hours": 0.5});
    let (status, given) = site.call(&admin, "POST", PATH, wish).await;
    assert_eq!(status, 200, "{given}");
    let connection = &given["connection"];
    let (password, port) = (connection["password"].as_str().unwrap(), &connection["port"]);
    assert_eq!(password.len(), 24);
    assert_eq!(
        (&connection["user"], &connection["host"]),
        (&json!("developer"), &json!("localhost"))
    );
    let command = format!("sshpass -p {password} ssh -p {port} developer@localhost");
    assert_eq!(connection["command"], command);
    assert_eq!((&given["status"], &given["agent"]), (&json!("success"), &json!("ada")));
    assert_eq!(
        (&given["auth_method"], &given["expires_in_hours"]),
        (&json!("password"), &json!(0.5))
    );
    assert!(given["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(port, own);
    let port = own;
    assert!(enters(port, password).await && !enters(port, "wrong").await);

    let key = site.call(&admin, "POST", PATH, json!({"public_key": KEY, "ttl_hours": 99})).await.1;
    assert_eq!(key["connection"]["port"], port);
    assert_eq!(key["connection"]["command"], format!("ssh -p {port} developer@localhost"));
    assert_eq!((&key["expires_in_hours"], key["connection"].get("password")), (&json!(24.0), None));
    // With the agent goes all access to it.
    site.call(&admin, "DELETE", "/api/agents/ada", Value::Null).await;
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

struct Trusting;

impl russh::client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

async fn enters(port: u16, password: &str) -> bool {
    let config = Arc::new(russh::client::Config::default());
    let mut client = russh::client::connect(config, ("127.0.0.1", port), Trusting).await.unwrap();
    client.authenticate_password("developer", password).await.unwrap().success()
}

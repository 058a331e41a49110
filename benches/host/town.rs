//! Agents of a hundred owners, as clients of Trinity see them: the lists and the fleet's figures.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use greenroom::accounts::{
    Accounts, AccountsSettings, Confidential, LogCourier, Mode, NewUser, Resources, Role, User,
};
use greenroom::preferences::Preferences;
use greenroom::secrets::Secrets;
use greenroom::store::{SqliteStore, StoreSettings};
use greenroom_actors::ports::Store;
use serde_json::json;

use crate::figure::{Sample, Unit, Wanted, millis, tell};
use crate::hosting;
use crate::http::Client;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;

/// People, each of whom owns as many agents as the others.
const OWNERS: u32 = 100;

/// What tokens are signed with, so that those made here are good at the server.
const SECRET: &str = "a bench has no secrets";

/// The quota that lets everybody have theirs.
const QUOTAS: &str = "/api/settings/agent-quotas";

/// Those who ask.
struct Tokens {
    admin: String,
    owners: Vec<String>,
}

pub(crate) fn measure(options: &Options) -> Result<()> {
    let folder = folder()?;
    // A tenth of the fleet, as these agents are made one by one.
    let each = (options.agents / 10 / OWNERS).max(1);
    let tokens = people(folder.path())?;
    let mut server = Server::program(folder.path(), &[("ACCOUNTS__SECRET_KEY", SECRET)])?;
    server.answers("/healthz")?;
    let at = server.trinity;
    let whose = format!("{} agents of {OWNERS} owners", each * OWNERS);
    let empty = server.usage()?.resident;
    let began = server.age();
    make(at, &tokens, each)?;
    let made = f64::from(each * OWNERS) / (server.age() - began).as_secs_f64();
    let tell =
        |what: &str, figure, unit, wanted| tell(&format!("{whose}: {what}"), figure, unit, wanted);
    tell("made and started", made, Unit::PerSecond, Wanted::Nothing);
    tell("resident", server.usage()?.resident / 1e6, Unit::Megabytes, Wanted::AtMost(400.0));
    let grown = (server.usage()?.resident - empty) / f64::from(each * OWNERS);
    tell("resident for each", grown, Unit::Bytes, Wanted::Nothing);

    let owner = tokens.owners.first().context("nobody owns anything")?;
    let asked = [
        ("list, an owner", owner, "/api/agents", 50.0),
        ("list, the administrator", &tokens.admin, "/api/agents", 1_000.0),
        ("context-stats, an owner", owner, "/api/agents/context-stats", 50.0),
        ("context-stats, the administrator", &tokens.admin, "/api/agents/context-stats", 1_000.0),
        ("one of them, its owner", owner, "/api/agents/town-0-0", 50.0),
    ];
    for (what, token, path, most) in asked {
        let mut client = Client::connect(at)?.bearing(token);
        let mut latency = Sample::default();
        for _ in 0..20 * options.repeats {
            let before = server.age();
            client.json("GET", path, None)?;
            latency.add(millis(server.age() - before));
        }
        tell(&format!("{what}, p50"), latency.median(), Unit::Milliseconds, Wanted::Nothing);
        let slow = latency.quantile(0.99);
        tell(&format!("{what}, p99"), slow, Unit::Milliseconds, Wanted::AtMost(most));
    }
    let after = server.usage()?.resident / 1e6;
    tell("resident, after the lists", after, Unit::Megabytes, Wanted::AtMost(400.0));
    Ok(())
}

/// Makes the owners, and tokens that show who they are.
fn people(folder: &Path) -> Result<Tokens> {
    actix::System::new().block_on(async {
        let store = Arc::new(SqliteStore::open(&StoreSettings::within(folder))?);
        let kept: Arc<dyn Store> = store.clone();
        let registry = hosting::host(kept, hosting::settings(), None).await?;
        let secrets = Arc::new(Secrets::new(SECRET));
        let preferences = Preferences::open(registry.clone(), Arc::clone(&secrets)).await?;
        let resources = Resources {
            registry: registry.clone(),
            secrets,
            preferences,
            courier: Arc::new(LogCourier),
            handover: None,
        };
        let settings = AccountsSettings {
            secret_key: Confidential::new(SECRET),
            ..AccountsSettings::default()
        };
        let accounts = Accounts::open(resources, &settings).await?;
        accounts.reset_password("Correct-Horse-7!".to_owned().into()).await?;
        let token = |user: &User, mode| {
            accounts.token(user, mode).map(|token| token.to_string()).context("no token")
        };
        let admin = accounts.user("admin").context("no administrator")?;
        let admin = token(&admin, Mode::Admin)?;
        let mut owners = Vec::new();
        for number in 0..OWNERS {
            let email = format!("owner{number}@example.org");
            let user = accounts.enrol(NewUser { email, role: Role::Creator }).await?;
            owners.push(token(&user, Mode::Email)?);
        }
        hosting::end(registry).await;
        store.close();
        Ok(Tokens { admin, owners })
    })
}

/// Has each owner make so many agents, side by side as far as the server lets them.
fn make(at: SocketAddr, tokens: &Tokens, each: u32) -> Result<()> {
    let quotas = json!({"max_agents_creator": each.to_string()});
    Client::connect(at)?.bearing(&tokens.admin).json("PUT", QUOTAS, Some(&quotas))?;
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0_u32..8)
            .map(|lane| {
                scope.spawn(move || -> Result<()> {
                    for (owner, token) in (0_u32..).zip(&tokens.owners) {
                        if owner % 8 != lane {
                            continue;
                        }
                        let mut client = Client::connect(at)?.bearing(token);
                        for number in 0..each {
                            let body = json!({"name": format!("town-{owner}-{number}")});
                            let made = client.json("POST", "/api/agents", Some(&body))?;
                            ensure!(made.get("status") == Some(&json!("running")), "{made}");
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        for maker in makers {
            maker.join().map_err(|_panic| anyhow::anyhow!("a maker broke"))??;
        }
        Ok(())
    })
}

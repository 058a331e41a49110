//! Settings that clients keep here and that change nothing on this host: keys of wallets, and how a
//! stream is to look.

use actix_web::web::{Data, Payload, ServiceConfig, get, post, put};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::error::MiladyError;
use super::pending::needs_restart;
use super::routes::on;
use super::shared::Shared;
use super::{Answer, body};

/// The keys of a wallet's services, and what says that they are set.
const WALLET: [(&str, &str); 5] = [
    ("ALCHEMY_API_KEY", "alchemyKeySet"),
    ("INFURA_API_KEY", "infuraKeySet"),
    ("ANKR_API_KEY", "ankrKeySet"),
    ("HELIUS_API_KEY", "heliusKeySet"),
    ("BIRDEYE_API_KEY", "birdeyeKeySet"),
];

/// Where the look of a stream is kept.
const STREAM: &str = "stream";

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/wallet/config").route(get().to(wallet)).route(put().to(set_wallet)))
        .service(on("/api/stream/settings").route(get().to(stream)).route(post().to(set_stream)));
}

async fn wallet(shared: Data<Shared>) -> Answer {
    let config = shared.config.read().await?;
    let env = config.get("env").and_then(Value::as_object);
    let is_set = |name: &str| {
        let kept = env.and_then(|env| env.get(name)).and_then(Value::as_str);
        kept.is_some_and(|value| !value.is_empty())
    };
    let told = WALLET.iter().map(|(name, said)| ((*said).to_owned(), json!(is_set(name))));
    let mut told = told.collect::<Map<_, _>>();
    told.insert("evmChains".to_owned(), json!([]));
    told.insert("evmAddress".to_owned(), Value::Null);
    told.insert("solanaAddress".to_owned(), Value::Null);
    Ok(HttpResponse::Ok().json(told))
}

async fn set_wallet(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let sent = body::object(&shared, &request, payload).await?;
    let mut env = Map::new();
    for (name, _) in WALLET {
        match sent.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(key)) => drop(env.insert(name.to_owned(), json!(key.trim()))),
            Some(_) => return Err(MiladyError::bad(format!("{name} must be a string"))),
        }
    }
    let patch = Map::from_iter([("env".to_owned(), Value::Object(env))]);
    shared.config.change(patch).await?;
    needs_restart(&shared, "Wallet configuration updated");
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

async fn stream(shared: Data<Shared>) -> Answer {
    let mut config = shared.config.read().await?;
    let settings = config.shift_remove(STREAM).unwrap_or(json!({}));
    Ok(HttpResponse::Ok().json(json!({"ok": true, "settings": settings})))
}

async fn set_stream(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let mut sent = body::object(&shared, &request, payload).await?;
    let settings = match sent.shift_remove("settings") {
        Some(Value::Object(settings)) => settings,
        Some(_) => return Err(MiladyError::bad("settings must be an object")),
        None => sent,
    };
    let patch = Map::from_iter([(STREAM.to_owned(), Value::Object(settings))]);
    let mut config = shared.config.change(patch).await?;
    let settings = config.shift_remove(STREAM).unwrap_or(json!({}));
    Ok(HttpResponse::Ok().json(json!({"ok": true, "settings": settings})))
}

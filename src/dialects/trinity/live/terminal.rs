//! A terminal in the browser: the console of an agent.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::CloseCode;
use futures::future::Either;
use greenroom_actors::directory::{AgentChange, Changed};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::frames::{Came, Frames, UNKNOWN, opened};
use super::viewer::Viewer;
use crate::accounts::Principal;
use crate::console::{Console, Person, Talk};
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::shared::Shared;
use crate::host::Rights;
use crate::http::query::Query;
use crate::roster::Known;

/// How long somebody may take to say who they are.
const AUTH_WITHIN: Duration = Duration::from_secs(10);

/// The same user has a terminal of the same agent already.
const SECOND: CloseCode = CloseCode::Other(4_002);

/// They may not.
const FORBIDDEN: CloseCode = CloseCode::Other(4_003);

/// The agent is not there, or does not run.
const ABSENT: CloseCode = CloseCode::Other(4_004);

/// Words that name what runs in a terminal. All of them are the console: there is no shell.
const MODES: [&str; 4] = ["claude", "gemini", "bash", "console"];

/// Bytes on their way between a client and the console.
const PIPE_BYTES: usize = 16 * 1024;

/// Bytes of one frame of what is shown.
const SHOWN_BYTES: usize = 8 * 1024;

/// How a terminal ends: a code, and the reason in words.
type Ending = (CloseCode, String);

/// Who has a terminal open, of which agent.
#[derive(Clone, Default)]
pub(in super::super) struct Terminals(Arc<Mutex<HashSet<(i64, AgentId)>>>);

/// One terminal among them, until it is dropped.
struct Taken {
    all: Terminals,
    which: (i64, AgentId),
}

impl Terminals {
    fn take(&self, user: i64, agent: AgentId) -> Option<Taken> {
        let which = (user, agent);
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(which);
        is_first.then(|| Taken { all: self.clone(), which })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.which);
    }
}

/// What a client says in text.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Auth { token: String },
    Resize {},
}

/// Somebody who may use an agent's terminal.
struct Guest {
    viewer: Viewer,
    principal: Principal,
    agent: Known,
    _taken: Taken,
}

/// `GET /api/agents/{name}/terminal`
pub(super) async fn open(
    shared: Data<Shared>,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, TrinityError> {
    let full = || TrinityError::unavailable("Too many sockets are open");
    let place = shared.in_flight.stream().ok_or_else(full)?;
    let mode = Query::parse(request.query_string()).get("mode").map(str::to_owned);
    let (mut frames, answer) = opened(&request, payload)?;
    actix_web::rt::spawn(async move {
        let (code, reason) = run(&shared, &name, mode.as_deref(), &mut frames).await;
        frames.close(Some(code), &reason).await;
        drop(place);
    });
    Ok(answer)
}

async fn run(shared: &Shared, name: &str, mode: Option<&str>, frames: &mut Frames) -> Ending {
    let guest = match admit(shared, name, mode, frames).await {
        Ok(guest) => guest,
        Err((code, reason)) => {
            let told = json!({"type": "error", "message": reason, "close": true});
            // Whoever is gone need not be told.
            let _ = timeout(AUTH_WITHIN, frames.outbox.text(&told.to_string())).await;
            return (code, reason);
        }
    };
    let told = json!({"type": "auth_success"}).to_string();
    match timeout(AUTH_WITHIN, frames.outbox.text(&told)).await {
        Ok(Ok(())) => serve(shared, &guest, frames).await,
        _ => (CloseCode::Away, String::new()),
    }
}

/// Whoever says in time who they are, and may use that agent.
async fn admit(
    shared: &Shared,
    name: &str,
    mode: Option<&str>,
    frames: &mut Frames,
) -> Result<Guest, Ending> {
    let refused = |code, reason: &str| Err((code, reason.to_owned()));
    let said = async {
        loop {
            match frames.next().await {
                Came::Text(text) => return Some(text),
                Came::Binary(_) | Came::Breath => {}
                Came::End(_) => return None,
            }
        }
    };
    let said = timeout(AUTH_WITHIN, said).await.ok().flatten();
    let said = said.and_then(|text| serde_json::from_str::<Said>(&text).ok());
    let Some(Said::Auth { token }) = said else {
        return refused(UNKNOWN, "Authentication required");
    };
    let Some((viewer, principal)) = Viewer::by_token(&shared.host, &token) else {
        return refused(UNKNOWN, "Invalid token");
    };
    let found = shared.host.roster.find(name).await;
    let found = found.map_err(|error| {
        tracing::error!(%error, "an agent cannot be looked for");
        (CloseCode::Error, "Internal server error".to_owned())
    })?;
    let Some(agent) = found else { return refused(ABSENT, "Agent not found") };
    if !shared.host.roster.relation(&principal, &agent.entry).may_use() {
        return refused(FORBIDDEN, "Access denied to agent");
    }
    if !agent.is_running() {
        return refused(ABSENT, "Agent is not running");
    }
    if mode.is_some_and(|mode| !mode.is_empty() && !MODES.contains(&mode)) {
        return refused(CloseCode::Policy, "mode must be claude, gemini or bash");
    }
    let Some(taken) = shared.terminals.take(principal.user.id, agent.id) else {
        return refused(SECOND, "There is a terminal of this agent already");
    };
    Ok(Guest { viewer, principal, agent, _taken: taken })
}

async fn serve(shared: &Shared, guest: &Guest, frames: &mut Frames) -> Ending {
    let host = &shared.host;
    let agent = guest.agent.id;
    let changes = host.registry.watch_agents();
    let person = Person::named(&guest.principal.user.username);
    let talk = Talk::new(host.messaging.clone(), agent, person);
    let console = Console::new(talk, host.workspaces.free(agent), true);
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let (mut shown, mut typed) = tokio::io::split(ours);
    let (show, mut to_show) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let (keys, mut to_type) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    // Each way for itself: a console that waits must not keep what is shown, nor a slow client the keys.
    let showing = async move {
        // With it ends what is shown, once all of it is.
        let show = show;
        let mut bytes = vec![0; SHOWN_BYTES];
        while let Ok(read @ 1..) = shown.read(&mut bytes).await {
            let piece = bytes.iter().take(read).copied().collect();
            if show.send(piece).await.is_err() {
                return;
            }
        }
    };
    let typing = async {
        while let Some(bytes) = to_type.recv().await {
            if typed.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    let running = async {
        // Its only errors are those of the pipe, whose other end is here.
        drop(console.run(theirs).await);
    };
    let conversing = converse(guest, host.rights(), frames, &mut to_show, &keys);
    let working = async {
        tokio::join!(running, showing, typing);
    };
    let both = futures::future::select(Box::pin(conversing), Box::pin(working));
    let ended = async {
        match both.await {
            Either::Left((ending, _)) => ending,
            // Nothing is typed any more, and nothing shown: the other sees that too.
            Either::Right(((), conversing)) => conversing.await,
        }
    };
    tokio::select! {
        ending = ended => ending,
        () = gone(shared, agent, changes) => (ABSENT, "Agent is not running".to_owned()),
    }
}

/// Brings keys to the console, and to the client what is shown.
async fn converse(
    guest: &Guest,
    mut rights: Rights,
    frames: &mut Frames,
    to_show: &mut tokio::sync::mpsc::Receiver<Vec<u8>>,
    keys: &tokio::sync::mpsc::Sender<Vec<u8>>,
) -> Ending {
    let over = || (CloseCode::Normal, "the session has ended".to_owned());
    let mut waiting: Option<Vec<u8>> = None;
    // They may have changed since it was looked.
    if let Err(ending) = still_may(guest) {
        return ending;
    }
    loop {
        tokio::select! {
            () = rights.changed() => {
                if let Err(ending) = still_may(guest) {
                    return ending;
                }
            }
            bytes = to_show.recv() => {
                let Some(bytes) = bytes else { return over() };
                if frames.outbox.binary(&bytes).await.is_err() {
                    return over();
                }
            }
            place = keys.reserve(), if waiting.is_some() => match (place, waiting.take()) {
                (Ok(place), Some(bytes)) => place.send(bytes),
                _ => return over(),
            },
            // No more is read while what was typed before waits.
            came = frames.next(), if waiting.is_none() => match came {
                Came::Binary(bytes) => {
                    if let Err(ending) = still_may(guest) {
                        return ending;
                    }
                    waiting = Some(bytes);
                }
                Came::Text(_) => {}
                Came::Breath => {
                    if let Err(ending) = still_may(guest) {
                        return ending;
                    }
                }
                Came::End(code) => return (code.unwrap_or(CloseCode::Normal), String::new()),
            },
        }
    }
}

/// Whether whoever came in may still be there.
fn still_may(guest: &Guest) -> Result<(), Ending> {
    match guest.viewer.may_use(guest.agent.id) {
        Some(true) => Ok(()),
        Some(false) => Err((FORBIDDEN, "Access denied to agent".to_owned())),
        None => Err((UNKNOWN, "Invalid token".to_owned())),
    }
}

/// Is ready once the agent does not run any more.
async fn gone(
    shared: &Shared,
    agent: AgentId,
    mut changes: tokio::sync::broadcast::Receiver<AgentChange>,
) {
    loop {
        match changes.recv().await {
            Ok(AgentChange { id, what: Changed::Removed, .. }) if id == agent => return,
            Ok(AgentChange { id, what: Changed::Lifecycle { new, .. }, .. }) if id == agent => {
                if new != State::Running {
                    return;
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                let listed = shared.host.registry.directory().get(agent);
                if listed.is_none_or(|listed| listed.state != State::Running) {
                    return;
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

//! `/ws` for people, and `/ws/events` for those with a key.

use std::ops::ControlFlow;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::CloseCode;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::frames::{Came, Frames, UNKNOWN, opened, unknown};
use super::hub::{Missed, Seat, Told};
use super::viewer::Viewer;
use crate::accounts::Principal;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::shared::Shared;
use crate::http::outbox::Gone;
use crate::http::query::Query;

/// How long a client may take for one frame.
const FRAME_WITHIN: Duration = Duration::from_secs(30);

/// How a socket ends.
type Ending = (Option<CloseCode>, &'static str);

/// Whom a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    People,
    Keys,
}

/// A socket that is open.
struct Socket {
    sort: Sort,
    shared: Data<Shared>,
    viewer: Viewer,
    frames: Frames,
    /// Its place among the sockets.
    _place: OwnedSemaphorePermit,
}

/// `GET /ws?token=…&last-event-id=…`
pub(super) async fn of_people(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, TrinityError> {
    let query = Query::parse(request.query_string());
    let shown = query.get("token").unwrap_or_default();
    let (viewer, principal) = Viewer::by_token(&shared.host, shown).ok_or_else(unknown)?;
    let after = query.get("last-event-id").filter(|id| !id.is_empty());
    open(Sort::People, &shared, &request, payload, viewer, &principal, after).await
}

/// `GET /ws/events?token=trinity_mcp_…`
pub(super) async fn of_keys(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, TrinityError> {
    let query = Query::parse(request.query_string());
    let shown = query.get("token").unwrap_or_default();
    let (viewer, principal) = Viewer::by_key(&shared.host, shown).ok_or_else(unknown)?;
    let after = query.get("last-event-id").filter(|id| !id.is_empty());
    open(Sort::Keys, &shared, &request, payload, viewer, &principal, after).await
}

async fn open(
    sort: Sort,
    shared: &Data<Shared>,
    request: &HttpRequest,
    payload: Payload,
    viewer: Viewer,
    principal: &Principal,
    after: Option<&str>,
) -> Result<HttpResponse, TrinityError> {
    let full = || TrinityError::unavailable("Too many sockets are open");
    let place = shared.in_flight.stream().ok_or_else(full)?;
    let first = match sort {
        Sort::People => None,
        Sort::Keys => Some(greeting(shared, principal).await?),
    };
    let (frames, answer) = opened(request, payload)?;
    shared.hub.expect(&shared.host);
    let (seat, missed) = shared.hub.join(after).ok_or_else(full)?;
    let socket = Socket { sort, shared: shared.clone(), viewer, frames, _place: place };
    actix_web::rt::spawn(socket.run(seat, missed, first));
    Ok(answer)
}

async fn greeting(shared: &Shared, principal: &Principal) -> Result<Value, TrinityError> {
    let user = &principal.user;
    Ok(json!({
        "type": "connected",
        "user": user.email.as_ref().unwrap_or(&user.username),
        "accessible_agents": names(shared, principal).await?,
        "message": "Listening to the events of these agents",
    }))
}

async fn names(shared: &Shared, principal: &Principal) -> Result<Vec<String>, TrinityError> {
    let agents = shared.host.roster.visible_to(principal).await?;
    Ok(agents.into_iter().map(|agent| agent.name).collect())
}

impl Socket {
    async fn run(mut self, seat: Seat, missed: Missed, first: Option<Value>) {
        let (code, reason) = match self.go(seat, missed, first).await {
            ControlFlow::Break(ending) => ending,
            ControlFlow::Continue(()) => (None, ""),
        };
        self.frames.close(code, reason).await;
    }

    async fn go(
        &mut self,
        mut seat: Seat,
        missed: Missed,
        first: Option<Value>,
    ) -> ControlFlow<Ending> {
        if let Some(first) = first {
            self.say(&first).await?;
        }
        match missed {
            Missed::All(missed) => {
                for told in missed {
                    self.tell(&told).await?;
                }
            }
            Missed::Unknown => {
                let reason = "what was missed is no longer kept";
                self.say(&json!({"type": "resync_required", "reason": reason})).await?;
            }
        }
        let mut rights = self.shared.host.rights();
        // They may have changed since it was looked.
        if self.viewer.principal().is_none() {
            return ControlFlow::Break(NOBODY);
        }
        loop {
            tokio::select! {
                // First what was told: the answer to a ping comes after all that happened before it.
                biased;
                told = seat.told.recv() => match told {
                    Some(told) => self.tell(&told).await?,
                    None if self.shared.hub.is_closed() => {
                        return ControlFlow::Break((Some(CloseCode::Away), "the host ends"));
                    }
                    // A last word would wait behind all that is waiting.
                    None => return ControlFlow::Break((None, "")),
                },
                () = rights.changed() => {
                    if self.viewer.principal().is_none() {
                        return ControlFlow::Break(NOBODY);
                    }
                }
                came = self.frames.next() => match came {
                    Came::Text(text) => self.heed(&text).await?,
                    Came::Binary(_) => {}
                    Came::Breath => {
                        if self.viewer.principal().is_none() {
                            return ControlFlow::Break(NOBODY);
                        }
                    }
                    Came::End(code) => return ControlFlow::Break((code, "")),
                },
            }
        }
    }

    /// Tells an event, if whoever listens may hear it now.
    async fn tell(&mut self, told: &Told) -> ControlFlow<Ending> {
        if self.sort == Sort::Keys && !told.is_for_keys {
            return ControlFlow::Continue(());
        }
        match self.viewer.may_hear(told) {
            Some(true) => self.send(&told.text).await,
            Some(false) => ControlFlow::Continue(()),
            None => ControlFlow::Break(NOBODY),
        }
    }

    async fn heed(&mut self, text: &str) -> ControlFlow<Ending> {
        match self.sort {
            Sort::People => {
                let said = serde_json::from_str::<Value>(text).unwrap_or_default();
                if said.get("type").and_then(Value::as_str) == Some("ping") {
                    return self.say(&json!({"type": "pong"})).await;
                }
                ControlFlow::Continue(())
            }
            Sort::Keys => match text.trim() {
                "ping" => self.send("pong").await,
                "refresh" => {
                    let Some(principal) = self.viewer.principal() else {
                        return ControlFlow::Break(NOBODY);
                    };
                    match names(&self.shared, &principal).await {
                        Ok(names) => {
                            let told = json!({"type": "refreshed", "accessible_agents": names});
                            self.say(&told).await
                        }
                        Err(error) => {
                            tracing::error!(cause = error.cause(), "agents cannot be listed");
                            ControlFlow::Break((Some(CloseCode::Error), ""))
                        }
                    }
                }
                _ => ControlFlow::Continue(()),
            },
        }
    }

    async fn say(&self, value: &Value) -> ControlFlow<Ending> {
        self.send(&value.to_string()).await
    }

    async fn send(&self, text: &str) -> ControlFlow<Ending> {
        match tokio::time::timeout(FRAME_WITHIN, self.frames.outbox.text(text)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(Gone)) | Err(_) => ControlFlow::Break((None, "")),
        }
    }
}

/// What was shown is no longer good.
const NOBODY: Ending = (Some(UNKNOWN), "the credentials are no longer good");

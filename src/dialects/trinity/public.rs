//! What anybody may do who has a public link to an agent: talk to it, and no more.

mod link;
mod progress;
mod proof;
mod stream;
mod talk;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::call::Visit;
use super::error::TrinityError;
use super::mount::Mount;
use super::wanted::Wanted;
use crate::http::rate::{Limiter, Quota};
use crate::organisation::{Link, Visitor};
use crate::roster::Known;

/// Requests of one address with links, and messages among them.
const LOOKS: Quota = Quota { max: 60, window: Duration::from_secs(60) };
const MESSAGES: Quota = Quota { max: 30, window: Duration::from_secs(60) };

/// How often one address may ask.
pub(super) struct PublicLimits {
    looks: Limiter,
    messages: Limiter,
}

impl Default for PublicLimits {
    fn default() -> Self {
        Self { looks: Limiter::new(LOOKS), messages: Limiter::new(MESSAGES) }
    }
}

pub(super) fn routes(at: &mut Mount) {
    at.configure(link::routes)
        .configure(talk::routes)
        .configure(proof::routes)
        .configure(progress::routes)
        .configure(stream::routes);
}

/// A request with a link.
struct Guest {
    link: Arc<Link>,
    agent: Known,
}

impl<B: Wanted> Visit<B> {
    /// Counts a request of the client's address.
    fn look(&self) -> Result<(), TrinityError> {
        within(&self.shared.public.looks, self)
    }

    /// The link of that token with its agent. Nobody is told why one leads nowhere.
    async fn guest(&self, token: &str) -> Result<Guest, TrinityError> {
        self.look()?;
        let found = self.found_link(token).await?;
        found.ok_or_else(|| TrinityError::not_found("Invalid or expired link"))
    }

    async fn found_link(&self, token: &str) -> Result<Option<Guest>, TrinityError> {
        let host = &self.shared.host;
        let Some(link) = host.organisation.link_by_token(token) else { return Ok(None) };
        let agent = host.roster.get(link.agent).await?;
        Ok(agent.map(|agent| Guest { link, agent }))
    }

    fn client(&self) -> IpAddr {
        self.request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip())
    }
}

fn within<B: Wanted>(limiter: &Limiter, visit: &Visit<B>) -> Result<(), TrinityError> {
    let verdict = limiter.count(visit.client(), visit.shared.now());
    if !verdict.is_refused {
        return Ok(());
    }
    let wait = Duration::from_secs(verdict.wait_s());
    Err(TrinityError::too_many("Too many requests. Please try again later.", wait))
}

/// What a visitor says of themselves.
#[derive(Default, Deserialize, ToSchema)]
struct PublicSession {
    /// From a proof of an address, where the link asks for one.
    session_token: Option<String>,
    /// Tells talks apart, where it does not.
    session_id: Option<String>,
}

impl Guest {
    fn requires_email(&self) -> bool {
        self.agent.entry.access.requires_email
    }

    /// Who visits, as far as the agent's access policy lets them; `None`: somebody new.
    fn visitor<B>(
        &self,
        visit: &Visit<B>,
        session: PublicSession,
    ) -> Result<Option<Visitor>, TrinityError> {
        if !self.requires_email() {
            let id = session.session_id.filter(|id| !id.is_empty());
            return Ok(id.map(|id| Visitor::unknown(Some(id))).transpose()?);
        }
        let token = session.session_token.filter(|token| !token.is_empty());
        let token = token
            .ok_or_else(|| TrinityError::unauthorized("Session token required for this link"))?;
        let organisation = &visit.shared.host.organisation;
        let visitor = organisation.visitor(&self.link, &token).ok_or_else(|| {
            let told = "Invalid or expired session. Please verify your email again.";
            TrinityError::unauthorized(told)
        })?;
        if let Visitor::Known(email) = &visitor
            && !organisation.may_visit(&self.agent.entry, email)
        {
            let told = "Access denied: this agent is not shared with that email";
            return Err(TrinityError::forbidden(told));
        }
        Ok(Some(visitor))
    }
}

//! Whoever has connected: who that is, and what they ask for.

use std::net::IpAddr;
use std::sync::Arc;

use greenroom_actors::ids::AgentId;
use russh::server::{
    Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Error, Pty};
use tokio::io::copy_bidirectional;
use tokio::sync::oneshot;

use super::USER;
use super::grant::{Grant, Secret};
use super::service::{Admitted, Inner};
use super::sftp::Sftp;
use super::work::Work;
use crate::console::{Console, LINE_MAX_BYTES, Person, Talk};
use crate::workspace::Workspace;

/// What clients show before they ask for a password.
const BANNER: &str = "Greenroom: an agent's console and files. There is no shell.\r\n";

/// Bytes between a client's `sftp` and ours.
const PIPE_BYTES: usize = 64 * 1024;

/// The stream of what went wrong, beside that of what is said.
const STDERR: u32 = 1;

/// Programs that clients have run at the other end. Whoever wants them means no message.
const PROGRAMS: [&str; 5] = ["scp", "rsync", "sftp-server", "git-upload-pack", "git-receive-pack"];

/// One who has connected.
pub(super) struct Guest {
    inner: Arc<Inner>,
    agent: AgentId,
    peer: IpAddr,
    work: Work,
    /// Gone once somebody is let in.
    admit: Option<oneshot::Sender<Admitted>>,
    /// By what they came in.
    grant: Option<Arc<Grant>>,
}

impl Guest {
    pub(super) fn new(
        inner: Arc<Inner>,
        agent: AgentId,
        peer: IpAddr,
        work: Work,
        admit: oneshot::Sender<Admitted>,
    ) -> Self {
        Self { inner, agent, peer, work, admit: Some(admit), grant: None }
    }

    /// Whether somebody of that name may come in by that secret.
    async fn find(&self, user: &str, is_it: impl Fn(&Secret) -> bool) -> Option<Admitted> {
        if user != USER || self.inner.is_barred(self.peer) {
            return None;
        }
        let found = self.inner.find(self.agent, is_it)?;
        self.inner.is_running(self.agent).await.then_some(found)
    }

    fn let_in(&mut self, found: Option<Admitted>) -> Auth {
        let Some(admitted) = found else {
            self.inner.failures.count(self.peer, self.inner.now());
            let (agent, peer, is_barred) = (self.agent, self.peer, self.inner.is_barred(self.peer));
            tracing::info!(%agent, %peer, is_barred, "was not let in by SSH");
            return Auth::reject();
        };
        self.grant = Some(Arc::clone(&admitted.grant));
        match self.admit.take().map(|admit| admit.send(admitted)) {
            Some(Ok(())) => Auth::Accept,
            // The connection is about to end.
            _ => Auth::reject(),
        }
    }

    /// The console of whoever came in.
    fn console(&self, is_terminal: bool) -> Option<Console> {
        let person = Person::named(&self.grant.as_ref()?.user);
        let talk = Talk::new(self.inner.messaging.clone(), self.agent, person);
        Some(Console::new(talk, self.workspace()?, is_terminal))
    }

    /// The workspace, for somebody who is a person: the agent's own rule does not bind them.
    fn workspace(&self) -> Option<Workspace> {
        self.grant.as_ref().map(|_| self.inner.workspaces.free(self.agent))
    }
}

impl Handler for Guest {
    type Error = Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Error> {
        Ok(Some(BANNER.to_owned()))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Error> {
        let found = self.find(user, |secret| secret.is_password(password)).await;
        Ok(self.let_in(found))
    }

    /// Clients offer all keys that they have: one that is unknown is no try to get in.
    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        let found = self.find(user, |secret| secret.is_key(offer.public_key)).await;
        Ok(if found.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Error> {
        let found = self.find(user, |secret| secret.is_key(key.public_key)).await;
        Ok(self.let_in(found))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        if self.work.open(channel) {
            reply.accept().await;
        } else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Error> {
        if self.work.has_terminal(id) {
            session.channel_success(id)
        } else {
            session.channel_failure(id)
        }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Error> {
        let Some(open) = self.work.take(id) else { return session.channel_failure(id) };
        let Some(console) = self.console(open.is_terminal) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let handle = session.handle();
        self.work.spawn(async move {
            let mut stream = open.channel.into_stream();
            let ended = console.run(&mut stream).await;
            leave(&handle, id, u32::from(ended.is_err())).await;
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some(open) = self.work.take(id) else { return session.channel_failure(id) };
        let Some(console) = self.console(open.is_terminal) else {
            return session.channel_failure(id);
        };
        let text = std::str::from_utf8(command).map(str::to_owned);
        session.channel_success(id)?;
        let handle = session.handle();
        self.work.spawn(async move {
            let said = match text {
                Ok(text) => said(&console, &text, &open.channel).await,
                Err(_) => Err("a message must be text in UTF-8".to_owned()),
            };
            if let Err(reason) = &said {
                let told = format!("error: {reason}\n");
                // Whoever is gone need not be told.
                let _ = handle.extended_data(id, STDERR, told).await;
            }
            leave(&handle, id, u32::from(said.is_err())).await;
        });
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        let (Some(open), Some(workspace)) = (self.work.take(id), self.workspace()) else {
            return session.channel_failure(id);
        };
        if name != "sftp" {
            return session.channel_failure(id);
        }
        session.channel_success(id)?;
        let handle = session.handle();
        self.work.spawn(async move {
            let mut stream = open.channel.into_stream();
            // Through a pipe: its server runs in a task of its own, which ends with the pipe.
            let (mut ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            russh_sftp::server::run(theirs, Sftp::new(workspace)).await;
            let copied = copy_bidirectional(&mut stream, &mut ours).await;
            leave(&handle, id, u32::from(copied.is_err())).await;
        });
        Ok(())
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_failure(id)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_failure(id)
    }
}

/// Says one thing to the agent; why not, in words.
async fn said(console: &Console, text: &str, to: &Channel<Msg>) -> Result<(), String> {
    let text = text.trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    let program = first.rsplit('/').next().unwrap_or_default();
    if PROGRAMS.contains(&program) {
        let reason = "no program is run here; files go by sftp, which scp uses unless told not to";
        return Err(reason.to_owned());
    }
    if text.is_empty() || text.len() > LINE_MAX_BYTES {
        return Err(format!("a message must have 1 to {LINE_MAX_BYTES} bytes"));
    }
    match console.once(text, Box::pin(to.make_writer())).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes leave of a channel. Clients wait for the status, and some copy nothing without it.
async fn leave(handle: &Handle, id: ChannelId, status: u32) {
    // Each fails only where the connection has ended.
    let _ = handle.eof(id).await;
    let _ = handle.exit_status_request(id, status).await;
    let _ = handle.close(id).await;
}

//! A transport that lets through what we have a use for, and so much of it.

use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{JsonRpcMessage, ServerNotification};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::time::Instant;

use super::fault::Fault;

/// Messages of a server within [`WINDOW`] at most, of whatever kind; one more ends the connection.
const MESSAGES_MAX: u32 = 5_000;

/// Questions of a server to us, and changes of its list, within [`WINDOW`] at most.
const QUESTIONS_MAX: u32 = 200;

const WINDOW: Duration = Duration::from_secs(10);

/// A transport with a guard.
pub(super) struct Guarded<T> {
    transport: T,
    fault: Fault,
    since: Instant,
    messages: u32,
    questions: u32,
}

impl<T> Guarded<T> {
    pub(super) fn new(transport: T, fault: Fault) -> Self {
        Self { transport, fault, since: Instant::now(), messages: 0, questions: 0 }
    }

    /// Counts a message; whether there were too many.
    fn is_flood(&mut self, is_question: bool) -> bool {
        if self.since.elapsed() > WINDOW {
            (self.since, self.messages, self.questions) = (Instant::now(), 0, 0);
        }
        self.messages = self.messages.saturating_add(1);
        self.questions = self.questions.saturating_add(u32::from(is_question));
        self.messages > MESSAGES_MAX || self.questions > QUESTIONS_MAX
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Guarded<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        self.transport.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = self.transport.receive().await?;
            // Whatever else it tells (its log, its progress, its resources) nobody here asked for.
            let is_wanted = match &message {
                JsonRpcMessage::Notification(told) => {
                    let told = &told.notification;
                    matches!(told, ServerNotification::ToolListChangedNotification(_))
                }
                _ => true,
            };
            let is_answer =
                matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
            if self.is_flood(is_wanted && !is_answer) {
                self.fault.note("it sent too many messages".to_owned());
                return None;
            }
            if is_wanted {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), T::Error> {
        self.transport.close().await
    }
}

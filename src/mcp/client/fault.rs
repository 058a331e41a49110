//! Why a connection ended: whoever sees it first notes it for whoever has to tell.

use tokio::sync::watch;

/// The first reason that was noted. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault(watch::Sender<Option<String>>);

impl Fault {
    /// Notes a reason, unless there is one already.
    pub(super) fn note(&self, reason: String) {
        self.0.send_if_modified(|noted| {
            let is_first = noted.is_none();
            noted.get_or_insert(reason);
            is_first
        });
    }

    /// The reason, once there is one.
    pub(super) async fn noted(&self) -> String {
        let mut noted = self.0.subscribe();
        match noted.wait_for(Option::is_some).await {
            Ok(noted) => noted.clone().unwrap_or_default(),
            // Not while this is there.
            Err(_gone) => String::new(),
        }
    }

    /// The reason, or else these words.
    pub(super) fn or(&self, words: &str) -> String {
        self.0.borrow().clone().unwrap_or_else(|| words.to_owned())
    }
}

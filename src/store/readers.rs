//! The readers: a few threads, each with a connection of its own that cannot write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use greenroom_actors::error::StoreError;
use rusqlite::Connection;

/// A question, with its own way to answer.
pub(super) type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The pool.
pub(super) struct Readers {
    queue: RwLock<Option<SyncSender<Question>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// A pool with a thread for each connection, and room for `questions_max` that wait.
    pub(super) fn start(
        connections: Vec<Connection>,
        questions_max: usize,
    ) -> std::io::Result<Self> {
        let (queue, questions) = sync_channel(questions_max);
        let questions = Arc::new(Mutex::new(questions));
        let mut threads = Vec::with_capacity(connections.len());
        for connection in connections {
            let questions = Arc::clone(&questions);
            let thread = std::thread::Builder::new().name("store-reader".to_owned());
            threads.push(thread.spawn(move || serve(&connection, &questions))?);
        }
        Ok(Self { queue: RwLock::new(Some(queue)), threads: Mutex::new(threads) })
    }

    /// Hands over a question, or refuses it at once.
    pub(super) fn ask(&self, question: Question) -> Result<(), StoreError> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return Err(StoreError::Closed) };
        queue.try_send(question).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// Answers what waits and ends the threads.
    pub(super) fn close(&self) {
        drop(self.queue.write().unwrap_or_else(PoisonError::into_inner).take());
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // Its questions are answered or dropped; a panic was reported where it happened.
            let _ended = thread.join();
        }
    }
}

fn serve(connection: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        // One thread waits for the queue, the others for the lock; each takes one question.
        let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(question) = next else { return };
        if catch_unwind(AssertUnwindSafe(|| question(connection))).is_err() {
            tracing::error!("a question to the store broke off");
        }
    }
}

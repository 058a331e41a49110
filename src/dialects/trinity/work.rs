//! What agents are asked to do: chats, tasks, and what became of them.

mod activities;
mod asker;
mod chat;
mod detail;
mod entries;
mod exchange;
mod executions;
mod fan_out;
mod happened;
mod limits;
mod model;
mod queue;
mod record;
mod sessions;
mod stream;
mod task;

pub(super) use detail::Detail;
pub(super) use happened::happened;
pub(super) use record::Execution;

use super::mount::Mount;

/// Paths with a word where others have an agent's name.
pub(super) fn bulk_routes(at: &mut Mount) {
    at.configure(limits::bulk_routes).configure(activities::bulk_routes);
}

pub(super) fn routes(at: &mut Mount) {
    at.configure(chat::routes)
        .configure(sessions::routes)
        .configure(model::routes)
        .configure(task::routes)
        .configure(fan_out::routes)
        .configure(executions::routes)
        .configure(stream::routes)
        .configure(queue::routes)
        .configure(limits::routes)
        .configure(activities::routes);
}

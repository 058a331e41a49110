//! Talk with the agent: what is said, where, and how the answer comes back.

mod legacy;
mod place;
mod said;
mod sse;
mod telling;
mod turn;

pub(super) use legacy::routes;
pub(super) use place::{Place, SOURCE, Web, room_of};
pub(super) use said::Said;
pub(super) use sse::{Sse, answer as stream, event};
pub(super) use telling::{Telling, Wording};
pub(super) use turn::{Answered, Turn, Wish};

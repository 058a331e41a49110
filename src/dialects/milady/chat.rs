//! Talk with the agent: what is said, where, and how the answer comes back.

mod coming;
mod legacy;
mod place;
mod said;
mod sse;
mod turn;

pub(super) use coming::{Coming, Wording};
pub(super) use legacy::routes;
pub(super) use place::{Place, SOURCE, Web, room_of};
pub(super) use said::Said;
pub(super) use sse::{Sse, answer as stream, event};
pub(super) use turn::{Answered, Turn, Wish};

//! Files that people and agents give one another: taken in, judged by what is in them, and kept.
//!
//! Nothing here knows HTTP. A file is first [spooled](Spool): written down as it arrives, and gone
//! again unless something becomes of it.

mod spool;
mod store;

pub use spool::{Spool, Spooled, Writing};
pub use store::MediaStore;

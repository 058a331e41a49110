//! Files that people and agents give one another: taken in, judged by what is in them, and kept.
//!
//! Nothing here knows HTTP. A file is first [spooled](Spool): written down as it arrives, and gone
//! again unless something becomes of it. What it is, its content decides; what a client says of it
//! must agree. Then the [store](MediaStore) moves it to its owner's folder, under a name of its own.

mod judge;
mod kind;
mod ledger;
mod name;
mod owner;
mod settings;
mod spool;
mod store;
mod urls;

pub use judge::Unfit;
pub use kind::{Class, Kind};
pub use name::climbs;
pub use owner::Owner;
pub use settings::MediaSettings;
pub use spool::{Spool, Spooled, Writing};
pub(crate) use store::failed;
pub use store::{Found, Kept, MediaError, MediaStore, Search};
pub use urls::{public, with_urls, with_urls_in};

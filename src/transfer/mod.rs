//! Transfer: agents out of the host and into it, as `.eliza-agent` files.
//!
//! A service below all dialects; it knows no HTTP. The format is that of the original, whose files
//! are read and which reads ours. Nothing here holds a whole file in memory, in either direction.

mod container;
mod error;
mod password;
mod payload;

pub use error::{TransferError, TransferErrorKind};
pub use password::Password;
pub use payload::Counts;

//! Stage 3: which rows, in which order. Takes rows, gives rows. Pure.

mod destination;
mod order;
mod owned;
mod place;
mod query;

pub use order::{Direction, Key, Order};
pub use place::{Addresses, Place, Reception};
pub use query::{Query, View};

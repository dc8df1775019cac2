//! Stage 3: which rows, in which order. Takes rows, gives rows. Pure.

mod order;
mod query;

pub use order::{Direction, Key, Order};
pub use query::{Addresses, Place, Query, View};

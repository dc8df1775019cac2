//! Who has this port?
//!
//! ```text
//! read  ──raw──▶  normalize  ──snapshot──▶  select  ──rows──▶  render
//! (asks the               (join sockets to         (which rows,       (bytes; width, colour and
//! system)                 owners; pure)            which order; pure)  time are arguments; pure)
//! ```
//!
//! [`model`] holds the nouns. [`read`] alone asks the system, [`act`] alone changes anything in it,
//! [`cli`] is the edge: arguments, terminal, files and streams. [`survey`] runs the stages,
//! [`ephemeral`] those that count.

#![deny(unsafe_code)]

pub mod model;

pub mod read;

pub mod normalize;

pub mod select;

pub mod judge;

pub mod render;

pub mod act;

pub mod cli;

mod pipeline;

pub use pipeline::{
    Chart, Ephemeral, Explained, Forwards, Glance, Survey, chart, ephemeral, explain, glance,
    look_up_users, survey,
};

//! `portwho schema`: the JSON Schema of `--json`.

use super::failure::{Exit, Failure};
use super::terminal;
use crate::render::SCHEMA;

pub fn run() -> Result<Exit, Failure> {
    terminal::answer(|out| out.write_all(SCHEMA.as_bytes()))?;
    Ok(Exit::Yes)
}

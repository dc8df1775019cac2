//! What the targets share: the properties that the tests hold too.

#[path = "../../tests/properties/mod.rs"]
pub mod properties;

pub mod in_process;

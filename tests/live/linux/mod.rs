//! What only Linux has: other users, namespaces, `/proc`, protocols and tools of its own.

mod apart;
mod held;
mod place;
mod truth;

mod binds;
mod blind;
mod budget;
mod chosen;
mod churn;
mod conflicts;
mod ephemeral;
mod expected;
mod faults;
mod hostile;
mod leftovers;
mod names;
mod networks;
mod owners;
mod probes;
mod protocols;
mod refused;
mod repainted;
mod scarce;
mod snippets;
mod sources;
mod states;
mod users;
mod waiting;
mod ways;

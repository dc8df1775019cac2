//! What only Linux has: other users, namespaces, `/proc`, protocols and tools of its own.

mod accounts;
mod alike;
mod apart;
mod held;
mod place;
mod scenes;
mod truth;

mod supervised;

mod backlog;
mod binds;
mod blind;
mod budget;
mod chosen;
mod churn;
mod closed;
mod conflicts;
mod deadlines;
mod elsewhere;
mod ends;
mod ephemeral;
mod executed;
mod exhausted;
mod expected;
mod faults;
mod followed;
mod forged;
mod forwarded;
mod hostile;
mod leftovers;
mod map;
mod names;
mod namespaces;
mod networks;
mod owners;
mod probes;
mod protocols;
mod reasons;
mod refused;
mod repainted;
mod rules_elsewhere;
mod runtimes;
mod scarce;
mod snippets;
mod sources;
mod states;
mod steered;
mod stopped;
mod threads;
mod together;
mod user_namespace;
mod users;
mod waiting;
mod ways;

pub use held::answers_sock_diag;

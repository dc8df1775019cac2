//! What only Linux has: other users, namespaces, `/proc`, protocols and tools of its own.

mod apart;
mod held;

mod blind;
mod budget;
mod churn;
mod faults;
mod hostile;
mod names;
mod networks;
mod owners;
mod protocols;
mod scarce;
mod sources;
mod states;
mod users;
mod ways;

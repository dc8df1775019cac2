//! Live tests: portwho before the running kernel, with sockets that the tests make themselves.
//!
//! Each test looks at its own sockets alone, so that whatever else runs may run. What the machine
//! lacks (a privilege, a tool, something of the kernel) is told as "skipped: why".

#[macro_use]
mod scene;
mod answer;

mod check;
mod connections;
mod ephemeral;
mod free;
mod listeners;
mod output;
mod owners;
mod wait;

#[cfg(target_os = "linux")]
mod linux;

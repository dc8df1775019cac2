//! Sockets of which no process has a descriptor: what has them is said, or that it was not found.

use super::apart::with_first_process_covered;
use super::held::{Held, note_count};
use crate::answer::{pids, portwho};

/// Ending the process frees the port: the kernel does not serve it.
#[test]
fn a_socket_without_a_descriptor_is_not_called_the_kernels() {
    for (case, call) in [("closed", Some("accept()")), ("message", None)] {
        let (held, told) = match Held::helper(case) {
            Ok(told) => told,
            Err(why) => skip!("{why}"),
        };
        let covering = Held::start(std::process::Command::new("sleep").arg("600")).unwrap();
        let port = format!("tcp:{}", told[0]);
        let scene = with_first_process_covered(covering.pid(), || {
            let answer = portwho(&[&port, "--json"]);
            let row = answer.only_row();
            assert_eq!(row["owner_status"], "hidden", "{case}: {row:#}");
            assert!(pids(&row).is_empty(), "{case}: {row:#}");
            let document = answer.json();
            assert_eq!(document["complete"], false, "{case}");
            let Some(count) = note_count(&answer, "owners-not-found") else {
                // Another process refuses too.
                assert!(
                    note_count(&answer, "owners-hidden").is_some(),
                    "{document:#}"
                );
                skip!("not every process may be inspected here");
            };
            assert_eq!(count, 1);
            if let Some(call) = call {
                let suspect = format!("(pid {}) in {call}", held.pid());
                let notes = document["notes"].to_string();
                assert!(notes.contains(&suspect), "{document:#}");
            }
            let why = portwho(&["why", &port]);
            let said = format!("{}{}", why.stdout, why.stderr);
            assert!(!said.contains("the kernel owns"), "{said}");
            assert!(said.contains("no process found that holds it"), "{said}");
            let other = portwho(&[&port, "pid=1"]);
            assert_eq!(other.code, Some(3), "{other:?}");
        });
        if let Err(why) = scene {
            skip!("/proc/1 cannot be covered: {why}");
        }
    }
}

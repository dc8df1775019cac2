//! Listeners whose connections wait to be accepted.

use super::held::{NO_SOCK_DIAG, answers_sock_diag};
use super::scenes::{self, BACKLOG};
use crate::answer::portwho;
use crate::scene::port;

#[test]
fn a_full_queue_is_told_with_its_limit() {
    if !answers_sock_diag() {
        // /proc/net does not tell the limit.
        skip!("{NO_SOCK_DIAG}");
    }
    let full = scenes::full_queue();
    let selector = format!("tcp:{}", port(&full.listener));
    let row = portwho(&["-l", &selector, "--json"]).only_row();
    // More than may wait: the kernel counts one further.
    assert_eq!(row["recv_queue"], full.waiting.len());
    assert_eq!(row["send_queue"], BACKLOG);
    let card = portwho(&[&selector]).stdout;
    // Of which "3 of 2 wait" would make no sense.
    let waiting = full.waiting.len();
    let told = format!("full: {waiting} connections wait to be accepted (backlog {BACKLOG})");
    assert!(card.contains(&told), "{card}");
}

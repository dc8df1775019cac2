//! Chooses how holders are found: by the kernel's own iterator or by a walk of `/proc`.

use super::glimpse::Glimpses;
use super::{bpf, walk};
use crate::model::Handles;
use crate::read::Owners;
use crate::read::raw::{Blind, RawHolder, RawHolders};

/// Descriptors from which an iterator saves what somebody would notice: a walk of so many takes some
/// 25 ms. Below that, no bpf(2) is called, which some monitors report.
const WORTH_IT: u64 = 10_000;

/// Finds the holders in the chosen way; falls back to the walk where an iterator is not to be had. An
/// iterator tells more of them at once.
pub fn holders(way: Owners, handles: &Handles) -> (RawHolders, Glimpses) {
    let is_worth_it = || bpf::may_be_permitted() && walk::count_descriptors(WORTH_IT) > WORTH_IT;
    let refusal = match way {
        Owners::Proc => None,
        Owners::Auto if !is_worth_it() => None,
        Owners::Auto | Owners::Bpf => match bpf::holders(handles) {
            Ok((holders, glimpses)) => return (by_iterator(holders, handles), glimpses),
            Err(error) => Some(error),
        },
    };
    let found_by = match refusal {
        Some(why) => format!("a walk of /proc, since a BPF iterator is not to be had: {why}"),
        None => "a walk of /proc".into(),
    };
    let holders = RawHolders {
        found_by: Some(found_by),
        ..walk::holders(handles)
    };
    (holders, Glimpses::default())
}

/// Takes what the iterator told, in ascending order. Whether nobody holds the sockets that are left,
/// the walk must say: only it knows of processes into which nobody may look.
fn by_iterator(mut holders: Vec<RawHolder>, handles: &Handles) -> RawHolders {
    let left = walk::without_holder(handles, &holders);
    let rest = if left.is_empty() {
        RawHolders::default()
    } else {
        walk::holders(&left)
    };
    let mut blind = rest.blind;
    // The kernel shows what a mount of /proc hides.
    blind.retain(|reason| *reason != Blind::Hidepid);
    holders.extend(rest.holders);
    holders.sort_unstable();
    RawHolders {
        holders,
        found_by: Some("a BPF iterator".into()),
        as_root: rustix::process::geteuid().is_root(),
        refused: rest.refused,
        refused_outside: rest.refused_outside,
        blind,
        failure: rest.failure,
        ..RawHolders::default()
    }
}

//! How much is known of a socket's owner, by what the search for its holders found. One rule for every
//! answer, so that a socket has one status wherever it is shown.

use crate::model::{OwnerStatus, Protocol, Socket};
use crate::read::raw::{Blind, RawHolders};

/// What the search found of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A process that holds it.
    Owner,
    /// No process, and proof that the kernel itself serves it.
    Kernel,
    /// It ended while portwho searched.
    Ended,
    Nothing,
}

/// The status of a socket with this handle.
///
/// A process outside the reader's pid namespace is the likely holder only of a socket without a holder
/// inside, as is a thread that is taken to share its descriptors, and a system that names one owner
/// hides none but those of sockets whose owner has ended. Whatever else hides a process may hide a
/// second holder as well.
pub fn status(handle: Option<u64>, found: Found, raw: &RawHolders) -> OwnerStatus {
    let may_miss_more = raw.refused > 0
        || raw.blind.iter().any(|reason| {
            !matches!(
                reason,
                Blind::PidNamespace | Blind::Threads | Blind::ManyTables | Blind::OneOwner
            )
        });
    match found {
        _ if handle.is_none() => OwnerStatus::None,
        Found::Owner if may_miss_more => OwnerStatus::Partial,
        Found::Owner => OwnerStatus::Known,
        Found::Kernel => OwnerStatus::Kernel,
        Found::Ended => OwnerStatus::None,
        Found::Nothing if may_miss_more || !raw.blind.is_empty() => OwnerStatus::Hidden,
        Found::Nothing => OwnerStatus::Unfound,
    }
}

/// The status of several sockets together, by the status of each.
pub fn status_of_all(each: impl IntoIterator<Item = OwnerStatus>) -> OwnerStatus {
    let (mut has_owner, mut is_hidden, mut is_unfound) = (false, false, false);
    for one in each {
        has_owner |= matches!(one, OwnerStatus::Known | OwnerStatus::Partial);
        is_hidden |= matches!(one, OwnerStatus::Hidden | OwnerStatus::Partial);
        is_unfound |= one == OwnerStatus::Unfound;
    }
    match (has_owner, is_hidden, is_unfound) {
        (true, false, false) => OwnerStatus::Known,
        (true, ..) => OwnerStatus::Partial,
        (false, true, _) => OwnerStatus::Hidden,
        (false, false, true) => OwnerStatus::Unfound,
        (false, false, false) => OwnerStatus::None,
    }
}

/// What was found of a socket of which it is known whether it has an owner.
pub fn found(socket: &Socket, has_owner: bool, raw: &RawHolders) -> Found {
    let is_kernels = || {
        raw.kernel.iter().any(|proof| {
            let protocol: Protocol = proof.protocol;
            protocol == socket.protocol.port_space()
                && Some(proof.port) == socket.local.port
                && Some(proof.netns) == socket.netns()
        })
    };
    match socket.handle() {
        _ if has_owner => Found::Owner,
        Some(handle) if raw.ended.contains(&handle) => Found::Ended,
        _ if is_kernels() => Found::Kernel,
        _ => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blind(blind: &[Blind], refused: u32) -> RawHolders {
        RawHolders {
            blind: blind.to_vec(),
            refused,
            ..RawHolders::default()
        }
    }

    #[test]
    fn a_socket_without_a_holder_is_the_kernels_only_with_proof() {
        let all_seen = blind(&[], 0);
        let of = |found| status(Some(7), found, &all_seen);
        assert_eq!(of(Found::Nothing), OwnerStatus::Unfound);
        assert_eq!(of(Found::Kernel), OwnerStatus::Kernel);
        assert_eq!(of(Found::Ended), OwnerStatus::None);
        assert_eq!(of(Found::Owner), OwnerStatus::Known);
        assert_eq!(status(None, Found::Nothing, &all_seen), OwnerStatus::None);
        assert_eq!(OwnerStatus::Unfound.as_str(), "hidden");
        assert!(OwnerStatus::Unfound.may_hide_owners());
        assert!(!OwnerStatus::Kernel.may_hide_owners());
    }

    #[test]
    fn what_hides_a_process_may_hide_a_second_owner_only_where_it_hides_both_alike() {
        for (raw, owned) in [
            (blind(&[Blind::PidNamespace], 0), OwnerStatus::Known),
            (blind(&[Blind::Threads], 0), OwnerStatus::Known),
            (blind(&[Blind::ManyTables], 0), OwnerStatus::Known),
            (blind(&[Blind::OneOwner], 0), OwnerStatus::Known),
            (blind(&[Blind::Hidepid], 0), OwnerStatus::Partial),
            (blind(&[], 3), OwnerStatus::Partial),
        ] {
            assert_eq!(status(Some(7), Found::Owner, &raw), owned, "{raw:?}");
            let left = status(Some(7), Found::Nothing, &raw);
            assert_eq!(left, OwnerStatus::Hidden, "{raw:?}");
        }
    }

    #[test]
    fn several_sockets_are_as_well_known_as_the_least_known_of_them() {
        use OwnerStatus::{Hidden, Kernel, Known, None, Partial, Unfound};
        for (each, expected) in [
            (&[][..], None),
            (&[None, Kernel], None),
            (&[Known, None], Known),
            (&[Known, Hidden], Partial),
            (&[Known, Unfound], Partial),
            (&[Known, Partial], Partial),
            (&[Hidden, Unfound], Hidden),
            (&[Unfound, None], Unfound),
        ] {
            assert_eq!(status_of_all(each.iter().copied()), expected, "{each:?}");
        }
    }
}

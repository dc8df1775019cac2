//! Addresses of interfaces: bytes of an RTM_GETADDR dump in, addresses out. Pure. Numbers are those of
//! linux/rtnetlink.h and linux/if_addr.h.

use std::net::IpAddr;

use super::rtnetlink::{self, Step, attribute};
use super::wire::{ByteOrder, u32_at};

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
/// The other end of a point-to-point link, else the address itself.
const IFA_ADDRESS: u16 = 1;
/// The address itself; IPv6 has it only where there is another end.
const IFA_LOCAL: u16 = 2;
/// `struct ifaddrmsg`: family, length of the prefix, flags, scope, index of the interface.
const GENERAL: usize = 8;

/// The request for the addresses of all families.
pub fn request(sequence: u32) -> Vec<u8> {
    rtnetlink::request(RTM_GETADDR, sequence, &[0; GENERAL])
}

/// Takes a datagram of the answer apart; each address comes with the index of its interface.
pub fn decode(
    datagram: &[u8],
    sequence: u32,
    order: ByteOrder,
    found: &mut Vec<(IpAddr, u32)>,
) -> Step {
    rtnetlink::decode(datagram, sequence, order, RTM_NEWADDR, |body| {
        let index = u32_at(body, 4, order)?;
        let rest = body.get(GENERAL..)?;
        let of = |kind| attribute(rest, kind, order);
        let address = of(IFA_LOCAL).or_else(|| of(IFA_ADDRESS));
        // Addresses of other families are passed over.
        found.extend(address.and_then(rtnetlink::address).map(|one| (one, index)));
        Some(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address as the kernel tells it.
    fn told(family: u8, index: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![family, 24, 0, 0];
        body.extend(index.to_ne_bytes());
        for (kind, value) in attributes {
            body.extend((4 + value.len() as u16).to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut out = rtnetlink::request(RTM_NEWADDR, 7, &body);
        // Messages of an answer carry NLM_F_MULTI.
        out[6..8].copy_from_slice(&2u16.to_ne_bytes());
        out
    }

    #[test]
    fn the_own_end_of_a_link_is_the_address() {
        let v6: IpAddr = "fe80::1".parse().unwrap();
        let IpAddr::V6(bytes) = v6 else { panic!() };
        let datagram = [
            told(
                2,
                1,
                &[
                    (IFA_ADDRESS, &[127, 0, 0, 1]),
                    (IFA_LOCAL, &[127, 0, 0, 1]),
                    (3, b"lo\0"),
                ],
            ),
            told(
                2,
                5,
                &[(IFA_ADDRESS, &[10, 8, 0, 1]), (IFA_LOCAL, &[10, 8, 0, 2])],
            ),
            told(10, 5, &[(IFA_ADDRESS, &bytes.octets())]),
            told(28, 5, &[(IFA_LOCAL, &[1, 2, 3])]),
            told(2, 5, &[]),
        ]
        .concat();
        let mut found = Vec::new();
        let step = decode(&datagram, 7, ByteOrder::NATIVE, &mut found);
        assert_eq!(step, Step::More);
        let v4 = |bytes: [u8; 4]| IpAddr::from(bytes);
        assert_eq!(
            found,
            [(v4([127, 0, 0, 1]), 1), (v4([10, 8, 0, 2]), 5), (v6, 5)]
        );
        for cut in 0..datagram.len() {
            decode(&datagram[..cut], 7, ByteOrder::NATIVE, &mut Vec::new());
            decode(&datagram[..cut], 7, ByteOrder::Big, &mut Vec::new());
        }
    }
}

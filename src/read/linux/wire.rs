//! Netlink messages, netlink(7): frames requests, takes answers apart. Pure; the byte order is an
//! argument because recordings come from other machines.

use crate::model::PortSet;

/// Byte order of the kernel that wrote the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// What `/sys/kernel/cpu_byteorder` says, from Linux 6.2 on.
    pub fn named(text: &[u8]) -> Option<Self> {
        match text.trim_ascii() {
            b"little" => Some(Self::Little),
            b"big" => Some(Self::Big),
            _ => None,
        }
    }

    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// Reads a `u16` at `at`, in the given order.
pub fn u16_at(bytes: &[u8], at: usize, order: ByteOrder) -> Option<u16> {
    bytes
        .get(at..at + 2)?
        .try_into()
        .ok()
        .map(|word| order.u16(word))
}

/// Reads a `u32` at `at`, in the given order.
pub fn u32_at(bytes: &[u8], at: usize, order: ByteOrder) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(|word| order.u32(word))
}

/// `struct nlmsghdr`, linux/netlink.h.
const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;

/// `TCPDIAG_GETSOCK` and `SOCK_DIAG_BY_FAMILY`, linux/inet_diag.h and linux/sock_diag.h.
const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_REQ_BYTECODE: u16 = 1;
const INET_DIAG_REQ_PROTOCOL: u16 = 3;
/// No handler has this number: a kernel that does not know `INET_DIAG_REQ_PROTOCOL` answers ENOENT
/// instead of another protocol's sockets.
const IPPROTO_NONE: u8 = 0;

/// One message of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A socket: `struct inet_diag_msg` and its attributes.
    Row(&'a [u8]),
    /// The end, with an errno (0 for none): NLMSG_DONE carries one as NLMSG_ERROR does.
    End { errno: i32 },
    /// Of another kind, or of another request.
    Stray,
    /// Its length does not fit.
    Malformed,
}

/// The messages of one datagram.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
    sequence: u32,
    order: ByteOrder,
    interrupted: bool,
}

impl<'a> Messages<'a> {
    pub fn new(datagram: &'a [u8], sequence: u32, order: ByteOrder) -> Self {
        Self {
            rest: datagram,
            sequence,
            order,
            interrupted: false,
        }
    }

    /// Whether a message so far said that the table changed under the dump (NLM_F_DUMP_INTR).
    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let header = (|| {
            Some((
                usize::try_from(u32_at(rest, 0, self.order)?).ok()?,
                u16_at(rest, 4, self.order)?,
                u16_at(rest, 6, self.order)?,
                u32_at(rest, 8, self.order)?,
            ))
        })();
        let Some((length, kind, flags, sequence)) = header else {
            return Some(Message::Malformed);
        };
        let Some(body) = rest.get(HEADER..length) else {
            return Some(Message::Malformed);
        };
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        if sequence != self.sequence {
            return Some(Message::Stray);
        }
        self.interrupted |= flags & NLM_F_DUMP_INTR != 0;
        Some(match kind {
            NLMSG_DONE | NLMSG_ERROR => match u32_at(body, 0, self.order) {
                // The kernel writes a negative errno.
                Some(code) => Message::End {
                    errno: code.cast_signed().wrapping_neg(),
                },
                None if kind == NLMSG_DONE => Message::End { errno: 0 },
                None => Message::Malformed,
            },
            SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => Message::Row(body),
            _ => Message::Stray,
        })
    }
}

/// Which rows to dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// `AF_INET` or `AF_INET6`; `None` for both, which only TCP can give in one walk.
    pub family: Option<u8>,
    /// `IPPROTO_*`; above 255 for MPTCP.
    pub protocol: u16,
    /// Bit n asks for state n.
    pub states: u32,
    pub ports: Option<&'a PortSet>,
    /// Whether the port of the peer counts as well.
    pub other_ends: bool,
}

impl Request<'_> {
    /// The request as bytes in this machine's order.
    pub fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        let kind = match self.family {
            // struct inet_diag_req: family, two lengths, extensions, socket id, states, dbs.
            None => {
                out.extend([0; 4 + 48]);
                out.extend(self.states.to_ne_bytes());
                out.extend([0; 4]);
                TCPDIAG_GETSOCK
            }
            // struct inet_diag_req_v2: family, protocol, extensions, padding, states, socket id.
            Some(family) => {
                let protocol = u8::try_from(self.protocol).unwrap_or(IPPROTO_NONE);
                out.extend([family, protocol, 0, 0]);
                out.extend(self.states.to_ne_bytes());
                out.extend([0; 48]);
                SOCK_DIAG_BY_FAMILY
            }
        };
        if let Some(filter) = self
            .ports
            .and_then(|ports| port_filter(ports, self.other_ends))
        {
            attribute(&mut out, INET_DIAG_REQ_BYTECODE, &filter);
        }
        if self.protocol > 255 {
            attribute(
                &mut out,
                INET_DIAG_REQ_PROTOCOL,
                &u32::from(self.protocol).to_ne_bytes(),
            );
        }
        let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
        out[0..4].copy_from_slice(&length.to_ne_bytes());
        out[4..6].copy_from_slice(&kind.to_ne_bytes());
        out[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
        out[8..12].copy_from_slice(&sequence.to_ne_bytes());
        out
    }
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// More ranges than this are asked for as one range that spans them; the selection sorts them out.
const MOST_RANGES: usize = 256;

/// A program for the kernel's `inet_diag_bc_run` (net/ipv4/inet_diag.c) that accepts local ports, and
/// ports of peers.
///
/// An operation is `{ code: u8, yes: u8, no: u16 }` with jumps in bytes. To jump to the end accepts,
/// to jump four bytes beyond refuses. A port comparison takes its port from the `no` of a second word.
fn port_filter(ports: &PortSet, other_ends: bool) -> Option<Vec<u8>> {
    const JUMP: u8 = 1;
    /// Codes of "at least"; that of "at most" follows.
    const LOCAL: u8 = 2;
    const PEER: u8 = 4;
    const BLOCK: usize = 20;
    let ranges = ports.ranges();
    let span = [(ranges.first()?.0, ranges.last()?.1)];
    let ranges = if ranges.len() > MOST_RANGES {
        &span
    } else {
        ranges
    };
    let ends: &[u8] = if other_ends { &[LOCAL, PEER] } else { &[LOCAL] };
    let blocks: Vec<_> = ends
        .iter()
        .flat_map(|end| ranges.iter().map(move |range| (*end, range)))
        .collect();
    let total = blocks.len() * BLOCK - 4;
    let mut out = Vec::with_capacity(total);
    let mut operation = |code: u8, yes: u8, no: usize| {
        out.extend([code, yes]);
        out.extend(u16::try_from(no).unwrap_or(u16::MAX).to_ne_bytes());
    };
    for (index, (code, (first, last))) in blocks.iter().enumerate() {
        let start = index * BLOCK;
        operation(*code, 8, BLOCK);
        operation(0, 0, usize::from(*first));
        operation(code + 1, 8, BLOCK - 8);
        operation(0, 0, usize::from(*last));
        if index + 1 < blocks.len() {
            operation(JUMP, 4, total - (start + 16));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `inet_diag_bc_run` does with comparisons of ports.
    fn accepts(program: &[u8], port: u16, peer: u16) -> bool {
        let mut left = program.len() as isize;
        while left > 0 {
            let at = program.len() - left as usize;
            let operation = &program[at..];
            let operand = |at| u16_at(operation, at, ByteOrder::NATIVE).unwrap();
            let yes = match operation[0] {
                1 => false,
                2 => port >= operand(6),
                3 => port <= operand(6),
                4 => peer >= operand(6),
                5 => peer <= operand(6),
                code => panic!("unknown operation {code}"),
            };
            left -= if yes {
                isize::from(operation[1])
            } else {
                operand(2) as isize
            };
        }
        left == 0
    }

    #[test]
    fn the_filter_accepts_just_the_ports() {
        let ports = PortSet::from_ranges([(80, 80), (8000, 8010), (65535, 65535)]);
        let program = port_filter(&ports, false).unwrap();
        for port in 0..=u16::MAX {
            assert_eq!(accepts(&program, port, 80), ports.contains(port), "{port}");
        }
    }

    #[test]
    fn the_filter_accepts_other_ends_where_they_are_asked_for() {
        let ports = PortSet::from_ranges([(80, 80), (90, 99)]);
        let program = port_filter(&ports, true).unwrap();
        for (port, peer, accepted) in [
            (80, 1, true),
            (1, 95, true),
            (1, 89, false),
            (100, 81, false),
        ] {
            assert_eq!(accepts(&program, port, peer), accepted, "{port} {peer}");
        }
    }

    #[test]
    fn too_many_ranges_are_asked_for_as_their_span() {
        let ports = PortSet::from_ranges((1..=1000).map(|n| (n * 3, n * 3)));
        let program = port_filter(&ports, false).unwrap();
        assert_eq!(program.len(), 16);
        assert!(
            [3, 4, 3000]
                .into_iter()
                .all(|port| accepts(&program, port, 0))
        );
        assert!(![2, 3001].into_iter().any(|port| accepts(&program, port, 0)));
    }

    #[test]
    fn an_errno_is_read_from_done_and_from_error() {
        for kind in [NLMSG_DONE, NLMSG_ERROR] {
            let mut bytes = vec![20, 0, 0, 0, kind as u8, 0, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0];
            bytes.extend((-2i32).to_le_bytes());
            let messages: Vec<_> = Messages::new(&bytes, 7, ByteOrder::Little).collect();
            assert_eq!(messages, [Message::End { errno: 2 }]);
        }
    }

    #[test]
    fn an_answer_to_another_request_is_a_stray() {
        let bytes = [20, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            Messages::new(&bytes, 7, ByteOrder::Little).next(),
            Some(Message::Stray)
        );
    }

    #[test]
    fn lengths_that_do_not_fit_end_the_datagram() {
        for length in [0u8, 4, 15, 21, 255] {
            let mut bytes = [0u8; 20];
            bytes[0] = length;
            let messages: Vec<_> = Messages::new(&bytes, 0, ByteOrder::Little).collect();
            assert_eq!(messages, [Message::Malformed], "{length}");
        }
        assert_eq!(
            Messages::new(&[1, 2, 3], 0, ByteOrder::Little).next(),
            Some(Message::Malformed)
        );
    }

    #[test]
    fn requests_have_the_kernels_sizes() {
        let request = Request {
            family: Some(2),
            protocol: 6,
            states: 1 << 10,
            ports: None,
            other_ends: false,
        };
        assert_eq!(request.encode(1).len(), 16 + 56);
        let both = Request {
            family: None,
            ..request.clone()
        };
        assert_eq!(both.encode(1).len(), 16 + 60);
        let mptcp = Request {
            protocol: 262,
            ..request
        };
        let bytes = mptcp.encode(1);
        assert_eq!(bytes.len(), 16 + 56 + 8);
        assert_eq!(
            bytes[17], 0,
            "an old kernel must not take it for another protocol"
        );
    }
}

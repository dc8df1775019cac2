//! Decodes the tables under `/proc/net`, proc_net(5). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::inet_diag::decode_state;
use super::wire::ByteOrder;
use crate::model::{Endpoint, Family, Protocol, State};
use crate::read::raw::RawSocket;

/// The file that holds a table; `None` for MPTCP, whose sockets appear in the table of TCP, and for SCTP,
/// which has files of another kind.
pub fn file_name(protocol: Protocol, family: Family) -> Option<&'static str> {
    Some(match (protocol, family) {
        (Protocol::Tcp, Family::Ipv4) => "tcp",
        (Protocol::Tcp, Family::Ipv6) => "tcp6",
        (Protocol::Udp, Family::Ipv4) => "udp",
        (Protocol::Udp, Family::Ipv6) => "udp6",
        (Protocol::UdpLite, Family::Ipv4) => "udplite",
        (Protocol::UdpLite, Family::Ipv6) => "udplite6",
        (Protocol::Raw, Family::Ipv4) => "raw",
        (Protocol::Raw, Family::Ipv6) => "raw6",
        (Protocol::Mptcp | Protocol::Sctp, _) => return None,
    })
}

/// Whether a file is such a table: even an empty one has its line of titles.
pub fn is_table(text: &[u8]) -> bool {
    let titles = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    titles.windows(13).any(|part| part == b"local_address")
}

/// How many sockets of a protocol, IPv4 and IPv6, `/proc/net/protocols` counts; `None` where it does
/// not speak of it.
pub fn count_of(text: &[u8], protocol: &str) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    let counts = text.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let name = fields.next()?.strip_prefix(protocol)?;
        (name.is_empty() || name == "v6").then(|| fields.nth(1)?.parse::<u64>().ok())?
    });
    counts.reduce(|all, one| all + one)
}

/// Rows of a table, and how many of its lines could not be read.
pub fn decode_table(text: &[u8], protocol: Protocol, order: ByteOrder) -> (Vec<RawSocket>, usize) {
    let mut skipped = 0;
    let rows = text
        .split(|byte| *byte == b'\n')
        .skip(1)
        .filter(|line| !line.trim_ascii().is_empty())
        .filter_map(|line| {
            let row = std::str::from_utf8(line)
                .ok()
                .and_then(|line| decode_line(line, protocol, order));
            skipped += usize::from(row.is_none());
            row
        })
        .collect();
    (rows, skipped)
}

/// `sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode ...`
fn decode_line(line: &str, protocol: Protocol, order: ByteOrder) -> Option<RawSocket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = decode_endpoint(fields.next()?, order)?;
    let peer = decode_endpoint(fields.next()?, order)?;
    let number = u8::from_str_radix(fields.next()?, 16).ok()?;
    let state = decode_state(number, protocol, &local)?;
    let (send, receive) = fields.next()?.split_once(':')?;
    let queue = |text| u32::from_str_radix(text, 16).ok();
    let timer = fields.next()?;
    let uid = fields.nth(1)?.parse().ok()?;
    let inode: u64 = fields.nth(1)?.parse().ok()?;
    Some(RawSocket {
        protocol,
        state,
        local,
        peer,
        interface: 0,
        uid: Some(uid).filter(|_| inode != 0),
        inode: Some(inode),
        handle: inode,
        v6only: None,
        recv_queue: queue(receive),
        // The file says 0 for the backlog of every listener.
        send_queue: queue(send).filter(|_| state != State::Listen),
        time_wait_left: time_left(timer).filter(|_| state == State::TimeWait),
    })
}

/// Milliseconds of a timer that ends a wait, `03:` and hundredths of a second (USER_HZ).
fn time_left(timer: &str) -> Option<u32> {
    let ticks = u32::from_str_radix(timer.strip_prefix("03:")?, 16).ok()?;
    ticks.checked_mul(10)
}

/// `0100007F:0050`: 32-bit words as the kernel's machine reads them, the port in plain hexadecimal.
fn decode_endpoint(text: &str, order: ByteOrder) -> Option<Endpoint> {
    let (address, port) = text.split_once(':')?;
    if !address.is_ascii() || (address.len() != 8 && address.len() != 32) {
        return None;
    }
    let mut bytes = [0; 16];
    for (word, digits) in bytes
        .chunks_exact_mut(4)
        .zip(address.as_bytes().chunks_exact(8))
    {
        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        word.copy_from_slice(&match order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
    }
    let address: IpAddr = if address.len() == 32 {
        Ipv6Addr::from(bytes).into()
    } else {
        Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()
    };
    Some(Endpoint {
        address,
        port: Some(u16::from_str_radix(port, 16).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &[u8] = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0BB8 0100007F:C7A6 06 00000000:00000000 03:00000F3B 00000000     0        0 0 3 0000000000000000
   2: garbage
";

    #[test]
    fn a_table_is_decoded_and_a_bad_line_is_counted() {
        let (rows, skipped) = decode_table(TCP, Protocol::Tcp, ByteOrder::Little);
        assert_eq!((rows.len(), skipped), (2, 1));
        assert_eq!(rows[0].local, Endpoint::new(Ipv4Addr::LOCALHOST, 3000));
        assert_eq!(
            (rows[0].state, rows[0].uid, rows[0].handle),
            (State::Listen, Some(1000), 31337)
        );
        assert_eq!((rows[0].recv_queue, rows[0].send_queue), (Some(3), None));
        assert_eq!(
            (rows[1].state, rows[1].uid, rows[1].handle),
            (State::TimeWait, None, 0)
        );
        assert_eq!(rows[1].peer, Endpoint::new(Ipv4Addr::LOCALHOST, 51110));
        let left: Vec<_> = rows.iter().map(|row| row.time_wait_left).collect();
        assert_eq!(left, [None, Some(38_990)]);
    }

    #[test]
    fn addresses_follow_the_byte_order_of_their_machine() {
        let v6 = "00000000000000000000000001000000:0016";
        let one = |text, order| decode_endpoint(text, order).unwrap();
        assert_eq!(
            one(v6, ByteOrder::Little),
            Endpoint::new(Ipv6Addr::LOCALHOST, 22)
        );
        let big = "00000000000000000000000000000001:0016";
        assert_eq!(
            one(big, ByteOrder::Big),
            Endpoint::new(Ipv6Addr::LOCALHOST, 22)
        );
        assert_eq!(
            one("7F000001:0050", ByteOrder::Big),
            Endpoint::new(Ipv4Addr::LOCALHOST, 80)
        );
    }

    #[test]
    fn sockets_of_a_protocol_are_counted() {
        let text = b"protocol  size sockets  memory\nMPTCPv6 2064 1 0 no\nTCP 2304 7 1 no\nMPTCP 1936 2 0 no\n";
        assert_eq!(count_of(text, "MPTCP"), Some(3));
        assert_eq!(count_of(text, "TCP"), Some(7));
        assert_eq!(count_of(text, "SCTP"), None);
        assert_eq!(count_of(b"", "MPTCP"), None);
    }

    #[test]
    fn nonsense_is_no_endpoint() {
        for text in [
            "",
            ":",
            "0100007F",
            "0100007:0050",
            "0100007F:10000",
            "é100007:0050",
            "0100007F00:1",
        ] {
            assert_eq!(decode_endpoint(text, ByteOrder::Little), None, "{text}");
        }
    }
}

//! What is refused, missing or no table is made up for, or said to be unknown.

use std::collections::BTreeMap;

use super::super::dump::Datagram;
use super::*;

/// A kernel whose sock_diag refuses some protocols, and that has some files.
#[derive(Default)]
struct Fake {
    opens: Option<Errno>,
    /// What a dump of the protocol number ends with; whole where it is not listed.
    dumps: BTreeMap<u8, Errno>,
    sends: Option<Errno>,
    files: BTreeMap<&'static str, io::Result<&'static str>>,
}

struct FakeLink {
    dumps: BTreeMap<u8, Errno>,
    sends: Option<Errno>,
    last: Vec<u8>,
}

impl Link for FakeLink {
    fn send(&mut self, message: &[u8]) -> Result<(), Errno> {
        self.last = message.to_vec();
        self.sends.map_or(Ok(()), Err)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, Errno> {
        // The legacy request (type 18) is TCP; the other has its protocol behind the family.
        let protocol = if self.last[4..6] == 18u16.to_ne_bytes() {
            6
        } else {
            self.last[17]
        };
        let errno = self.dumps.get(&protocol).map_or(0, |errno| errno.0);
        buffer[..4].copy_from_slice(&20u32.to_ne_bytes());
        buffer[4..6].copy_from_slice(&3u16.to_ne_bytes());
        buffer[6..8].fill(0);
        buffer[8..12].copy_from_slice(&self.last[8..12]);
        buffer[12..16].fill(0);
        buffer[16..20].copy_from_slice(&(-errno).to_ne_bytes());
        Ok(Datagram {
            length: 20,
            truncated: false,
            from_kernel: true,
        })
    }

    fn reopen(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

impl Kernel for Fake {
    type Link = FakeLink;

    fn open_link(&mut self) -> Result<FakeLink, Errno> {
        let link = FakeLink {
            dumps: self.dumps.clone(),
            sends: self.sends,
            last: Vec::new(),
        };
        self.opens.map_or(Ok(link), Err)
    }

    fn read_file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        match self.files.get(path) {
            Some(Ok(text)) => Ok(text.as_bytes().to_vec()),
            Some(Err(error)) => Err(error.kind().into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn exists(&mut self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn release(&mut self) -> (u32, u32) {
        (6, 18)
    }
}

const EMPTY: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n";
const ONE: &str = "  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1
";

fn files() -> BTreeMap<&'static str, io::Result<&'static str>> {
    let names = [
        "tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "if_inet6",
    ];
    let path = |name: &str| -> &'static str { format!("/proc/net/{name}").leak() };
    let tables = names.map(|name| (path(name), Ok(if name == "tcp" { ONE } else { EMPTY })));
    let protocols = ("/proc/net/protocols", Ok("TCP 1 5 0\n"));
    tables.into_iter().chain([protocols]).collect()
}

fn outcomes(mut kernel: Fake, method: Method) -> Vec<(Protocol, Option<Family>, Outcome)> {
    let tables = read(&mut kernel, method, &Scope::everything());
    tables
        .into_iter()
        .map(|table| (table.protocol, table.family, table.outcome))
        .collect()
}

fn unknown(outcomes: &[(Protocol, Option<Family>, Outcome)]) -> Vec<(Protocol, Option<Family>)> {
    let is_unknown = |outcome: &Outcome| matches!(outcome, Outcome::Unknown { .. });
    let unknown = outcomes
        .iter()
        .filter(|(_, _, outcome)| is_unknown(outcome));
    unknown
        .map(|(protocol, family, _)| (*protocol, *family))
        .collect()
}

#[test]
fn whatever_refuses_sock_diag_as_a_whole_leads_to_proc_net() {
    for errno in [1, 13, 93, 97] {
        let kernel = Fake {
            opens: Some(Errno(errno)),
            files: files(),
            ..Fake::default()
        };
        let found = outcomes(kernel, Method::Auto);
        assert!(unknown(&found).is_empty(), "{found:?}");
        let fell_back = found
            .iter()
            .filter(|(_, _, o)| matches!(o, Outcome::Fallback { .. }));
        assert_eq!(fell_back.count(), 8);
    }
    let kernel = Fake {
        sends: Some(Errno(111)),
        files: files(),
        ..Fake::default()
    };
    assert!(unknown(&outcomes(kernel, Method::Auto)).is_empty());
}

#[test]
fn the_rows_of_the_fallback_are_there() {
    let mut kernel = Fake {
        opens: Some(Errno::PERM),
        files: files(),
        ..Fake::default()
    };
    let tables = read(&mut kernel, Method::Auto, &Scope::everything());
    assert_eq!(tables[0].sockets.len(), 1);
    assert_eq!(tables[0].via, Via::ProcNet);
}

#[test]
fn an_emulated_program_reads_addresses_as_the_kernel_writes_them() {
    for (order, address) in [("little\n", "127.0.0.1"), ("big\n", "1.0.0.127")] {
        let mut kernel = Fake {
            files: files(),
            ..Fake::default()
        };
        kernel.files.insert("/sys/kernel/cpu_byteorder", Ok(order));
        let tables = read(&mut kernel, Method::ProcNet, &Scope::everything());
        let local = tables[0].sockets[0].local.address;
        assert_eq!(local, address.parse::<std::net::IpAddr>().unwrap());
    }
}

#[test]
fn one_missing_module_is_made_up_for_by_one_file() {
    let dumps = BTreeMap::from([(17, Errno::NOENT)]);
    let found = outcomes(
        Fake {
            dumps,
            files: files(),
            ..Fake::default()
        },
        Method::Auto,
    );
    for (protocol, _, outcome) in found {
        let fell_back = matches!(outcome, Outcome::Fallback { .. });
        assert_eq!(
            fell_back,
            protocol == Protocol::Udp,
            "{protocol} {outcome:?}"
        );
    }
}

#[test]
fn what_neither_way_gives_is_unknown_and_never_empty() {
    let all = |found: &[(Protocol, Option<Family>, Outcome)]| unknown(found).len();
    let blind = Fake {
        opens: Some(Errno::PERM),
        ..Fake::default()
    };
    assert_eq!(all(&outcomes(blind, Method::Auto)), 9);
    let native = Fake {
        opens: Some(Errno::PERM),
        files: files(),
        ..Fake::default()
    };
    assert_eq!(all(&outcomes(native, Method::SockDiag)), 8);
    assert_eq!(all(&outcomes(Fake::default(), Method::ProcNet)), 9);
    let mut denied = files();
    denied.insert("/proc/net/tcp", Err(io::ErrorKind::PermissionDenied.into()));
    let denied = Fake {
        opens: Some(Errno::PERM),
        files: denied,
        ..Fake::default()
    };
    assert_eq!(
        unknown(&outcomes(denied, Method::Auto)),
        [(Protocol::Tcp, Some(Family::Ipv4))]
    );
}

#[test]
fn a_file_that_is_no_table_is_unknown() {
    let mut covered = files();
    covered.insert("/proc/net/tcp", Ok(""));
    let kernel = Fake {
        opens: Some(Errno::PERM),
        files: covered,
        ..Fake::default()
    };
    assert_eq!(
        unknown(&outcomes(kernel, Method::Auto)),
        [(Protocol::Tcp, Some(Family::Ipv4))]
    );
}

#[test]
fn without_ipv6_and_udplite_nothing_is_missing() {
    let mut files = files();
    files.retain(|name, _| !name.ends_with('6') && !name.contains("udplite"));
    let kernel = Fake {
        opens: Some(Errno::PERM),
        files,
        ..Fake::default()
    };
    let found = outcomes(kernel, Method::Auto);
    assert!(unknown(&found).is_empty(), "{found:?}");
    let absent = found
        .iter()
        .filter(|(_, _, outcome)| *outcome == Outcome::Absent)
        .count();
    let sctp = 1;
    assert_eq!(absent, 2 + 5 + sctp, "MPTCP stands in the table of TCP");
}

#[test]
fn mptcp_alone_is_unknown_where_the_kernel_may_have_it() {
    let scope = Scope {
        protocols: [Protocol::Mptcp].into_iter().collect(),
        ..Scope::everything()
    };
    let refused = BTreeMap::from([(0, Errno::NOENT)]);
    let mut kernel = Fake {
        dumps: refused,
        ..Fake::default()
    };
    let outcome = |kernel: &mut Fake| read(kernel, Method::Auto, &scope)[0].outcome.clone();
    assert_eq!(outcome(&mut kernel), Outcome::Absent);
    kernel.files.insert("/proc/sys/net/mptcp", Ok(""));
    assert!(matches!(outcome(&mut kernel), Outcome::Unknown { .. }));
}

#[test]
fn a_count_of_no_mptcp_sockets_spares_the_dump() {
    let scope = Scope {
        protocols: [Protocol::Mptcp].into_iter().collect(),
        ..Scope::everything()
    };
    let table = |count: &'static str| {
        let files = BTreeMap::from([("/proc/net/protocols", Ok(count))]);
        read(
            &mut Fake {
                files,
                ..Fake::default()
            },
            Method::Auto,
            &scope,
        )
    };
    assert_eq!(table("MPTCP 1 0 0\nMPTCPv6 1 0 0\n").len(), 1);
    assert_eq!(
        table("MPTCP 1 0 0\nMPTCPv6 1 1 0\n").len(),
        2,
        "one for each family"
    );
    assert_eq!(table("TCP 1 5 0\n").len(), 2);
}

/// What is found of SCTP, and how many sockets are known to be missing, by what counts them.
fn sctp(protocols: &'static str, dump: Option<Errno>) -> Vec<(Via, Outcome, u32)> {
    let scope = Scope {
        protocols: [Protocol::Sctp].into_iter().collect(),
        ..Scope::everything()
    };
    let mut kernel = Fake {
        dumps: dump.map(|errno| (132, errno)).into_iter().collect(),
        files: BTreeMap::from([
            ("/proc/net/protocols", Ok(protocols)),
            ("/proc/net/sctp/eps", Ok(EPS)),
            ("/proc/net/sctp/assocs", Ok(ASSOCS)),
        ]),
        ..Fake::default()
    };
    let tables = read(&mut kernel, Method::Auto, &scope).into_iter();
    tables
        .map(|table| (table.via, table.outcome, table.unseen))
        .collect()
}

const EPS: &str = " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
86547ba6 f2bb92db 2   10  35   2905      0 10123 0.0.0.0
";
const ASSOCS: &str = " ASSOC     SOCK   STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT
";

/// To ask could load modules, and the kernel's own socket is counted wherever it has loaded them.
#[test]
fn sctp_is_asked_for_only_where_sockets_are_counted() {
    let refused = Some(Errno::PERM);
    for protocols in ["TCP 1 5 0\n", "SCTPv6 1 1 0\nSCTP 1 0 0\n"] {
        let found = sctp(protocols, refused);
        assert_eq!(found, [(Via::ProcNet, Outcome::Absent, 0)], "{protocols}");
    }
    let found = sctp("SCTPv6 1 1 0\nSCTP 1 3 0\n", None);
    let read = |unseen| (Via::SockDiag, Outcome::Read, unseen);
    assert_eq!(found, [read(3), read(0)], "one for each family");
}

#[test]
fn sctp_sockets_that_are_counted_and_not_shown_are_known_to_be_missing() {
    let found = sctp("SCTPv6 1 1 0\nSCTP 1 3 0\n", Some(Errno::NOENT));
    assert!(
        matches!(&found[..], [(Via::ProcNet, Outcome::Fallback { .. }, 2)]),
        "{found:?}"
    );
}

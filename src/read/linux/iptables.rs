//! The NAT tables of iptables-legacy in this network namespace, by the socket options that the tool itself
//! reads them with (linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h).

use rustix::fs::CWD;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::errno::Errno;
use super::nat::{IPV4, IPV6, decode_entries};
use super::proc_files::read_small;
use super::wire::ByteOrder;
use crate::read::raw::RawForwards;

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`; those of IPv6 have the same numbers at another level.
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;

/// `XT_TABLE_MAXNAMELEN`.
const NAME: usize = 32;
/// `struct ipt_getinfo`: name, five words for hooks twice and their set, number of entries, their size.
const INFO: usize = NAME + 4 + 20 + 20 + 4 + 4;
/// `struct ipt_get_entries` before its entries, which are aligned as the machine aligns eight bytes.
const HEAD: usize = (NAME + 4).next_multiple_of(align_of::<u64>());

/// Bytes of entries that are read, of some sixty thousand rules: all come at once, or none.
const LARGEST: usize = 16 << 20;
/// Somebody may change the table between the question for its size and that for its entries.
const ATTEMPTS: u32 = 5;

struct Kind {
    /// The tables that are in use, for root to read: to ask for another would load it.
    names: &'static str,
    address_family: AddressFamily,
    level: libc::c_int,
    family: u8,
}

const KINDS: [Kind; 2] = [
    Kind {
        names: "/proc/thread-self/net/ip_tables_names",
        address_family: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        family: IPV4,
    },
    Kind {
        names: "/proc/thread-self/net/ip6_tables_names",
        address_family: AddressFamily::INET6,
        level: libc::IPPROTO_IPV6,
        family: IPV6,
    },
];

/// Adds which ports these rules send elsewhere: takes CAP_NET_ADMIN.
///
/// # Errors
/// Why not all could be read.
pub fn read(found: &mut RawForwards) -> Result<(), String> {
    // What is wrong with the one is no reason to leave the other out.
    let [of_ipv4, of_ipv6] = KINDS.each_ref().map(|kind| read_kind(kind, found));
    of_ipv4.and(of_ipv6)
}

fn read_kind(kind: &Kind, found: &mut RawForwards) -> Result<(), String> {
    let names = match read_small(CWD, kind.names) {
        Ok(names) => names,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(format!("{}: {}", kind.names, Errno::from(errno))),
    };
    if !names
        .split(|byte| *byte == b'\n')
        .any(|name| name == b"nat")
    {
        return Ok(());
    }
    let entries = entries(kind)?;
    let damaged = "the rules of iptables-legacy are damaged";
    decode_entries(&entries, kind.family, ByteOrder::NATIVE, found).ok_or(damaged.into())
}

/// The entries of the table "nat", one behind the other.
fn entries(kind: &Kind) -> Result<Vec<u8>, String> {
    // Any socket of the family will do.
    let socket = socket_with(
        kind.address_family,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = socket.map_err(|errno| Errno::from(errno).to_string())?;
    let mut refused = Errno::AGAIN;
    for _ in 0..ATTEMPTS {
        let mut info = named(INFO);
        option(&socket, kind.level, GET_INFO, &mut info).map_err(|errno| errno.to_string())?;
        let size = info
            .last_chunk()
            .map_or(0, |size| u32::from_ne_bytes(*size));
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > LARGEST {
            return Err("there are too many rules".into());
        }
        let mut table = named(HEAD + length);
        table[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
        match option(&socket, kind.level, GET_ENTRIES, &mut table) {
            Ok(()) => return Ok(table.split_off(HEAD)),
            Err(errno) => refused = errno,
        }
        if refused != Errno::AGAIN {
            break;
        }
    }
    Err(refused.to_string())
}

/// A question of this many bytes about the table "nat".
fn named(length: usize) -> Vec<u8> {
    let mut question = vec![0; length];
    question[..3].copy_from_slice(b"nat");
    question
}

/// getsockopt(2), whose buffer is the question too.
#[allow(unsafe_code)]
fn option(
    socket: &impl std::os::fd::AsRawFd,
    level: libc::c_int,
    name: libc::c_int,
    buffer: &mut [u8],
) -> Result<(), Errno> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(|_| Errno::NOBUFS)?;
    // SAFETY: the kernel reads and writes no more than `length` bytes, all of which are of `buffer`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            buffer.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno(
            std::io::Error::last_os_error().raw_os_error().unwrap_or(0),
        ))
    }
}

//! The tables of iptables-legacy in this network namespace that send packets elsewhere, by the socket
//! options that the tool itself reads them with (linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h).

use rustix::fs::CWD;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::errno::Errno;
use super::nat::{
    Entries, IPV4, IPV6, Kind, LOCAL_OUT, PRE_ROUTING, Stop, asked_for, follow_entries,
};
use super::netfilter::Refusal;
use super::proc_files::read_small;
use super::wire::{ByteOrder, u32_at};
use crate::model::Destinations;
use crate::read::raw::RawForwards;

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`; those of IPv6 have the same numbers at another level.
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;

/// `XT_TABLE_MAXNAMELEN`.
const NAME: usize = 32;
/// `struct ipt_getinfo`: name, five words for hooks twice and their set, number of entries, their size.
const INFO: usize = NAME + 4 + 4 * HOOKS + 4 * HOOKS + 4 + 4;
/// `NF_INET_NUMHOOKS`.
const HOOKS: usize = 5;
/// `struct ipt_get_entries` before its entries, which are aligned as the machine aligns eight bytes.
const HEAD: usize = (NAME + 4).next_multiple_of(align_of::<u64>());

/// Bytes of entries that are read, of some two hundred thousand rules: all come at once, or none.
const LARGEST: usize = 64 << 20;

/// The tables that may send packets elsewhere, each with the hooks at which it may.
const TABLES: [(&[u8], &[u32]); 2] = [
    (b"nat", &[PRE_ROUTING, LOCAL_OUT]),
    (b"mangle", &[PRE_ROUTING]),
];

/// Somebody may change the table between the question for its size and that for its entries.
const ATTEMPTS: u32 = 5;

struct Interface {
    /// The tables that are in use, for root to read: to ask for another would load it.
    names: &'static str,
    address_family: AddressFamily,
    level: libc::c_int,
    family: u8,
}

const INTERFACES: [Interface; 2] = [
    Interface {
        names: "/proc/thread-self/net/ip_tables_names",
        address_family: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        family: IPV4,
    },
    Interface {
        names: "/proc/thread-self/net/ip6_tables_names",
        address_family: AddressFamily::INET6,
        level: libc::IPPROTO_IPV6,
        family: IPV6,
    },
];

/// Adds where these rules send what goes to these destinations: takes CAP_NET_ADMIN.
///
/// # Errors
/// Why not all could be read.
pub fn read(asked: &Destinations, kinds: &[Kind], found: &mut RawForwards) -> Result<(), Refusal> {
    // What is wrong with the one is no reason to leave the other out.
    let [of_ipv4, of_ipv6] = INTERFACES
        .each_ref()
        .map(|interface| read_interface(interface, asked, kinds, found));
    of_ipv4.and(of_ipv6)
}

fn read_interface(
    interface: &Interface,
    asked: &Destinations,
    kinds: &[Kind],
    found: &mut RawForwards,
) -> Result<(), Refusal> {
    let names = match read_small(CWD, interface.names) {
        Ok(names) => names,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(errno) => {
            let refusal = refused(errno.into());
            let why = format!("{}: {}", interface.names, refusal.why);
            return Err(Refusal { why, ..refusal });
        }
    };
    for (table, hooks) in TABLES {
        let mut in_use = names.split(|byte| *byte == b'\n');
        if !in_use.any(|name| name == table) {
            continue;
        }
        let (bytes, begins) = entries(interface, table)?;
        let begin = |hook: &u32| *begins.get(usize::try_from(*hook).ok()?)?;
        let hooks: Vec<usize> = hooks.iter().filter_map(begin).collect();
        let entries = Entries {
            bytes: &bytes,
            hooks: &hooks,
            order: ByteOrder::NATIVE,
        };
        for kind in kinds.iter().filter(|kind| kind.family == interface.family) {
            if let Some(packets) = asked_for(asked, kind) {
                follow_entries(entries, kind, &packets, found).map_err(|stop| match stop {
                    Stop::Because(why) => unread(why),
                    Stop::Changed => unread(Errno::AGAIN.to_string()),
                })?;
            }
        }
    }
    Ok(())
}

fn unread(why: String) -> Refusal {
    Refusal {
        why,
        lacks_privilege: false,
    }
}

fn refused(errno: Errno) -> Refusal {
    Refusal {
        why: errno.to_string(),
        lacks_privilege: matches!(errno, Errno::ACCES | Errno::PERM),
    }
}

/// The entries of a table, one behind the other, and where those of each hook begin.
type Read = (Vec<u8>, [Option<usize>; HOOKS]);

fn entries(interface: &Interface, table: &[u8]) -> Result<Read, Refusal> {
    // Any socket of the family will do.
    let socket = socket_with(
        interface.address_family,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = socket.map_err(|errno| refused(errno.into()))?;
    let level = interface.level;
    let mut last = Errno::AGAIN;
    for _ in 0..ATTEMPTS {
        let mut info = named(table, INFO);
        option(&socket, level, GET_INFO, &mut info).map_err(refused)?;
        let word = |index: usize| u32_at(&info, NAME + 4 * index, ByteOrder::NATIVE);
        let valid = word(0).unwrap_or(0);
        let begins = std::array::from_fn(|hook| {
            let begin = word(1 + hook).filter(|_| valid >> hook & 1 == 1)?;
            usize::try_from(begin).ok()
        });
        let size = word((INFO - NAME) / 4 - 1).unwrap_or(0);
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > LARGEST {
            return Err(unread("there are too many rules".into()));
        }
        let mut answer = named(table, HEAD + length);
        answer[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
        match option(&socket, level, GET_ENTRIES, &mut answer) {
            Ok(()) => return Ok((answer.split_off(HEAD), begins)),
            Err(errno) => last = errno,
        }
        if last != Errno::AGAIN {
            break;
        }
    }
    Err(refused(last))
}

/// A question of this many bytes about a table.
fn named(table: &[u8], length: usize) -> Vec<u8> {
    let mut question = vec![0; length];
    question[..table.len()].copy_from_slice(table);
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

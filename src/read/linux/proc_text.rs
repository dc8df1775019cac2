//! Decodes the texts under `/proc/PID`, proc(5), and `/etc/passwd`, passwd(5). Pure.

use std::collections::BTreeMap;

use crate::model::{Foreign, Halt, Protocol};

/// What `/proc/PID/stat` tells, proc_pid_stat(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// At most 15 bytes, of any kind.
    pub comm: Foreign,
    /// Whether the first thread has ended.
    pub is_zombie: bool,
    /// What keeps the thread that the text is of from running.
    pub halt: Halt,
    pub parent_pid: u32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

/// Decodes `/proc/PID/stat`. The name may hold spaces, parentheses and newlines: it ends at the last `)`.
pub fn decode_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let comm = Foreign::from_bytes(text.get(open + 1..close)?);
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    // Field 4 is the parent, field 22 the start; the state is field 3.
    let state = fields.next()?;
    let parent_pid = fields.next()?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some(Stat {
        comm,
        is_zombie: state == "Z",
        halt: match state {
            "T" => Halt::Signal,
            "t" => Halt::Debugger,
            _ => Halt::No,
        },
        parent_pid,
        start,
    })
}

/// Splits `/proc/PID/cmdline`; `None` when it is empty (kernel threads, zombies).
///
/// Empty arguments stay. Programs that overwrite their arguments with a title pad it with NULs:
/// more than one empty argument at the end is taken for such padding.
pub fn decode_command(text: &[u8]) -> Option<Vec<Foreign>> {
    decode_arguments(text, usize::MAX).0
}

/// The same with so many arguments at most, and whether there are more.
pub fn decode_arguments(text: &[u8], most: usize) -> (Option<Vec<Foreign>>, bool) {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    let text = if text.ends_with(b"\0\0") {
        let end = text
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        &text[..end]
    } else {
        text
    };
    if text.is_empty() {
        return (None, false);
    }
    let mut arguments = text.split(|byte| *byte == 0).map(Foreign::from_bytes);
    let kept = arguments.by_ref().take(most).collect();
    (Some(kept), arguments.next().is_some())
}

/// The inode number in `socket:[4711]`.
#[inline]
pub fn decode_socket_link(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(value))
    })
}

/// The number of the system call in which a thread waits, and its first argument as a descriptor, of
/// `/proc/PID/syscall`; `None` where it runs, or waits elsewhere.
pub fn decode_syscall(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    let argument = words.next()?.strip_prefix("0x")?;
    // After six arguments: a thread of the kernel has no stack of a program.
    if words.nth(5)? == "0x0" {
        return None;
    }
    // A descriptor is an int: the upper half of its register means nothing.
    let argument = u64::from_str_radix(argument, 16).ok()? & 0xFFFF_FFFF;
    Some((number, u32::try_from(argument).ok()?))
}

/// The ports of `/proc/fs/nfsd/portlist`, as `tcp 2049`; a line of another kind is left out.
pub fn parse_portlist(text: &[u8]) -> Vec<(Protocol, u16)> {
    let text = String::from_utf8_lossy(text);
    let port = |line: &str| {
        let (protocol, port) = line.trim().split_once(' ')?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return None,
        };
        Some((protocol, port.trim().parse().ok()?))
    };
    text.lines().filter_map(port).collect()
}

/// User names by uid; of several names for one uid the first.
pub fn parse_passwd(text: &[u8]) -> BTreeMap<u32, String> {
    let mut users = BTreeMap::new();
    for (name, uid) in entries_of_passwd(text) {
        users.entry(uid).or_insert_with(|| name.to_owned());
    }
    users
}

/// The uid that a name has in passwd(5); of several entries the first.
pub fn uid_in_passwd(text: &[u8], name: &str) -> Option<u32> {
    let mut entries = entries_of_passwd(text);
    entries.find_map(|(found, uid)| (found == name).then_some(uid))
}

fn entries_of_passwd(text: &[u8]) -> impl Iterator<Item = (&str, u32)> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?.parse().ok()?);
        (!name.is_empty() && !name.starts_with('#')).then_some((name, uid))
    })
}

/// Whether a mount of `/proc` in `/proc/self/mountinfo` hides processes, proc(5).
pub fn hides_processes(mountinfo: &[u8]) -> bool {
    mountinfo.split(|byte| *byte == b'\n').any(|line| {
        let line = String::from_utf8_lossy(line);
        let mut fields = line.split(' ');
        fields.nth(4) == Some("/proc")
            && line.split([' ', ',']).any(|option| {
                matches!(
                    option,
                    "hidepid=2" | "hidepid=4" | "hidepid=invisible" | "hidepid=ptraceable"
                )
            })
    })
}

/// Whether `/proc/PID/uid_map` gives a number to every user there can be, user_namespaces(7). Without lines
/// it gives one to none. The last of 32 bits, -1, is no user.
pub fn covers_every_uid(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let count = |line: &str| line.split_ascii_whitespace().nth(2)?.parse::<u64>().ok();
    // What lines give never overlaps, on either side.
    text.lines().filter_map(count).sum::<u64>() >= u64::from(u32::MAX)
}

/// One number, as sysctls have it.
pub fn parse_number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// `32768\t60999`, as `ip_local_port_range` has it, ip(7).
pub fn parse_range(text: &[u8]) -> Option<(u16, u16)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `8080,9000-9002`, as `ip_local_reserved_ports` has it; what cannot be read is left out.
pub fn parse_ranges(text: &[u8]) -> Vec<(u16, u16)> {
    let text = String::from_utf8_lossy(text);
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.trim().split(',').filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Option<Vec<Foreign>> {
        Some(list.iter().map(|word| Foreign::new(*word)).collect())
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_is_whole() {
        let tail = "S 1 2 3 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 98765 0 0";
        for name in ["sh", "a) S 1 (b", ") R 1", "", "two\nlines"] {
            let stat = decode_stat(format!("42 ({name}) {tail}").as_bytes()).unwrap();
            assert_eq!(stat.comm, Foreign::new(name));
            assert_eq!((stat.parent_pid, stat.start), (1, 98765));
        }
    }

    #[test]
    fn a_stopped_process_is_told_from_one_that_runs() {
        for (state, halt) in [
            ("R", Halt::No),
            ("S", Halt::No),
            ("D", Halt::No),
            ("Z", Halt::No),
            ("T", Halt::Signal),
            ("t", Halt::Debugger),
        ] {
            let text = format!("7 (T) {state} 1 2 3 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 98765 0 0");
            let stat = decode_stat(text.as_bytes()).unwrap();
            assert_eq!((stat.halt, stat.is_zombie), (halt, state == "Z"), "{state}");
        }
    }

    #[test]
    fn half_a_stat_is_none() {
        for text in ["", "42", "42 (", ")(", "42 (a) S", "42 (a) S 1 2 3"] {
            assert_eq!(decode_stat(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn empty_arguments_stay_and_padding_goes() {
        assert_eq!(decode_command(b"a\0\0b\0"), words(&["a", "", "b"]));
        assert_eq!(decode_command(b"a\0\0"), words(&["a", ""]));
        assert_eq!(decode_command(b"sshd: x\0\0\0\0\0"), words(&["sshd: x"]));
        assert_eq!(
            decode_command(b"title without end"),
            words(&["title without end"])
        );
        assert_eq!(decode_command(b""), None);
        assert_eq!(decode_command(b"\0\0\0\0"), None);
    }

    #[test]
    fn arguments_beyond_a_bound_are_left_out_and_said_to_be_there() {
        let text = b"a\0b\0c\0";
        assert_eq!(decode_arguments(text, 3), (words(&["a", "b", "c"]), false));
        assert_eq!(decode_arguments(text, 2), (words(&["a", "b"]), true));
        assert_eq!(decode_arguments(b"", 2), (None, false));
    }

    #[test]
    fn socket_links_are_told_from_other_links() {
        assert_eq!(decode_socket_link(b"socket:[4711]"), Some(4711));
        for link in [
            &b"pipe:[4711]"[..],
            b"socket:[]",
            b"socket:[47x]",
            b"socket:[1",
            b"/dev/null",
        ] {
            assert_eq!(decode_socket_link(link), None);
        }
        assert_eq!(
            decode_socket_link(b"socket:[99999999999999999999999]"),
            None
        );
    }

    #[test]
    fn the_call_in_which_a_thread_waits_is_read_with_its_descriptor() {
        let waiting = b"288 0x3 0x0 0x0 0x80800 0x0 0x0 0x7ffd 0x7f2b\n";
        assert_eq!(decode_syscall(waiting), Some((288, 3)));
        assert_eq!(
            decode_syscall(b"45 0xffffffff00000005 0x0 0x0 0x0 0x0 0x0 0x7ffd 0x7f2b\n"),
            Some((45, 5))
        );
        for text in [&b"running\n"[..], b"-1 0x7ffd 0x7f2b\n", b"288\n", b""] {
            assert_eq!(decode_syscall(text), None, "{text:?}");
        }
        let of_the_kernel = b"0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n";
        assert_eq!(decode_syscall(of_the_kernel), None);
    }

    #[test]
    fn the_ports_of_the_nfs_server_are_those_that_the_kernel_lists() {
        let text = b"rdma 20049\nudp 2049\ntcp 2049\ntcp x\n";
        let expected = [(Protocol::Udp, 2049), (Protocol::Tcp, 2049)];
        assert_eq!(parse_portlist(text), expected);
        assert_eq!(parse_portlist(b""), []);
    }

    #[test]
    fn the_first_name_of_a_uid_counts() {
        let users =
            parse_passwd(b"root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:\nbad\n#c:x:5:\nweb:x:33:33:::\n");
        assert_eq!(
            users.into_iter().collect::<Vec<_>>(),
            [(0, "root".into()), (33, "web".into())]
        );
    }

    #[test]
    fn hidepid_is_read_from_the_mount_of_proc() {
        let line = |at: &str, options: &str| {
            format!("22 28 0:21 / {at} rw,nosuid - proc proc rw,{options}\n").into_bytes()
        };
        assert!(hides_processes(&line("/proc", "hidepid=invisible")));
        assert!(hides_processes(&line("/proc", "gid=4,hidepid=2")));
        assert!(!hides_processes(&line("/proc", "hidepid=1")));
        assert!(!hides_processes(&line("/chroot/proc", "hidepid=2")));
    }

    #[test]
    fn a_map_of_users_covers_all_or_some() {
        assert!(covers_every_uid(b"         0          0 4294967295\n"));
        assert!(covers_every_uid(b"0 0 1000\n1000 1000 4294966295\n"));
        for some in [
            &b"         0       1000          1\n"[..],
            b"0 1000 1\n1 100000 65536\n",
            b"0 100000 65536\n",
            b"",
        ] {
            assert!(!covers_every_uid(some), "{}", some.escape_ascii());
        }
    }

    #[test]
    fn port_ranges_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_range(b"32768\t60999\n"), Some((32_768, 60_999)));
        assert_eq!(parse_range(b"1\n"), None);
        assert_eq!(
            parse_ranges(b"8080,9000-9002\n"),
            [(8080, 8080), (9000, 9002)]
        );
        assert_eq!(parse_ranges(b"\n"), []);
    }
}

//! The ports that macOS and Windows give to outgoing connections, as tools of the system print them:
//! no call without unsafe code tells. What parses is pure, and built everywhere.
#![allow(dead_code, reason = "each system uses one way, or none")]

/// First and last port, by sysctl(8); `None` where it cannot be run, or prints something else.
#[cfg(target_os = "macos")]
pub fn read() -> Option<(u16, u16)> {
    const NAMES: [&str; 2] = ["net.inet.ip.portrange.first", "net.inet.ip.portrange.last"];
    let mut sysctl = std::process::Command::new("/usr/sbin/sysctl");
    parse_sysctl(&sysctl.arg("-n").args(NAMES).output().ok()?.stdout)
}

/// First and last port, by netsh; `None` where it cannot be run, or prints something else.
#[cfg(target_os = "windows")]
pub fn read() -> Option<(u16, u16)> {
    let root = std::env::var_os("SystemRoot")?;
    let program = std::path::Path::new(&root).join(r"System32\netsh.exe");
    let mut netsh = std::process::Command::new(program);
    let words = ["interface", "ipv4", "show", "dynamicport", "tcp"];
    let asked = netsh.args(words).stdin(std::process::Stdio::null());
    parse_netsh(&asked.output().ok()?.stdout)
}

/// The system has another way, or none.
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
pub fn read() -> Option<(u16, u16)> {
    None
}

/// Two lines, a number on each.
pub fn parse_sysctl(text: &[u8]) -> Option<(u16, u16)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let (first, last) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (first <= last).then_some((first, last))
}

/// Two lines with a number behind a colon, the first port and how many there are; the words before
/// it are in the language of the system.
pub fn parse_netsh(text: &[u8]) -> Option<(u16, u16)> {
    let text = String::from_utf8_lossy(text);
    let numbers: Vec<u32> = text
        .lines()
        .filter_map(|line| line.rsplit_once(':')?.1.trim().parse().ok())
        .collect();
    let [first, count] = numbers.as_slice() else {
        return None;
    };
    let last = first.checked_add(*count)?.checked_sub(1)?;
    Some((u16::try_from(*first).ok()?, u16::try_from(last).ok()?))
        .filter(|(first, last)| first <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysctl_prints_two_numbers() {
        assert_eq!(parse_sysctl(b"49152\n65535\n"), Some((49_152, 65_535)));
        for odd in ["", "49152\n", "65535\n49152\n", "a\nb\n", "1\n70000\n"] {
            assert_eq!(parse_sysctl(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn netsh_prints_a_start_and_a_count_in_any_language() {
        let english = "\r\nProtocol tcp Dynamic Port Range\r\n----\r\nStart Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n";
        assert_eq!(parse_netsh(english.as_bytes()), Some((49_152, 65_535)));
        let latin1 = b"Dynamischer Portbereich\r\nStartport : 1025\r\nAnzahl f\xfcr Ports : 10\r\n";
        assert_eq!(parse_netsh(latin1), Some((1025, 1034)));
        for odd in [
            "",
            "Start Port : 5\n",
            "a : 5\nb : 0\n",
            "a : 70000\nb : 1\n",
        ] {
            assert_eq!(parse_netsh(odd.as_bytes()), None, "{odd}");
        }
    }
}

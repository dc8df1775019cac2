//! The answers of `netsh int ipv4 show excludedportrange` and `show dynamicport`. Takes their bytes,
//! gives ranges of ports.

/// First and last ports: the lines that begin with two numbers. The titles are in the language of the
/// user; `*` marks what an administrator excluded.
pub fn parse_ranges(text: &[u8]) -> Vec<(u16, u16)> {
    let text = String::from_utf8_lossy(text);
    let range = |line: &str| {
        let mut words = line.split_whitespace();
        let mut port = || words.next()?.parse::<u16>().ok();
        let (first, last) = (port()?, port()?);
        (first <= last).then_some((first, last))
    };
    text.lines().filter_map(range).collect()
}

/// Two lines with a number behind a colon, the first port and how many there are; the words before
/// it are in the language of the system.
pub fn parse_dynamic_range(text: &[u8]) -> Option<(u16, u16)> {
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
    fn ranges_are_read_whatever_the_language() {
        let english = b"\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n\
            ----------    --------      \r\n      5357        5357      \r\n     50000       50059     *\r\n\r\n\
            * - Administered port exclusions.\r\n\r\n";
        assert_eq!(parse_ranges(english), [(5357, 5357), (50_000, 50_059)]);
        let spanish = "Puerto de inicio    Puerto final\n----------          --------\n      1025        1124\n";
        assert_eq!(parse_ranges(spanish.as_bytes()), [(1025, 1124)]);
    }

    #[test]
    fn what_is_no_range_is_no_port() {
        for text in [
            &b""[..],
            b"The following command was not found: int ipv4 show.\r\n",
            b"1",
            b"1 x",
            b"9 8",
            b"1 65536",
            b"-1 5",
            b"\xff\xfe1\x00 \x002\x00",
        ] {
            assert_eq!(parse_ranges(text), [], "{text:?}");
        }
    }

    #[test]
    fn netsh_prints_a_start_and_a_count_in_any_language() {
        let english = "\r\nProtocol tcp Dynamic Port Range\r\n----\r\nStart Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n";
        assert_eq!(
            parse_dynamic_range(english.as_bytes()),
            Some((49_152, 65_535))
        );
        let latin1 = b"Dynamischer Portbereich\r\nStartport : 1025\r\nAnzahl f\xfcr Ports : 10\r\n";
        assert_eq!(parse_dynamic_range(latin1), Some((1025, 1034)));
        for odd in [
            "",
            "Start Port : 5\n",
            "a : 5\nb : 0\n",
            "a : 70000\nb : 1\n",
        ] {
            assert_eq!(parse_dynamic_range(odd.as_bytes()), None, "{odd}");
        }
    }
}

//! The answer of `netsh int ipv4 show excludedportrange`. Takes its bytes, gives ranges of ports.

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
}

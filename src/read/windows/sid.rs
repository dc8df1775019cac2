//! Identifiers of accounts, as text ("S-1-5-18") and as Windows keeps them. Pure.

/// The structure SID (MS-DTYP 2.4.2.2) of an identifier as text (2.4.2.1): revision, number of parts and
/// authority in two words of bytes, then the parts.
pub fn encode(text: &str) -> Option<Vec<u32>> {
    const MOST_PARTS: usize = 15;
    let mut fields = text.strip_prefix("S-")?.split('-');
    let revision: u8 = fields.next()?.parse().ok()?;
    let authority: u64 = fields.next()?.parse().ok()?;
    let [0, 0, a, b, rest @ ..] = authority.to_be_bytes() else {
        return None;
    };
    let parts: Vec<u32> = fields
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let count = u8::try_from(parts.len())
        .ok()
        .filter(|count| usize::from(*count) <= MOST_PARTS)?;
    let mut words = vec![
        u32::from_ne_bytes([revision, count, a, b]),
        u32::from_ne_bytes(rest),
    ];
    words.extend(parts);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_bytes_of_windows() {
        let bytes = |text: &str| -> Vec<u8> {
            let words = encode(text).unwrap();
            words.iter().flat_map(|word| word.to_ne_bytes()).collect()
        };
        let local_system = [1, 1, 0, 0, 0, 0, 0, 5];
        assert_eq!(bytes("S-1-5-18")[..8], local_system);
        assert_eq!(bytes("S-1-5-18")[8..], 18_u32.to_ne_bytes());
        let user = encode("S-1-5-21-3623811015-3361044348-30300820-1013").unwrap();
        assert_eq!(
            user[2..],
            [21, 3_623_811_015, 3_361_044_348, 30_300_820, 1013]
        );
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        let long = format!("S-1-5{}", "-1".repeat(16));
        for text in [
            "",
            "S-",
            "S-1",
            "0",
            "S-1-x",
            "S-1-5-",
            "S-256-5-18",
            "S-1-5-4294967296",
            &long,
        ] {
            assert_eq!(encode(text), None, "{text}");
        }
        assert_eq!(
            encode("S-1-281474976710656-1"),
            None,
            "an authority has 48 bits"
        );
    }
}

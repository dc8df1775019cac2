//! Text of files that people make: where PowerShell redirects output, it is UTF-16, or begins with a byte
//! order mark.

use std::borrow::Cow;

/// The text as UTF-8, without a mark. What is neither UTF-16 nor marked is given as it is.
pub fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xEF, 0xBB, 0xBF, text @ ..] => Cow::Borrowed(text),
        [0xFF, 0xFE, text @ ..] => from_utf16(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => from_utf16(text, u16::from_be_bytes),
        // Without a mark: such texts begin with a character of ASCII (as in RFC 4627, 3).
        [first, 0, ..] if *first != 0 => from_utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => from_utf16(bytes, u16::from_be_bytes),
        _ => Cow::Borrowed(bytes),
    }
}

/// What is no character, half of one at the end among it, becomes U+FFFD.
fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'static, [u8]> {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    let characters = char::decode_utf16(units);
    let mut text: String = characters
        .map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Cow::Owned(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_of_a_text_gives_the_text() {
        let text = "{\"größe\": \"日本 \u{1f980}\"}\r\n";
        let (little, big) = (u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes);
        for (mark, bytes) in [
            (&b""[..], text.as_bytes().to_vec()),
            (b"\xEF\xBB\xBF", text.as_bytes().to_vec()),
            (b"\xFF\xFE", utf16(text, little)),
            (b"\xFE\xFF", utf16(text, big)),
            (b"", utf16(text, little)),
            (b"", utf16(text, big)),
        ] {
            let marked = [mark, &bytes].concat();
            assert_eq!(utf8(&marked), text.as_bytes(), "{marked:x?}");
        }
    }

    #[test]
    fn what_is_no_text_stays_or_is_replaced() {
        assert_eq!(utf8(b""), &b""[..]);
        assert_eq!(utf8(b"\xff"), &b"\xff"[..]);
        assert_eq!(utf8(b"\0\0\0"), &b"\0\0\0"[..]);
        assert_eq!(utf8(b"\xFF\xFEa\0\x00"), "a\u{fffd}".as_bytes());
        assert_eq!(utf8(b"\xFF\xFE\x00\xd8"), "\u{fffd}".as_bytes());
    }
}

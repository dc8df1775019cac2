//! The answer to one HTTP/1.1 request (RFC 9112): bytes in, the body out. Pure.

/// No body is taken beyond this many bytes.
pub const LARGEST: usize = 8 << 20;
/// No head is taken beyond this many bytes.
const LARGEST_HEAD: usize = 16 * 1024;

/// The request for a path, after whose answer the server closes the connection.
pub fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    )
}

/// How far an answer is.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    More,
    Body(Vec<u8>),
    /// Not a success, or no HTTP.
    Bad,
}

/// How the end of a body is told.
enum Length {
    Chunked,
    Bytes(usize),
    /// By the end of the stream.
    Stream,
}

/// Looks at what has come of an answer; `has_ended` where no more will come.
pub fn decode(bytes: &[u8], has_ended: bool) -> Answer {
    let more = if has_ended || bytes.len() > LARGEST + LARGEST_HEAD {
        Answer::Bad
    } else {
        Answer::More
    };
    let Some(end) = find(&bytes[..bytes.len().min(LARGEST_HEAD)], b"\r\n\r\n") else {
        return if bytes.len() >= LARGEST_HEAD {
            Answer::Bad
        } else {
            more
        };
    };
    let body = &bytes[end + 4..];
    match parse_head(&bytes[..end]) {
        None => Answer::Bad,
        Some(Length::Bytes(length)) if length > LARGEST => Answer::Bad,
        Some(Length::Bytes(length)) => body
            .get(..length)
            .map_or(more, |body| Answer::Body(body.to_vec())),
        Some(Length::Stream) if has_ended => Answer::Body(body.to_vec()),
        Some(Length::Stream) => more,
        // The chunks are taken apart once, when the last one may be there.
        Some(Length::Chunked) if !has_ended && !body.ends_with(b"\r\n\r\n") => more,
        Some(Length::Chunked) => match decode_chunks(body) {
            Ok(Some(body)) => Answer::Body(body),
            Ok(None) => more,
            Err(Damaged) => Answer::Bad,
        },
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The status line and the fields; `None` for anything but a success.
fn parse_head(head: &[u8]) -> Option<Length> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?;
    let (minor, status) = status.split_once(' ')?;
    let code = status.split(' ').next()?;
    if !matches!(minor, "0" | "1") || code != "200" {
        return None;
    }
    let mut length = Length::Stream;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return None;
            }
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("content-length") {
            let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let bytes = is_number.then(|| value.parse().ok())??;
            if !matches!(length, Length::Chunked) {
                length = Length::Bytes(bytes);
            }
        }
    }
    Some(length)
}

#[derive(Debug, PartialEq, Eq)]
struct Damaged;

/// Joins chunks, RFC 9112 section 7.1; `None` where the last one has not come.
fn decode_chunks(bytes: &[u8]) -> Result<Option<Vec<u8>>, Damaged> {
    /// The size of a chunk and what may stand after it.
    const LONGEST_LINE: usize = 1024;
    let mut body = Vec::new();
    let mut rest = bytes;
    loop {
        let line = &rest[..rest.len().min(LONGEST_LINE)];
        let Some(end) = find(line, b"\r\n") else {
            return if line.len() == LONGEST_LINE {
                Err(Damaged)
            } else {
                Ok(None)
            };
        };
        let size = std::str::from_utf8(&line[..end]).map_err(|_| Damaged)?;
        let size = size.split(';').next().unwrap_or(size).trim_end();
        let is_hexadecimal = !size.is_empty() && size.bytes().all(|b| b.is_ascii_hexdigit());
        let size = usize::from_str_radix(size, 16)
            .ok()
            .filter(|size| is_hexadecimal && *size <= LARGEST - body.len())
            .ok_or(Damaged)?;
        rest = &rest[end + 2..];
        if size == 0 {
            // Fields may follow, up to an empty line.
            let is_over = rest.starts_with(b"\r\n") || find(rest, b"\r\n\r\n").is_some();
            return Ok(is_over.then_some(body));
        }
        let (Some(chunk), Some(after)) = (rest.get(..size), rest.get(size..size + 2)) else {
            return Ok(None);
        };
        if after != b"\r\n" {
            return Err(Damaged);
        }
        body.extend(chunk);
        rest = &rest[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Answer {
        Answer::Body(text.into())
    }

    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn bodies_of_each_length_are_taken() {
        let counted = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
        assert_eq!(decode(counted, false), body("[]"));
        assert_eq!(decode(&counted[..counted.len() - 1], false), Answer::More);
        assert_eq!(decode(&counted[..counted.len() - 1], true), Answer::Bad);
        let stream = b"HTTP/1.0 200 OK\r\nServer: Docker\r\n\r\n[]";
        assert_eq!(decode(stream, false), Answer::More);
        assert_eq!(decode(stream, true), body("[]"));
        let chunks = format!("{CHUNKED}1;x=y\r\n[\r\nA\r\n0123456789\r\n1\r\n]\r\n0\r\n\r\n");
        assert_eq!(decode(chunks.as_bytes(), false), body("[0123456789]"));
        for cut in 0..chunks.len() {
            assert_eq!(
                decode(&chunks.as_bytes()[..cut], false),
                Answer::More,
                "{cut}"
            );
            assert_eq!(
                decode(&chunks.as_bytes()[..cut], true),
                Answer::Bad,
                "{cut}"
            );
        }
        let trailed = format!("{CHUNKED}0\r\nX: y\r\n\r\n");
        assert_eq!(decode(trailed.as_bytes(), false), body(""));
    }

    #[test]
    fn what_is_no_success_is_bad() {
        for head in [
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n[]",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        ] {
            assert_eq!(decode(head.as_bytes(), false), Answer::Bad, "{head}");
        }
        for chunks in [
            "-1\r\n\r\n\r\n",
            "x\r\n\r\n",
            "ffffffffffffffffff\r\n\r\n",
            "1\r\n[]\r\n\r\n",
            "900000\r\n\r\n",
        ] {
            let answer = format!("{CHUNKED}{chunks}");
            assert_eq!(decode(answer.as_bytes(), false), Answer::Bad, "{chunks}");
        }
    }

    #[test]
    fn a_head_without_an_end_is_given_up() {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(LARGEST_HEAD));
        assert_eq!(decode(head.as_bytes(), false), Answer::Bad);
        assert_eq!(decode(b"HTTP/1.1 20", false), Answer::More);
    }
}

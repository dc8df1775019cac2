//! `--json` and `--format ndjson`: the contract as text. What acts on a terminal is escaped; the
//! text that a parser reads is whole.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::clean::{acts, is_plain};

mod rows;

pub use rows::{write as write_sockets, write_each as write_sockets_each};

/// JSON Schema of the contract, generated from `contract.rs`.
pub const SCHEMA: &str = include_str!("schema-v1.json");

/// Writes one document: a line for each field of the envelope, and for each socket.
pub fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    buffered(out, |out| write_line(document, 0, out))
}

/// Writes documents, each on its line.
pub fn write_lines(
    mut documents: impl Iterator<Item = impl Serialize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Deep enough for everything to stay on one line.
    buffered(out, |out| {
        documents.try_for_each(|document| write_line(&document, LINES_UP_TO, out))
    })
}

/// Writes a document that stands at a depth.
fn write_line(document: &impl Serialize, depth: usize, out: &mut impl Write) -> io::Result<()> {
    append(document, depth, out)?;
    out.write_all(b"\n")
}

/// The same, without the end of the line.
fn append(document: &impl Serialize, depth: usize, out: &mut impl Write) -> io::Result<()> {
    let formatter = Lines {
        depth,
        has_items: false,
    };
    document.serialize(&mut Serializer::with_formatter(out, formatter))?;
    Ok(())
}

/// A serializer writes word by word, which a buffer takes at half the cost if the compiler knows it.
fn buffered(
    out: &mut dyn Write,
    write: impl FnOnce(&mut BufWriter<&mut dyn Write>) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = BufWriter::with_capacity(64 * 1024, out);
    let result = write(&mut buffer).and_then(|()| buffer.flush());
    // What could not be written must not be tried again when the buffer is dropped.
    let _ = buffer.into_parts();
    result
}

/// Depth up to which each item has a line of its own.
const LINES_UP_TO: usize = 2;
const INDENT: &[u8] = b"  ";

/// Breaks lines at the outer levels, and escapes more than JSON asks for.
struct Lines {
    depth: usize,
    has_items: bool,
}

impl Lines {
    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_items = false;
        out.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.has_items && self.depth < LINES_UP_TO {
            self.line(out)?;
        }
        out.write_all(bracket)
    }

    fn item<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if self.depth <= LINES_UP_TO {
            self.line(out)
        } else if first {
            Ok(())
        } else {
            out.write_all(b" ")
        }
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(INDENT))
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if is_plain(fragment) {
            return out.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let mut units = [0; 2];
            if c.is_control() || acts(c) {
                for unit in c.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                CompactFormatter.write_string_fragment(out, c.encode_utf8(&mut [0; 4]))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        let mut serializer = Serializer::with_formatter(
            &mut out,
            Lines {
                depth: 0,
                has_items: false,
            },
        );
        value.serialize(&mut serializer).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escaped_text_is_whole_for_a_parser() {
        for hostile in [
            "\x1b[31m",
            "\u{9b}31m",
            "\u{202e}x",
            "\u{e0041}",
            "a\"\\\n\t",
            "日本",
            "\x7f",
        ] {
            let json = text(&hostile);
            assert!(!json.chars().any(|c| c.is_control() || acts(c)), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
        }
    }

    #[test]
    fn outer_levels_have_lines_and_inner_levels_do_not() {
        let value = serde_json::json!({ "a": [{ "b": [1, 2], "c": {} }, []], "d": [], "e": 1 });
        let expected = "{\n  \"a\": [\n    {\"b\": [1, 2], \"c\": {}},\n    []\n  ],\n  \"d\": [],\n  \"e\": 1\n}";
        assert_eq!(text(&value), expected);
    }
}

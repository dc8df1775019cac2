//! JSON with comments and trailing commas, as Deno's configuration has them, to plain JSON. Pure.

/// The text without comments, and without commas that nothing follows. What is no such text stays none.
pub fn to_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // A comma after a value whose successor is not known yet, by its place.
    let mut comma: Option<usize> = None;
    let mut follows_value = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest[2..].find("*/").map_or("", |end| &rest[end + 4..]);
                out.push(' ');
                continue;
            }
            _ => c.len_utf8(),
        };
        match c {
            ',' => {
                comma = Some(out.len()).filter(|_| follows_value);
                follows_value = false;
            }
            '}' | ']' => {
                if let Some(at) = comma.take() {
                    out.replace_range(at..=at, " ");
                }
                follows_value = true;
            }
            c if c.is_whitespace() => {}
            c => {
                comma = None;
                follows_value = !matches!(c, '{' | '[' | ':');
            }
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// Bytes of the string that the text begins with, its quotes among them.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(&to_json(text)).ok()
    }

    #[test]
    fn comments_and_trailing_commas_are_left_out() {
        let expected = serde_json::json!({"name": "@a/b", "list": [1, 2], "in": {}});
        for text in [
            r#"{"name": "@a/b", "list": [1, 2], "in": {}}"#,
            "// first\n{\"name\": \"@a/b\", // last\n\"list\": [1, 2,], \"in\": {},}\n// end",
            "{/**/\"name\":/* , } */\"@a/b\",\"list\":[1,2 , // two\n],\"in\":{/* none */},\n}",
        ] {
            assert_eq!(value(text), Some(expected.clone()), "{text}");
        }
    }

    #[test]
    fn strings_are_whole() {
        for text in [
            r#""http://x/*no*/,}""#,
            r#""a \" // b""#,
            r#""\\""#,
            r#"["a,]", "//"]"#,
            "\"日本 // ,]\"",
        ] {
            assert_eq!(to_json(text), text);
        }
    }

    #[test]
    fn what_is_no_json_does_not_become_it() {
        for text in [
            "{,}",
            "[,]",
            "[1,,]",
            "{\"a\": }",
            "/* open",
            "\"open",
            "/",
            "",
            "[1 2]",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
        assert_eq!(value("[1/**/2]"), None);
    }
}

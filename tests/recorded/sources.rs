//! `--from`, streams and colour.

use std::process::Stdio;

use crate::bad_usage::refusal;
use crate::{capture, command, ended, portwho, portwho_fed, replay};

fn from(path: impl AsRef<std::ffi::OsStr>) -> crate::Answer {
    let mut command = command();
    command.arg("--from").arg(path);
    ended(&mut command)
}

fn fed(input: &[u8]) -> crate::Answer {
    portwho_fed(&["--from", "-"], input)
}

#[test]
fn a_file_that_is_not_there_or_no_file_exits_3() {
    let folder = tempfile::tempdir().unwrap();
    let (line, _) = refusal(&from(folder.path().join("missing.json")), 3);
    assert!(line.contains("missing.json"), "{line}");
    refusal(&from(folder.path()), 3);
    refusal(&from(""), 2);
}

#[test]
fn what_is_no_capture_exits_3() {
    let whole = std::fs::read(capture("web1")).unwrap();
    for input in [
        &b""[..],
        b"PORT  ADDRESS\n80/tcp  0.0.0.0\n",
        b"{}",
        b"[]",
        b"null",
        b"{\"version\": \"1\"}",
        b"{\"version\": 1}",
        b"{\"version\": -1}",
        b"\xff\xfe\x00",
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 3],
    ] {
        let (line, _) = refusal(&fed(input), 3);
        assert!(line.contains("not a portwho capture"), "{line}");
    }
}

#[test]
fn a_capture_of_another_version_is_told_as_such() {
    let text = std::fs::read_to_string(capture("web1")).unwrap();
    for version in [0, 2, 4_000_000_000_u32] {
        let other = text.replacen("\"version\": 1", &format!("\"version\": {version}"), 1);
        let (line, _) = refusal(&fed(other.as_bytes()), 3);
        assert!(
            line.contains(&format!("a capture of version {version}")),
            "{line}"
        );
    }
}

#[test]
fn a_bad_value_is_not_repeated_at_any_length() {
    let text = std::fs::read_to_string(capture("ordinary-user")).unwrap();
    let long = format!("\"state\": \"{}\"", "x".repeat(100_000));
    let (line, _) = refusal(
        &fed(text.replace("\"state\": \"listen\"", &long).as_bytes()),
        3,
    );
    assert!(line.contains("xxx"), "{line}");
}

#[test]
fn values_that_no_reader_writes_are_refused_or_shown_and_never_panic() {
    let text = std::fs::read_to_string(capture("ordinary-user")).unwrap();
    for (is, becomes) in [
        ("\"port\": 22", "\"port\": 65536"),
        ("\"port\": 22", "\"port\": -1"),
        ("\"address\": \"10.0.0.5\"", "\"address\": \"10.0.0.500\""),
        ("\"state\": \"listen\"", "\"state\": \"dancing\""),
        ("\"protocol\": \"udp\"", "\"protocol\": \"dccp\""),
        ("\"taken_at\": 1763640000", "\"taken_at\": 1e99"),
    ] {
        assert!(text.contains(is), "{is}");
        refusal(&fed(text.replace(is, becomes).as_bytes()), 3);
    }
    for (is, becomes) in [
        (
            "\"taken_at\": 1763640000",
            "\"taken_at\": 9223372036854775807",
        ),
        (
            "\"taken_at\": 1763640000",
            "\"taken_at\": -9223372036854775808",
        ),
        (
            "\"started_at\": 1763632800",
            "\"started_at\": 9223372036854775807",
        ),
        (
            "\"started_at\": 1763632800",
            "\"started_at\": -9223372036854775808",
        ),
        ("\"offset\": 3600", "\"offset\": 2147483647"),
        ("\"name\": null", "\"name\": \"../../etc/passwd\""),
        ("\"port\": 22", "\"port\": null"),
        ("\"inode\": 102", "\"inode\": 18446744073709551615"),
        ("\"recv_queue\": 0", "\"recv_queue\": 4294967295"),
    ] {
        assert!(text.contains(is), "{is}");
        let other = text.replace(is, becomes);
        for format in ["table", "card", "plain", "csv", "json", "ndjson"] {
            let arguments = ["--from", "-", "-a", "--format", format];
            let answer = portwho_fed(&arguments, other.as_bytes());
            assert_eq!(answer.code, 0, "{becomes} {format}: {}", answer.stderr);
        }
    }
}

#[test]
fn a_capture_is_read_from_standard_input() {
    let input = std::fs::read(capture("web1")).unwrap();
    for arguments in [&["--from", "-"][..], &["--from=-"]] {
        assert_eq!(portwho_fed(arguments, &input), replay("web1", &[]));
    }
}

#[test]
fn a_pipe_gets_no_colour_unless_it_is_asked_for() {
    for arguments in [&[][..], &[":80"], &["-a"], &["--help"]] {
        assert!(!replay("web1", arguments).stdout.contains('\x1b'));
    }
    for arguments in [&[][..], &[":80"], &["-a"]] {
        let coloured = replay("web1", &[&["--color", "always"], arguments].concat());
        assert!(coloured.shown().contains("\x1b["), "{arguments:?}");
        let never = replay("web1", &[&["--color", "never"], arguments].concat());
        assert_eq!(never, replay("web1", arguments));
    }
}

#[test]
fn formats_for_machines_have_no_colour_ever() {
    for format in ["plain", "csv", "json", "ndjson"] {
        let arguments = ["--color", "always", "--format", format, ":80"];
        assert!(
            !replay("web1", &arguments).shown().contains('\x1b'),
            "{format}"
        );
    }
}

#[test]
fn the_environment_decides_colour_only_where_the_command_line_does_not() {
    for (name, value) in [
        ("NO_COLOR", "1"),
        ("NO_COLOR", ""),
        ("TERM", "dumb"),
        ("TERM", "xterm"),
    ] {
        let run = |when: &str| {
            let mut command = command();
            command.env(name, value).arg("--from").arg(capture("web1"));
            ended(command.args(["--color", when])).shown()
        };
        assert!(!run("auto").contains('\x1b'), "{name}={value}");
        assert!(run("always").contains('\x1b'), "{name}={value}");
    }
}

/// The reader is closed before anything is written, so that the first write already fails.
#[test]
fn a_reader_that_has_left_is_no_error() {
    for format in ["table", "card", "plain", "csv", "json", "ndjson"] {
        let mut child = command()
            .arg("--from")
            .arg("-")
            .args(["-a", "--format", format])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let input = std::fs::read(capture("web1")).unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, &input).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_exits_3() {
    for arguments in [&[][..], &["--json"], &[":80"], &["--columns", "help"]] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = command();
        command.arg("--from").arg(capture("web1")).args(arguments);
        let output = command.stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.starts_with("portwho: standard output: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn the_schema_is_json() {
    let text = portwho(["schema"]).shown();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    assert!(text.ends_with("}\n"));
}

/// The library's own standard output takes that for success.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_open_for_reading_alone_is_told_and_exits_3() {
    for arguments in [&["--json"][..], &[":80"], &["--columns", "help"]] {
        let mut command = command();
        command.arg("--from").arg(capture("web1")).args(arguments);
        let unwritable = std::fs::File::open("/dev/null").unwrap();
        let output = command.stdout(unwritable).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert_eq!(said, "portwho: standard output: bad file descriptor\n");
    }
}

/// `/dev/null` stands in for it once the program runs.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_was_closed_is_told_and_exits_3() {
    let run = |script: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_portwho")]);
        let output = command.arg(capture("web1")).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let told = "portwho: standard output: bad file descriptor\n";
    let closed = run("exec \"$0\" --from \"$1\" >&-");
    assert_eq!(closed, (Some(3), told.to_owned()));
    // Where there is no answer to write, none is missed.
    let quiet = run("exec \"$0\" check --quiet --from \"$1\" 3000 >&-");
    assert_eq!(quiet, (Some(1), String::new()));
    let null = run("exec \"$0\" --from \"$1\" >/dev/null");
    assert_eq!(null, (Some(0), String::new()));
}

/// A text as PowerShell and editors of Windows write it.
fn encodings(text: &str) -> [Vec<u8>; 4] {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
    let (little, big): (Vec<u8>, Vec<u8>) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    [
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        [&b"\xFF\xFE"[..], &little].concat(),
        [&b"\xFE\xFF"[..], &big].concat(),
        little,
    ]
}

#[test]
fn a_recording_is_read_in_every_encoding() {
    let usual = replay("web1", &[":3000"]).shown();
    let text = std::fs::read_to_string(capture("web1")).unwrap();
    for bytes in encodings(&text.replace('\n', "\r\n")) {
        let told = crate::portwho_fed(&["--from", "-", ":3000"], &bytes);
        assert_eq!(told.shown(), usual, "{:x?}", &bytes[..4]);
    }
}

#[test]
fn specs_are_read_in_every_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ports.txt");
    for bytes in encodings("3000\r\n# größer\r\n9000 # free\r\n") {
        std::fs::write(&file, bytes).unwrap();
        let mut command = command();
        command.args(["check", "--no-header", "--from"]);
        command.arg(capture("web1")).arg("--file").arg(&file);
        let told = ended(&mut command);
        let ports: Vec<&str> = told.stdout.lines().map(|line| &line[..8]).collect();
        assert_eq!((told.code, ports), (1, vec!["3000/tcp", "9000/tcp"]));
    }
    std::fs::write(&file, b"3000 \xff").unwrap();
    let answer = portwho(["check".as_ref(), "--file".as_ref(), file.as_os_str()]);
    let (line, _) = crate::bad_usage::refusal(&answer, 2);
    assert!(line.ends_with(": it is no text in UTF-8"), "{line}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_never_ends_is_given_up_with_a_reason() {
    let (line, _) = refusal(&from("/dev/zero"), 3);
    assert!(line.contains("longer than 256 MiB"), "{line}");
    let check = |file: &str| ended(command().args(["check", "--file", file]));
    let (line, _) = refusal(&check("/dev/zero"), 2);
    assert!(line.contains("longer than 4 MiB"), "{line}");
}

#[test]
fn a_file_that_is_too_long_for_a_recording_is_not_begun() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 30).unwrap();
    let (line, _) = refusal(&from(file.path()), 3);
    assert!(line.contains("longer than 256 MiB"), "{line}");
}

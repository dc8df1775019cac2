//! Bad input: exit 2, one line, perhaps a hint, nothing on standard output.

use crate::{Answer, command, ended, replay};

/// Checks the form of a refusal, and gives its line and its hint.
#[track_caller]
pub fn refusal(answer: &Answer, code: i32) -> (String, Option<String>) {
    let Answer { stdout, stderr, .. } = answer;
    assert_eq!((answer.code, stdout.as_str()), (code, ""), "{stderr}");
    let mut lines = stderr.split('\n');
    let (line, hint, rest) = (
        lines.next().unwrap(),
        lines.next().unwrap(),
        lines.next().unwrap_or_default(),
    );
    assert!(line.starts_with("portwho: "), "{stderr}");
    assert!(hint.is_empty() || hint.starts_with("hint: "), "{stderr}");
    assert_eq!((rest, lines.next()), ("", None), "{stderr}");
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
    };
    assert!(!line.contains(acts) && !hint.contains(acts), "{stderr:?}");
    assert!(
        line.chars().count() < 400 && hint.chars().count() < 200,
        "{stderr}"
    );
    let hint = Some(hint.trim_start_matches("hint: ").to_owned());
    (line.to_owned(), hint.filter(|hint| !hint.is_empty()))
}

/// The refusal of a selector, typed after `--` so that it is one whatever it begins with.
#[track_caller]
fn refused(selector: &str) -> (String, Option<String>) {
    refusal(&replay("web1", &["--", selector]), 2)
}

#[track_caller]
fn option_refused(arguments: &[&str]) -> (String, Option<String>) {
    refusal(&replay("web1", arguments), 2)
}

#[test]
fn ports_that_are_none_are_refused() {
    for selector in [
        "99999",
        "0",
        "65536",
        "90-80",
        "80-",
        "-80",
        "80-90-100",
        "80,",
        ",80",
        "80,,443",
        "1e3",
        "0x50",
        "80;ls",
        "80 443",
        " 80",
        "8_0",
        "+80",
        "80.5",
        "",
        "٨٠",
        "۸۰",
        "８０",
        "²",
        ":",
        "::80:",
        ":-",
        ":,",
        "80:",
        ":nosuchservice",
        ":99999",
        ":٨٠",
        "18446744073709551696",
    ] {
        refused(selector);
    }
}

#[test]
fn addresses_that_are_none_are_refused() {
    for selector in [
        "[::1",
        "[::1]:",
        "[::1]80",
        "300.1.1.1:80",
        "300.1.1.1",
        "1.2.3:80",
        "127.1:80",
        "127.0.0.1:",
        "127.0.0.1:99999",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "10.0.0.0/8/8",
        "[::]/129",
        "[fe80::1%]:80",
        "[10.0.0.1:80",
        "::1:80:80:80:80:80:80:80:80",
        "foo:80",
        "*",
        "*.80",
        "/8",
    ] {
        refused(selector);
    }
}

#[test]
fn brackets_around_nothing_are_no_address() {
    for selector in ["[]:80", "[]", "local=[]:80"] {
        refused(selector);
    }
}

#[test]
fn keys_and_values_that_are_none_are_refused() {
    for selector in [
        "pid=0",
        "pid=x",
        "pid=-1",
        "pid=+1",
        "pid=١",
        "pid=4294967296",
        "pid=",
        "state=x",
        "state=",
        "state=listen,",
        "foo=bar",
        "=80",
        "=",
        "name=",
        "user=",
        "local=",
        "peer=x:y",
        "local=300.1.1.1",
        "port=",
        "PID=1",
        "tcp:",
        "udp:x",
        "tcp:udp:80",
        "tcp:tcp:80",
        "raw:80",
        "tcp:99999",
        "nginx!",
        "a b",
        "/usr/sbin/nginx",
        "~",
        "#80",
    ] {
        refused(selector);
    }
}

#[test]
fn a_refusal_says_what_would_be_right() {
    for (selector, line, hint) in [
        (
            "65536",
            "'65536' is not a port: ports are 1 to 65535",
            Some("'pid=65536'"),
        ),
        (
            "70000",
            "'70000' is not a port: ports are 1 to 65535",
            Some("'pid=70000'"),
        ),
        ("0", "'0' is not a port: ports are 1 to 65535", None),
        ("1e3", "'1e3' is not a port: ports are 1 to 65535", None),
        ("80;ls", "'80;ls' is not a port: ports are 1 to 65535", None),
        ("90-80", "'90-80' runs backwards", Some("'80-90'")),
        ("80-", "'80-' is half a range", Some("'8000-8100'")),
        ("", "a selector is empty", Some("':80'")),
        (
            "10.0.0.0/33",
            "'33' is not a prefix length: those are 0 to 32",
            None,
        ),
        ("[::1", "'[::1' lacks a ']'", Some("'[::1]:80'")),
        ("pid=0", "'0' is not a process id", None),
        (
            "foo=bar",
            "'foo=bar' is not a selector",
            Some("pid=, user="),
        ),
        ("state=x", "'x' is not a state", Some("established")),
        ("tcp:udp:80", "'tcp:udp:80' has two protocols", None),
        (
            "http://localhost:3000/a?b#c",
            "'http://localhost:3000/a?b#c' is a URL",
            Some("'localhost:3000'"),
        ),
        (
            "https://me@example.com",
            "'https://me@example.com' is a URL",
            Some("':https'"),
        ),
        (
            "http://[::1]/",
            "'http://[::1]/' is a URL",
            Some("'[::1]:http'"),
        ),
        ("tcp:70000", "'70000' is not a port", None),
    ] {
        let (said, hinted) = refused(selector);
        assert!(said.starts_with(&format!("portwho: {line}")), "{said}");
        match hint {
            Some(hint) => assert!(
                hinted.as_ref().is_some_and(|it| it.contains(hint)),
                "{hinted:?}"
            ),
            None => assert_eq!(hinted, None, "{selector}"),
        }
    }
}

#[test]
fn a_list_with_an_empty_place_is_told_alike_with_and_without_a_protocol() {
    assert!(refused("80,").0.contains("empty place"));
    assert!(refused("tcp:80,").0.contains("empty place"));
}

#[test]
fn the_first_bad_selector_is_told_whatever_stands_around_it() {
    for arguments in [
        &[":80", "99999"][..],
        &["99999", "nginx"],
        &["--json", "99999"],
        &["--format", "csv", "99999"],
        &["-a", "99999", "88888"],
    ] {
        let (line, _) = option_refused(arguments);
        assert!(line.contains("'99999'"), "{line}");
    }
}

#[test]
fn escape_codes_in_arguments_are_shown_and_not_sent() {
    let hostile = "\x1b[31m\u{9b}1m\u{202e}\u{200b}\r\n\tx\x08";
    for argument in [
        hostile.to_owned(),
        format!("80{hostile}"),
        format!("pid={hostile}"),
        format!("state={hostile}"),
        format!("{hostile}=1"),
        format!("tcp:{hostile}"),
        format!("127.0.0.1:{hostile}"),
        format!("[{hostile}]:80"),
        format!("10.0.0.0/{hostile}"),
    ] {
        let (line, _) = refused(&argument);
        assert!(line.contains("\\x1b[31m"), "{line}");
    }
    for option in ["--format", "--sort", "--columns", "--color", "--source"] {
        option_refused(&[option, hostile]);
        option_refused(&[&format!("{option}={hostile}")]);
    }
    option_refused(&[&format!("--{hostile}")]);
    option_refused(&[&format!("--json={hostile}")]);
    option_refused(&[&format!("-{hostile}")]);
}

#[test]
fn what_matches_nothing_is_repeated_clean_and_short() {
    let answer = replay("web1", &["name=\x1b[31m\n\u{202e}"]);
    let (line, _) = refusal(&answer, 1);
    assert!(line.contains("\\x1b[31m\\n\\u{202e}"), "{line}");
    refusal(
        &replay("web1", &[&format!("name={}", "x".repeat(30_000))]),
        1,
    );
}

/// 30,000 characters go through every system's limit on arguments; a megabyte is tried on the
/// function behind it.
#[test]
fn a_huge_argument_is_refused_in_a_short_line() {
    for long in [
        "9".repeat(30_000),
        "80,".repeat(10_000),
        "[:".repeat(15_000),
    ] {
        refused(&long);
        refused(&format!("pid={long}"));
        option_refused(&[&format!("--{long}")]);
        option_refused(&["--format", &long]);
    }
    for part in ["9", "80,", ":", "a=", "\x1b", "日"] {
        let long = part.repeat(1_000_000 / part.len()) + "!";
        let mut query = portwho::select::Query::default();
        let failure = portwho::cli::add_selector(&mut query, &long).expect_err(part);
        assert!(failure.to_string().len() < 400, "{failure}");
    }
}

#[test]
fn a_protocol_before_a_protocol_before_a_protocol_is_no_depth_to_drown_in() {
    refused(&"tcp:".repeat(7_500));
    refused(&format!("local={}80", "udp:".repeat(7_000)));
}

#[test]
fn mistakes_with_options_take_the_same_form() {
    for (arguments, part) in [
        (&["--nonsense"][..], "'--nonsense'"),
        (&["-x"], "'-x'"),
        (&["-80"], "'-8'"),
        (&["--jsn"], "'--jsn'"),
        (&["--format", "xml"], "'xml' is not a value of --format"),
        (&["--format"], "--format needs a value"),
        (&["--color", "blue"], "'blue' is not a value of --color"),
        (
            &["--json", "--format", "csv"],
            "--json cannot go with --format",
        ),
        (&["-4", "-6"], "cannot go with"),
        (&["-l", "-a"], "cannot go with"),
        (&["--source", "proc"], "--source"),
        (&["--json=yes"], "--json"),
        (&["--sort", "nonsense"], "'nonsense'"),
        (&["--sort", ""], "''"),
        (&["--columns", "nonsense"], "'nonsense'"),
        (&["--columns", "+nonsense"], "'nonsense'"),
        (&["--columns", "port,"], "''"),
        (&["--columns", ""], "''"),
    ] {
        let (line, hint) = option_refused(arguments);
        assert!(line.contains(part), "{arguments:?}: {line}");
        assert!(hint.is_some(), "{arguments:?}: {line}");
    }
    let (_, hint) = option_refused(&["--jsn"]);
    assert!(hint.unwrap().contains("'--json'"));
    let (_, hint) = option_refused(&["--format", "jsn"]);
    assert!(hint.unwrap().contains("json"));
}

/// Of the program run without a recording: nothing of these gets as far as a look at the machine.
#[test]
fn mistakes_with_verbs_name_what_is_wrong_and_what_would_be_right() {
    for (line, said, hint) in [
        ("help foo", "there is no verb 'foo'", "verbs are why, check"),
        ("help fre", "there is no verb 'fre'", "did you mean 'free'?"),
        ("help why x", "there is no verb 'x'", "verbs are why, check"),
        (
            "help watch",
            "'watch' is a verb that portwho does not have yet",
            "name=watch",
        ),
        (
            "completions",
            "missing: SHELL",
            "portwho completions --help shows what there is",
        ),
        (
            "completions foo",
            "'foo' is not a value of SHELL",
            "it takes bash, zsh",
        ),
        ("check", "missing: SPEC", "portwho check --help"),
        ("why", "missing: SELECTOR", "portwho why --help"),
        (
            "free --count x",
            "'x' is not a value of --count: it takes a number from 1 to 65535",
            "portwho free --help",
        ),
        (
            "free --count 0",
            "'0' is not a value of --count: it takes a number from 1 to 65535",
            "portwho free --help",
        ),
        (
            "free --count +1",
            "'+1' is not a value of --count: it takes a number",
            "portwho free --help",
        ),
        (
            "free --seed x",
            "'x' is not a value of --seed: it takes a number from 0",
            "portwho free --help",
        ),
        (
            "free --json -- npm",
            "--json cannot go with CMD",
            "portwho free --help",
        ),
        (
            "ephemeral --top x",
            "'x' is not a value of --top: it takes a number from 1",
            "portwho ephemeral --help",
        ),
        (
            "ephemeral --interval 0s",
            "'0s' is not a value of --interval: it takes a time above zero",
            "portwho ephemeral --help",
        ),
        (
            "wait --timeout x :80",
            "'x' is not a value of --timeout: it takes a duration such as 500ms",
            "portwho wait --help",
        ),
        ("schema x", "'x' is one argument too many", "schema --help"),
        ("wait 70000", "'70000' is not a port", "'pid=70000'"),
    ] {
        let (told, hinted) = refusal(&crate::portwho(crate::words(line)), 2);
        assert!(told.starts_with(&format!("portwho: {said}")), "{told}");
        assert!(hinted.unwrap().contains(hint), "{line}");
    }
}

/// A process is no answer to the question whether a port can be bound.
#[test]
fn a_number_that_is_no_port_is_no_process_to_those_who_ask_for_ports() {
    for line in ["check 70000", "free 70000", "free 8000-70000"] {
        let (told, hinted) = refusal(&crate::portwho(crate::words(line)), 2);
        let said = "portwho: '70000' is not a port: ports are 1 to 65535";
        assert_eq!((told.as_str(), hinted), (said, None), "{line}");
    }
}

#[test]
fn errors_of_the_system_are_told_in_words_alone() {
    let folder = env!("CARGO_MANIFEST_DIR");
    for (arguments, code) in [
        (&["check", "--file", "no-such-file"][..], 2),
        (&["check", "--file", folder], 2),
        (&["--from", "no-such-file"], 3),
        (&["--from", folder], 3),
        (&["capture", "no-such-folder/x", "--redact"], 3),
        (&["free", "--", "./no-such-command"], 127),
    ] {
        let answer = crate::portwho(arguments);
        let (line, hint) = refusal(&answer, code);
        assert!(!line.contains("os error"), "{line}");
        assert_eq!(hint, None);
        let (_, why) = line.rsplit_once(": ").unwrap();
        assert!(why.starts_with(char::is_lowercase), "{line}");
    }
}

#[test]
fn what_fingers_know_from_other_tools_is_told_apart() {
    for (arguments, hint) in [
        (&["-i", ":8080"][..], "'portwho :8080'"),
        (&["-iTCP:8080"], "'portwho :8080'"),
        (&["--port", "8080"], "'portwho :8080'"),
        (&["--port=8080"], "'portwho :8080'"),
        (&["-x"], "'ss -x'"),
        (&["--kill", "8080"], "'portwho why :8080'"),
        (&["--pid", "1"], "'pid=1234'"),
        (&["--state=listen"], "'state=established'"),
    ] {
        let (_, told) = option_refused(arguments);
        assert!(
            told.as_ref().is_some_and(|told| told.contains(hint)),
            "{arguments:?}: {told:?}"
        );
    }
}

#[test]
fn bad_usage_is_told_before_anything_is_read() {
    let mut command = command();
    command.args(["--from", "no-such-file", "99999"]);
    refusal(&ended(&mut command), 2);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let bytes = std::ffi::OsStr::from_bytes(b"name=\xff\x1b");
    let mut command = command();
    command.arg("--from").arg(crate::capture("web1")).arg(bytes);
    refusal(&ended(&mut command), 2);
    refusal(&crate::portwho([bytes]), 2);
}

//! Verbs: those that exist, those that are reserved, and words that nearly spell one.

use crate::bad_usage::refusal;
use crate::{capture, command, ended, portwho, replay};

const RESERVED: [&str; 3] = ["watch", "diff", "kill"];

#[test]
fn a_reserved_verb_is_refused() {
    for verb in RESERVED {
        for answer in [
            portwho([verb]),
            portwho([verb, ":80"]),
            portwho([verb, "--json"]),
        ] {
            let (line, hint) = refusal(&answer, 2);
            assert!(line.contains(&format!("'{verb}'")), "{line}");
            assert!(hint.unwrap().contains(&format!("name={verb}")));
        }
    }
}

#[test]
fn options_before_a_reserved_verb_do_not_free_it() {
    for verb in RESERVED {
        for before in [
            &["--json"][..],
            &["-t"],
            &["--format", "csv"],
            &["--color", "never"],
        ] {
            let answer = replay("web1", &[before, &[verb]].concat());
            let (line, _) = refusal(&answer, 2);
            assert!(line.contains(&format!("'{verb}'")), "{before:?}: {line}");
        }
    }
}

#[test]
fn a_value_that_spells_a_reserved_verb_is_a_value() {
    let mut command = command();
    command.args(["--from", "watch", "name=x"]);
    let (line, _) = refusal(&ended(&mut command), 3);
    assert!(line.contains("'watch': "), "{line}");
}

#[test]
fn a_word_that_nearly_spells_a_verb_is_a_slip() {
    for (word, verb) in [
        ("chekc", "check"),
        ("chek", "check"),
        ("watchh", "watch"),
        ("conflict", "conflicts"),
        ("mapp", "map"),
        ("captur", "capture"),
        ("shema", "schema"),
        ("completion", "completions"),
    ] {
        for format in ["table", "json", "csv", "ndjson", "plain", "card"] {
            let answer = replay("web1", &["--format", format, word]);
            let (_, hint) = refusal(&answer, 2);
            let hint = hint.expect(word);
            assert!(
                hint.contains("did you mean") && hint.contains(verb),
                "{hint}"
            );
        }
    }
}

#[test]
fn a_word_that_is_near_no_verb_is_a_name_that_matches_nothing() {
    for word in ["java2", "mysql", "httpd", "caddy"] {
        let (line, _) = refusal(&replay("web1", &[word]), 1);
        assert!(line.contains(&format!("'{word}'")), "{line}");
    }
}

#[test]
fn name_finds_a_process_that_is_called_like_a_verb() {
    for word in RESERVED {
        let answer = replay("web1", &[&format!("name={word}")]);
        assert_eq!(answer.code, 1, "{word}: {}", answer.stderr);
    }
}

#[test]
fn name_is_never_taken_for_a_slip() {
    for word in ["chekc", "watchh", "schma", "captur"] {
        let (line, _) = refusal(&replay("web1", &[&format!("name={word}")]), 1);
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn help_is_a_verb_as_the_hint_says() {
    let (_, hint) = refusal(&replay("web1", &["hlep"]), 2);
    assert!(hint.unwrap().contains("'portwho help'"));
    let help = portwho(["help"]).shown();
    assert!(help.contains("Usage:"), "{help}");
}

#[test]
fn help_and_version_are_answers() {
    for arguments in [&["--help"][..], &["-h"], &["capture", "--help"]] {
        let text = portwho(arguments).shown();
        assert!(text.contains("Usage:") && !text.contains('\x1b'), "{text}");
    }
    let version = portwho(["--version"]).shown();
    assert_eq!(version, format!("portwho {}\n", env!("CARGO_PKG_VERSION")));
}

/// The examples of the help run as they stand, a pipe's first command for the whole.
#[test]
fn every_example_of_the_help_is_understood() {
    let help = portwho(["--help"]).shown();
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    let (examples, _) = examples.split_once("\n\n").expect("an end");
    let mut seen = 0;
    for line in examples.lines() {
        let typed = line.trim().split("   ").next().unwrap();
        let typed = typed.split(" | ").next().unwrap();
        let arguments: Vec<&str> = typed.split_whitespace().skip(1).collect();
        let file = capture("web1");
        let from = ["--from", file.to_str().unwrap()];
        let answer = match arguments.as_slice() {
            ["why", rest @ ..] => portwho([&["why"], &from[..], rest].concat()),
            all => replay("web1", all),
        };
        assert!(matches!(answer.code, 0 | 1), "{typed}: {}", answer.stderr);
        seen += 1;
    }
    assert!(seen >= 5, "{examples}");
    let (_, selectors) = help.split_once("narrow):\n").expect("selectors");
    let (selectors, _) = selectors.split_once("\n\n").expect("an end");
    for line in selectors.lines() {
        let (typed, _) = line.trim().split_once("   ").expect("a gap");
        for selector in typed.split_whitespace() {
            let answer = replay("web1", &[selector]);
            assert!(
                matches!(answer.code, 0 | 1),
                "{selector}: {}",
                answer.stderr
            );
        }
    }
}

#[test]
fn capture_does_not_write_private_facts_to_a_stream_or_over_a_file_unasked() {
    let (line, hint) = refusal(&portwho(["capture", "-"]), 2);
    assert!(line.contains("command lines"), "{line}");
    assert!(hint.unwrap().contains("--redact"));
    let mut command = command();
    command.arg("capture").arg(capture("web1"));
    let (line, hint) = refusal(&ended(&mut command), 2);
    assert!(line.contains("there already"), "{line}");
    assert!(hint.unwrap().contains("--force"));
}

#[test]
fn mistakes_with_verbs_take_the_form_of_all_mistakes() {
    for arguments in [
        &["completions"][..],
        &["completions", "tcsh"],
        &["completions", "bash", "zsh"],
        &["schema", "--nonsense"],
        &["schema", "extra"],
        &["capture"],
        &["capture", "a", "b"],
    ] {
        refusal(&portwho(arguments), 2);
    }
}

/// A verb that options precede is no name of a process either.
#[test]
fn options_of_a_listing_do_not_go_with_a_verb() {
    for arguments in [
        &["--json", "check", "80"][..],
        &["--json", "schema"],
        &["-t", "schema"],
        &["-t", "completions", "bash"],
    ] {
        refusal(&replay("web1", arguments), 2);
    }
}

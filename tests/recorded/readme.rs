//! What README and help show is what the program does: every example is understood, every output
//! is the one that a recording gives, and the picture is drawn from it.

#[cfg(unix)]
use std::io::Write;
use std::path::Path;
#[cfg(unix)]
use std::process::{Command, Stdio};

use snapbox::data::DataFormat;
use snapbox::{Data, assert_data_eq, file};

use crate::{portwho, replay};

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).unwrap()
}

/// The lines of all code blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// The words of a command, up to a comment, a pipe or what a shell does next.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in command.split_whitespace() {
        if ["#", "|", "||", "&&", ";", ">", "2>/dev/null", "&", "\\"].contains(&word) {
            break;
        }
        words.push(word.trim_matches(['"', '\'']).to_owned());
    }
    words
}

/// Whether the program understands the words, as far as that takes no look at the machine.
#[track_caller]
fn is_understood(words: &[String]) {
    let parsed = portwho::cli::command().try_get_matches_from(words);
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => panic!("{words:?}: {error}"),
    };
    // A recording has one network namespace.
    let is_of_now = |word: &String| word == "--from" || word == "--all-netns";
    if parsed.subcommand_name().is_none() && !words.iter().any(is_of_now) {
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let answer = replay("web1", &arguments);
        assert!(
            answer.code == 0 || answer.code == 1,
            "{words:?}: {answer:?}"
        );
    }
}

/// The commands in a text that begin with the program's name.
fn commands(lines: &str) -> Vec<Vec<String>> {
    let starts = |line: &&str| line.trim_start().starts_with("portwho");
    lines
        .lines()
        .filter(starts)
        .map(words)
        .filter(|words| words[0] == "portwho")
        .collect()
}

#[test]
fn every_example_of_the_readme_is_understood() {
    let all: Vec<_> = blocks(&readme(), "sh")
        .iter()
        .flat_map(|block| commands(block))
        .collect();
    assert!(all.len() > 20, "{all:?}");
    all.iter().for_each(|words| is_understood(words));
}

#[test]
fn every_example_of_the_help_is_understood() {
    for verb in ["", "check", "free", "wait", "why", "map", "ephemeral"] {
        let arguments: Vec<&str> = [verb, "--help"]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let help = portwho(arguments).shown();
        let examples = help.split("Examples:").nth(1).unwrap();
        // What an example does is told beside it, after some blanks.
        let bare = |line: &str| {
            line.trim()
                .split("  ")
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let examples: Vec<String> = examples.lines().map(bare).collect();
        let all = commands(&examples.join("\n"));
        assert!(!all.is_empty(), "{help}");
        all.iter().for_each(|words| is_understood(words));
    }
}

/// As the section on installing says, which knows no other way.
#[test]
fn every_workflow_installs_portwho_before_it_runs_it() {
    let workflows = blocks(&readme(), "yaml");
    assert_eq!(workflows.len(), 2);
    for workflow in workflows {
        let place = |text: &str| workflow.find(text).unwrap_or_else(|| panic!("{workflow}"));
        let fetched = place("/portwho");
        let installed = place("cargo install --path portwho --locked");
        let run = ["check", "wait", "conflicts"]
            .iter()
            .filter_map(|verb| workflow.find(&format!("portwho {verb} ")))
            .min();
        assert!(fetched < installed && Some(installed) < run, "{workflow}");
    }
}

/// One process has several sockets on a port: its listener, and the connections through it.
#[cfg(unix)]
#[test]
fn the_example_with_jq_prints_a_process_once() {
    let text = readme();
    let lines = text.lines().filter(|line| line.contains("owners[].pid"));
    let filters: Vec<&str> = lines.filter_map(|line| line.split('\'').nth(1)).collect();
    let help = portwho(["--help"]).shown();
    let in_help = help.lines().find(|line| line.contains("owners[].pid"));
    assert!(in_help.unwrap().contains(filters[0]));
    let json = replay("web1", &["--json", ":443"]).stdout;
    let Ok(mut jq) = Command::new("jq")
        .arg(filters[0])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    else {
        println!("skipped: jq is not there");
        return;
    };
    jq.stdin.take().unwrap().write_all(json.as_bytes()).unwrap();
    let output = jq.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut pids: Vec<&str> = printed.lines().collect();
    assert!(!pids.is_empty());
    let count = pids.len();
    pids.dedup();
    assert_eq!(pids.len(), count, "{printed}");
}

/// `$ portwho ...` and what it prints, on the recording of a server.
#[test]
fn every_output_in_the_readme_is_what_the_program_prints() {
    let mut shown = 0;
    for block in blocks(&readme(), "console") {
        for part in block.split("$ ").skip(1) {
            let (command, output) = part.split_once('\n').unwrap();
            let words = words(command);
            let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let answer = match arguments.as_slice() {
                [verb @ ("check" | "conflicts" | "map" | "why"), rest @ ..] => {
                    let from = ["--from", "tests/captures/web1.json"];
                    let all: Vec<&str> = [&[*verb], &from[..], rest].concat();
                    portwho(all)
                }
                // It names its recording itself.
                all @ ["ephemeral", ..] => portwho(all),
                all => replay("web1", all),
            };
            let printed = format!("{}{}", answer.stdout, answer.stderr);
            assert_eq!(printed.trim_end(), output.trim_end(), "{command}");
            shown += 1;
        }
    }
    assert!(shown >= 2, "the README shows what the program prints");
}

#[test]
fn the_picture_is_drawn_from_what_the_program_prints() {
    let mut text = String::new();
    for arguments in [&[][..], &[":3000"], &[":8084"]] {
        let prompt = format!("\x1b[1;32m$\x1b[0m portwho {}", arguments.join(" "));
        let all = [&["--color", "always"], arguments].concat();
        text += &format!("{}\n{}\n", prompt.trim_end(), replay("web1", &all).stdout);
    }
    let picture = Data::text(text.trim_end()).coerce_to(DataFormat::TermSvg);
    assert_data_eq!(picture, file!["snapshots/picture.term.svg": TermSvg]);
}

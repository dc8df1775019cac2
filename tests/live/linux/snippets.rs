//! The snippets for CI in the README, run as they stand: each step by a shell of its own that ends at
//! the first error, in a network of their own, where the ports are surely free.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::held::{helper_named, open_folder};
use crate::answer::{PORTWHO, run};

/// The YAML blocks of the README.
fn snippets() -> Vec<String> {
    let text = include_str!("../../../README.md").replace("\r\n", "\n");
    let blocks = text.split("```yaml\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// What the steps of a snippet run, each with its lines.
fn steps(snippet: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut lines = snippet.lines().peekable();
    while let Some(line) = lines.next() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        let item = bare.strip_prefix("- ").unwrap_or(bare);
        match item.strip_prefix("run:").map(str::trim) {
            Some("|") => {
                let is_inside = |line: &&str| line.len() - line.trim_start().len() > indent;
                let mut step = String::new();
                while let Some(line) = lines.next_if(is_inside) {
                    step += &format!("{}\n", line.trim());
                }
                steps.push(step);
            }
            Some(command) => steps.push(command.to_owned()),
            // GitLab has its commands as items of a list.
            None if bare.starts_with("- ") && !item.contains(": ") => steps.push(item.to_owned()),
            None => {}
        }
    }
    steps
}

#[test]
fn the_snippets_for_ci_do_what_they_say() {
    let snippets = snippets();
    assert_eq!(snippets.len(), 2, "one for GitHub Actions, one for GitLab");
    for snippet in snippets {
        let folder = open_folder();
        if let Err(why) = helper_named(&folder, "server") {
            skip!("{why}");
        }
        let tests = folder.path().join("run-tests");
        std::fs::write(&tests, "#!/bin/sh\nexit 0\n").unwrap();
        std::fs::set_permissions(&tests, Permissions::from_mode(0o755)).unwrap();
        symlink(PORTWHO, folder.path().join("portwho")).unwrap();
        // The program under test stands in for what these would fetch, build and install.
        for tool in ["cargo", "git"] {
            symlink("/bin/true", folder.path().join(tool)).unwrap();
        }
        let steps = steps(&snippet);
        assert!(steps.len() >= 4, "{steps:?}");
        let script: String = steps
            .iter()
            .map(|step| format!("sh -e -c '{step}' || {{ echo \"failed: $?\"; exit 9; }}\n"))
            .collect();
        // What the server has of the output must not be waited for, nor a snippet that does not end.
        let script =
            format!("exec > out 2>&1\ntrap 'kill $(cat server.pid) 2>/dev/null' EXIT\n{script}");
        let paths = format!(
            "{}:{}",
            folder.path().display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = Command::new("timeout");
        command.args(["60", "unshare", "--net", "sh", "-c", &script]);
        let mut answer = run(command.current_dir(folder.path()).env("PATH", paths));
        if answer.stderr.contains("unshare") {
            skip!("no network of its own: {}", answer.stderr.trim());
        }
        answer.stdout = std::fs::read_to_string(folder.path().join("out")).unwrap_or_default();
        assert_eq!(answer.code, Some(0), "{answer:?}\n{script}");
        assert!(
            answer.stdout.contains("server"),
            "the wait tells who listens: {answer:?}"
        );
    }
}

//! The scripts that make packages, tried without a release.

use std::path::Path;
use std::process::Command;

const TARGETS: [(&str, &str); 5] = [
    ("aarch64-apple-darwin", "tar.gz"),
    ("x86_64-apple-darwin", "tar.gz"),
    ("aarch64-unknown-linux-musl", "tar.gz"),
    ("x86_64-unknown-linux-musl", "tar.gz"),
    ("x86_64-pc-windows-msvc", "zip"),
];

/// A script of `packaging/`; `None` where there is no bash to run it.
fn script(name: &str) -> Option<Command> {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let has_bash = Command::new("bash").arg("--version").output().is_ok();
    if !has_bash {
        eprintln!("skipped: there is no bash");
    }
    has_bash.then(|| Command::new(packaging.join(name)))
}

/// The output of sha256sum over archives of these targets, each with a sum of its own.
fn sums(targets: &[(&str, &str)]) -> String {
    let line = |(at, (target, ending)): (usize, &(&str, &str))| {
        let digit = char::from_digit(at as u32 + 10, 16).unwrap();
        let sum = digit.to_string().repeat(64);
        format!("{sum}  portwho-9.8.7-{target}.{ending}\n")
    };
    targets.iter().enumerate().map(line).collect()
}

fn fill(sums: &str, out: &Path) -> Option<std::process::Output> {
    let file = out.join("SHA256SUMS");
    std::fs::write(&file, sums).unwrap();
    let url = "https://example.org/x/portwho/releases/download/v9.8.7";
    let mut command = script("fill.sh")?;
    command.args(["9.8.7", url]).arg(file).arg(out);
    Some(command.output().unwrap())
}

#[test]
fn templates_are_filled_with_the_archives_and_their_sums() {
    let folder = tempfile::tempdir().unwrap();
    let Some(output) = fill(&sums(&TARGETS), folder.path()) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let names = [
        "homebrew/portwho.rb",
        "scoop/portwho.json",
        "winget/portwho.portwho.yaml",
        "winget/portwho.portwho.installer.yaml",
        "winget/portwho.portwho.locale.en-US.yaml",
    ];
    for name in names {
        let text = read(name);
        assert!(text.contains("9.8.7"), "{name}: {text}");
        assert!(!text.contains('@'), "{name}: {text}");
    }
    let formula = read("homebrew/portwho.rb");
    for (at, (target, ending)) in TARGETS.iter().enumerate().take(4) {
        let sum = char::from_digit(at as u32 + 10, 16).unwrap().to_string();
        let lines = format!(
            "url \"https://example.org/x/portwho/releases/download/v9.8.7/portwho-9.8.7-{target}.{ending}\"\n      \
             sha256 \"{}\"\n",
            sum.repeat(64)
        );
        assert!(formula.contains(&lines), "{lines}{formula}");
    }
    let scoop: serde_json::Value = serde_json::from_str(&read("scoop/portwho.json")).unwrap();
    let archive = &scoop["architecture"]["64bit"];
    assert_eq!(archive["hash"], "e".repeat(64));
    assert_eq!(
        archive["extract_dir"],
        "portwho-9.8.7-x86_64-pc-windows-msvc"
    );
    assert_eq!(scoop["homepage"], "https://example.org/x/portwho");
    assert!(read(names[3]).contains(&format!("InstallerSha256: {}", "e".repeat(64))));
}

#[test]
fn a_missing_archive_stops_the_filling() {
    let folder = tempfile::tempdir().unwrap();
    let Some(output) = fill(&sums(&TARGETS[..4]), folder.path()) else {
        return;
    };
    assert!(!output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("no checksum for x86_64-pc-windows-msvc"),
        "{told}"
    );
}

/// Names of the files that the archive of a target holds, as `list` tells them.
fn packed(target: &str, ending: &str, list: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut pack = script("archive.sh")?;
    // The program itself takes long to pack, and what it is matters to nobody here.
    let build = tempfile::tempdir().unwrap();
    let program = build.path().join("portwho");
    std::fs::write(&program, "a program").unwrap();
    pack.args(["9.8.7", target]).arg(program);
    let output = pack.arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let archive = format!("portwho-9.8.7-{target}.{ending}");
    let archive = folder.path().join(archive);
    let list = Command::new(list[0]).args(&list[1..]).arg(archive).output();
    Some(String::from_utf8(list.unwrap().stdout).unwrap())
}

#[test]
fn an_archive_holds_the_program_with_its_documentation() {
    let has_7z = Command::new("7z").output().is_ok();
    if !has_7z {
        eprintln!("the archive for Windows: skipped: there is no 7z");
    }
    let unix = ("some-unix", "tar.gz", ["tar", "-tzf"]);
    let windows = ("some-windows", "zip", ["7z", "l"]);
    for (target, ending, list) in [Some(unix), has_7z.then_some(windows)]
        .into_iter()
        .flatten()
    {
        let Some(list) = packed(target, ending, &list) else {
            return;
        };
        for file in [
            "portwho",
            "README.md",
            "CHANGELOG.md",
            "LICENSE-MIT",
            "LICENSE-APACHE",
            "man/portwho.1",
            "completions/_portwho",
            "completions/portwho.bash",
        ] {
            let path = format!("portwho-9.8.7-{target}/{file}");
            assert!(
                list.lines().any(|line| line.ends_with(&path)),
                "{path}\n{list}"
            );
        }
    }
}

/// Tests are built with what their own libraries ask of clap, and would not see that it is missing.
#[test]
fn help_is_wrapped_in_what_people_install_too() {
    let manifest = include_str!("../../Cargo.toml");
    let clap = manifest.lines().find(|line| line.starts_with("clap = "));
    assert!(clap.is_some_and(|line| line.contains("\"wrap_help\"")));
}

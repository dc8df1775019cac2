//! Files that are made from the code and committed: completions and the man page. Set
//! `PORTWHO_BLESS=1` to write them anew.

use std::path::Path;

use crate::portwho;

/// Holds a text against a committed file, or writes it there.
#[track_caller]
fn is_committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("PORTWHO_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let is_same = committed.replace("\r\n", "\n") == text;
    assert!(
        is_same,
        "{path} has drifted: run the tests with PORTWHO_BLESS=1 to write it anew"
    );
}

#[test]
fn the_committed_completions_are_those_of_the_program() {
    for (shell, file) in [
        ("bash", "portwho.bash"),
        ("zsh", "_portwho"),
        ("fish", "portwho.fish"),
        ("powershell", "_portwho.ps1"),
        ("elvish", "portwho.elv"),
        ("nushell", "portwho.nu"),
    ] {
        let script = portwho(["completions", shell]).shown();
        is_committed(&format!("completions/{file}"), &script);
    }
}

/// One page for the program and one for each verb, to which the first refers.
#[test]
fn the_committed_man_pages_are_the_help_of_the_program() {
    // The verb `help` has no page of its own.
    let mut command = portwho::cli::command().disable_help_subcommand(true);
    command.build();
    let page = is_page("portwho", &command);
    let mut pages = Vec::new();
    for verb in command.get_subcommands() {
        let name = format!("portwho-{}", verb.get_name());
        is_page(&name, verb);
        pages.push(name);
    }
    let cited = page.lines().filter_map(|line| line.strip_suffix("(1)"));
    let cited: Vec<String> = cited.map(|name| name.replace('\\', "")).collect();
    assert_eq!(cited, pages, "every page that is cited is there");
}

/// The options of a verb are put together when it is typed: what its own help begins with must be what
/// the list of verbs says.
#[test]
fn the_list_of_verbs_says_what_each_of_them_says() {
    let listed = portwho::cli::command();
    let mut built = portwho::cli::command();
    built.build();
    for verb in listed.get_subcommands() {
        let itself = built.find_subcommand(verb.get_name()).unwrap();
        let about = |verb: &clap::Command| verb.get_about().map(ToString::to_string);
        assert_eq!(about(itself), about(verb), "{}", verb.get_name());
    }
}

#[track_caller]
fn is_page(name: &str, command: &clap::Command) -> String {
    let mut page = Vec::new();
    // No date, which would change without the text; a blank keeps the place of it.
    let version = concat!("portwho ", env!("CARGO_PKG_VERSION"));
    let man = clap_mangen::Man::new(command.clone())
        .title(name)
        .date(" ")
        .source(version);
    man.render(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    // The lists at the end are set in lines and columns, which filling would run together.
    let page = page
        .replace(".SH EXTRA\n", ".SH \"EXAMPLES AND EXIT STATUS\"\n.nf\n")
        .replace("\n.SH VERSION", "\n.fi\n.SH VERSION");
    is_committed(&format!("man/{name}.1"), &page);
    page
}

#[test]
fn every_option_is_completed_in_every_shell() {
    let help = portwho(["--help"]).shown();
    let options: Vec<&str> = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    assert!(options.len() > 15, "{options:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish", "nushell"] {
        let script = portwho(["completions", shell]).shown();
        for option in &options {
            assert!(script.contains(option), "{option} in {shell}");
        }
    }
}

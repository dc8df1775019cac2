//! `portwho completions SHELL`: the same text as under `completions/`.

use clap::{Args, ValueEnum};
use clap_complete::{Shell as Known, generate};
use clap_complete_nushell::Nushell;

use super::failure::{Exit, Failure};
use super::{command, terminal};

#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// Shell to complete for
    pub shell: ShellName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum ShellName {
    Bash,
    Zsh,
    Fish,
    PowerShell,
    Elvish,
    Nushell,
}

pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    let mut write = |known: Known| generate(known, &mut command(), "portwho", &mut text);
    match args.shell {
        ShellName::Bash => write(Known::Bash),
        ShellName::Zsh => write(Known::Zsh),
        ShellName::Fish => write(Known::Fish),
        ShellName::PowerShell => write(Known::PowerShell),
        ShellName::Elvish => write(Known::Elvish),
        ShellName::Nushell => generate(Nushell, &mut command(), "portwho", &mut text),
    }
    terminal::answer(|out| out.write_all(&text))?;
    Ok(Exit::Yes)
}

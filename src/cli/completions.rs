//! `portwho completions SHELL`: the same text as under `completions/`.

use clap::{Args, ValueEnum};
use clap_complete::{Shell as Known, generate};
use clap_complete_nushell::Nushell;

use super::failure::{Exit, Failure};
use super::{command, terminal};

#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// Shell to complete for
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Shell {
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
        Shell::Bash => write(Known::Bash),
        Shell::Zsh => write(Known::Zsh),
        Shell::Fish => write(Known::Fish),
        Shell::PowerShell => write(Known::PowerShell),
        Shell::Elvish => write(Known::Elvish),
        Shell::Nushell => generate(Nushell, &mut command(), "portwho", &mut text),
    }
    terminal::answer(|out| out.write_all(&text))?;
    Ok(Exit::Yes)
}

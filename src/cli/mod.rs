//! The edge: arguments, terminal, files and streams. A file for each verb.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

pub mod args;
mod capture;
mod check;
mod completions;
mod conflicts;
mod ephemeral;
mod failure;
mod free;
mod list;
mod map;
mod owner;
mod remarks;
mod schema;
mod selector;
mod source;
mod terminal;
mod unread;
mod usage;
mod values;
mod wait;
mod why;

pub use failure::{Exit, Failure};
pub use selector::{add as add_selector, parse_place, parse_ports};

use args::{Typed, Verb};

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let outcome =
        parse(arguments).and_then(|typed| match typed.map(|typed| (typed.verb, typed.list)) {
            None => Ok(Exit::Yes),
            Some((Some(Verb::Check(args)), _)) => check::run(&args),
            Some((Some(Verb::Free(args)), _)) => free::run(&args),
            Some((Some(Verb::Wait(args)), _)) => wait::run(&args),
            Some((Some(Verb::Conflicts(args)), _)) => conflicts::run(&args),
            Some((Some(Verb::Why(args)), _)) => why::run(&args),
            Some((Some(Verb::Map(args)), _)) => map::run(&args),
            Some((Some(Verb::Ephemeral(args)), _)) => ephemeral::run(&args),
            Some((Some(Verb::Capture(args)), _)) => capture::run(&args),
            Some((Some(Verb::Schema), _)) => schema::run(),
            Some((Some(Verb::Completions(args)), _)) => completions::run(&args),
            Some((None, list)) => list::run(&list),
        });
    outcome.unwrap_or_else(|failure| {
        terminal::tell(&failure);
        failure.exit
    })
}

/// The command line as clap knows it, for completions and the man page.
pub fn command() -> clap::Command {
    Typed::command()
}

/// Reads the arguments; `None` when help or version was asked for and printed.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Typed>, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Before its options are read, which nobody knows yet.
    let first = arguments.get(1).and_then(|word| word.to_str());
    usage::refuse_reserved(first)?;
    let is_verb = |verb: &&&str| first == Some(verb) && **verb != "help";
    let verb = args::VERBS.iter().find(is_verb).copied();
    match Typed::try_parse_from(arguments) {
        Ok(typed) => Ok(Some(typed)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                let text = error.render();
                let colour = terminal::wants_colour(values::When::Auto);
                terminal::answer(|out| {
                    if colour {
                        write!(out, "{}", text.ansi())
                    } else {
                        write!(out, "{text}")
                    }
                })?;
                Ok(None)
            }
            _ => Err(usage::failure(&error, verb)),
        },
    }
}

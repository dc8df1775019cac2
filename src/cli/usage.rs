//! Mistakes of usage: clap's errors in portwho's form, reserved verbs, words that nearly spell one.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::{RESERVED, VERBS};
use super::failure::{Failure, quote};
use crate::model::cause;

/// Refuses verbs that do not exist yet.
pub fn refuse_reserved<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
    match words.into_iter().find(|word| RESERVED.contains(word)) {
        Some(verb) => Err(Failure::usage(format!(
            "'{verb}' is a verb that portwho does not have yet"
        ))
        .hint(format!("for processes of that name, 'name={verb}'"))),
        None => Ok(()),
    }
}

/// Refuses verbs that come after an option: what was meant as one must not be taken for a name.
pub fn refuse_late_verbs<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
    match words.into_iter().find(|word| VERBS.contains(word)) {
        Some(verb) => Err(
            Failure::usage(format!("'{verb}' is a verb: it must come first")).hint(format!(
                "'portwho {verb} ...'; for processes of that name, 'name={verb}'"
            )),
        ),
        None => Ok(()),
    }
}

/// The verb that a word nearly spells.
pub fn near_verb(word: &str) -> Option<&'static str> {
    let distance = |verb: &str| strsim::damerau_levenshtein(&word.to_ascii_lowercase(), verb);
    let near = |verb: &&str| (1..=2).contains(&distance(verb)) && distance(verb) * 2 < verb.len();
    VERBS
        .into_iter()
        .chain(RESERVED)
        .filter(near)
        .min_by_key(|verb| distance(verb))
}

/// Puts an error of clap into one line and a hint. The verb is the one that was typed.
pub fn failure(error: &clap::Error, verb: Option<&str>) -> Failure {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(list)) => list.first().cloned(),
        Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
        _ => None,
    };
    let list = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::Strings(list)) => list.join(", "),
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = bare(&argument);
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let failure = match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            Failure::usage(format!("{} is one argument too many", quote(&argument)))
        }
        ErrorKind::UnknownArgument => {
            Failure::usage(format!("there is no option {}", quote(&argument)))
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            Failure::usage(format!("{option} needs a value"))
        }
        ErrorKind::InvalidValue => {
            Failure::usage(format!("{} is not a value of {option}", quote(&value)))
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(|why| format!(": {}", cause(why)));
            let why = why.unwrap_or_default();
            Failure::usage(format!("{} is not a value of {option}{why}", quote(&value)))
        }
        ErrorKind::ArgumentConflict => {
            let other = list(ContextKind::PriorArg);
            let other = bare(&other);
            if option == other || other.is_empty() {
                Failure::usage(format!(
                    "{option} may be given only once, and not with a verb"
                ))
            } else {
                Failure::usage(format!("{option} cannot go with {other}"))
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = list(ContextKind::InvalidArg);
            let missing: Vec<&str> = missing.split(", ").map(bare).collect();
            Failure::usage(format!("missing: {}", missing.join(", ")))
        }
        ErrorKind::TooFewValues => Failure::usage(format!("{option} needs a value")),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            Failure::usage(format!("{option} takes no such value"))
        }
        ErrorKind::InvalidUtf8 => Failure::usage("an argument is not valid UTF-8"),
        ErrorKind::InvalidSubcommand => {
            return no_verb(&text(ContextKind::InvalidSubcommand).unwrap_or_default());
        }
        kind => Failure::usage(format!("the arguments make no sense together ({kind})")),
    };
    if let Some(hint) = habit(option) {
        return failure.hint(hint);
    }
    let suggestion = text(ContextKind::SuggestedArg).or_else(|| text(ContextKind::SuggestedValue));
    let valid = list(ContextKind::ValidValue);
    match suggestion {
        Some(suggestion) => failure.hint(format!("did you mean '{suggestion}'?")),
        None if !valid.is_empty() => failure.hint(format!("it takes {valid}")),
        None => {
            let verb = verb.map(|verb| format!(" {verb}")).unwrap_or_default();
            failure.hint(format!("portwho{verb} --help shows what there is"))
        }
    }
}

/// The name of an argument as clap writes it, without its value and its brackets: `--format <FORMAT>`,
/// `<SHELL>`, `[CMD]...`.
fn bare(argument: &str) -> &str {
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    name.trim_end_matches("...")
        .trim_matches(['<', '>', '[', ']'])
}

/// The failure of `portwho help WORD`.
fn no_verb(word: &str) -> Failure {
    if let Err(reserved) = refuse_reserved([word]) {
        return reserved;
    }
    let failure = Failure::usage(format!("there is no verb {}", quote(word)));
    match near_verb(word).filter(|verb| VERBS.contains(verb)) {
        Some(verb) => failure.hint(format!("did you mean '{verb}'?")),
        None => failure.hint(format!("verbs are {}", VERBS.join(", "))),
    }
}

/// What takes the place of an option that fingers know from other tools.
fn habit(option: &str) -> Option<&'static str> {
    Some(match option {
        "-i" | "--port" | "--ports" => "a port is no option but a selector: 'portwho :8080'",
        "-x" | "--unix" => "the sockets shown have ports; 'ss -x' shows those of the Unix domain",
        "-k" | "--kill" => "portwho ends nobody; 'portwho why :8080' says what would",
        "--pid" | "--user" | "--name" | "--state" | "--peer" | "--local" | "--unit"
        | "--container" | "--project" => {
            "that is no option but a selector: 'pid=1234', 'user=www-data', 'state=established'"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_goes_by_its_name_alone() {
        for (written, name) in [
            ("--format <FORMAT>", "--format"),
            ("--json=<X>", "--json"),
            ("<SHELL>", "SHELL"),
            ("<SPEC>...", "SPEC"),
            ("[CMD]...", "CMD"),
            ("", ""),
        ] {
            assert_eq!(bare(written), name);
        }
    }

    #[test]
    fn near_misses_are_found_and_names_are_left_alone() {
        for (word, verb) in [
            ("chek", "check"),
            ("chekc", "check"),
            ("captur", "capture"),
            ("watchh", "watch"),
            ("conflict", "conflicts"),
            ("completion", "completions"),
        ] {
            assert_eq!(near_verb(word), Some(verb), "{word}");
        }
        for word in [
            "nginx",
            "node",
            "postgres",
            "check",
            "redis",
            "java",
            "map2proxy",
        ] {
            assert_eq!(near_verb(word), None, "{word}");
        }
    }
}

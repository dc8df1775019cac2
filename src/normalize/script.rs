//! What an interpreter runs: its command line in; a path, a jar, a module or an application out. Pure.

use crate::model::Foreign;
use interpreters::{INTERPRETERS, Interpreter};

mod interpreters;
#[cfg(test)]
mod tests;

/// What the interpreter runs, as its command line names it; `None` for other programs, for code given
/// in the command line itself, and where nothing is named.
///
/// `program` is the base name of the executable.
pub fn script_of(program: &str, command: &[Foreign]) -> Option<Foreign> {
    let mut words: Vec<&str> = command.iter().map(Foreign::unclean).collect();
    // A title leaves the rest of the arguments' room empty.
    while words.last().is_some_and(|last| last.is_empty()) {
        words.pop();
    }
    let mut words = &words[..];
    let mut program = program;
    if program == "busybox" {
        if words.first().map(|first| base_name(first)) == Some("busybox") {
            words = &words[1..];
        }
        program = base_name(words.first()?);
    }
    let interpreter = Interpreter::of(program)?;
    let found = match words {
        [title] => of_title(interpreter, title),
        _ => of_arguments(interpreter, words.get(1..)?),
    };
    found.filter(|script| !script.is_empty()).map(Foreign::new)
}

/// Whether a program of this name runs what its command line names.
pub fn is_interpreter(program: &str) -> bool {
    program == "busybox" || Interpreter::of(program).is_some()
}

/// Reads a title that the program wrote over its arguments.
fn of_title(interpreter: &Interpreter, title: &str) -> Option<String> {
    let words: Vec<&str> = title.split_whitespace().collect();
    let first = words.first()?;
    if words.len() > 1
        && Interpreter::of(base_name(first)).is_some_and(|it| std::ptr::eq(it, interpreter))
    {
        return of_arguments(interpreter, &words[1..]);
    }
    // gunicorn: master [app:main]; puma 6.4.0 (tcp://0.0.0.0:3000) [shop]
    let bracketed = title
        .strip_suffix(']')
        .and_then(|text| Some(text.rsplit_once('[')?.1));
    if let Some(tag) = bracketed.filter(|tag| !tag.contains(' ')) {
        return Some(tag.to_owned());
    }
    // npm run dev; next-server (v14.0.4)
    let is_title = interpreter.is_node() && !first.contains('/') && words.len() > 1;
    let before = title.split(" (").next().unwrap_or(title);
    is_title.then(|| before.to_owned())
}

fn of_arguments(interpreter: &Interpreter, arguments: &[&str]) -> Option<String> {
    let Some((script, rest)) = first_script(interpreter, arguments) else {
        // php -S 127.0.0.1:8000 -t public
        let folder = interpreter.folder_after?;
        return value_after(arguments, &[folder]).map(str::to_owned);
    };
    let name = base_name(script);
    if interpreter.is_node()
        && let Some(wrapper) = wrapper_of(name)
    {
        let words = rest.iter().take_while(|word| !word.starts_with('-'));
        let words: Vec<&str> = words.take(MOST_WORDS).copied().collect();
        return Some([&[wrapper], &words[..]].concat().join(" "));
    }
    let application = match name {
        "gunicorn" | "uvicorn" | "hypercorn" | "daphne" | "waitress-serve" => application(rest),
        "streamlit" | "fastapi" => after_verb(rest, &["run", "dev"]),
        "flask" => value_after(rest, &["--app", "-A"]),
        _ => None,
    };
    Some(application.unwrap_or(script).to_owned())
}

/// Words that are told after a package runner's name.
const MOST_WORDS: usize = 3;

/// The name of a script that runs others' scripts.
fn wrapper_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "npm" | "npm-cli.js" => "npm",
        "npx" | "npx-cli.js" => "npx",
        "yarn" | "yarn.js" | "yarn.cjs" => "yarn",
        "pnpm" | "pnpm.js" | "pnpm.cjs" => "pnpm",
        "pnpx" | "pnpx.cjs" => "pnpx",
        _ => return None,
    })
}

/// The first argument that is no option and no option's value, and what follows it.
fn first_script<'a>(
    interpreter: &Interpreter,
    arguments: &'a [&'a str],
) -> Option<(&'a str, &'a [&'a str])> {
    let mut rest = arguments;
    let mut may_be_verb = true;
    loop {
        let (word, after) = rest.split_first()?;
        rest = after;
        let next = || after.split_first().map(|(next, after)| (*next, after));
        if *word == "--" {
            return next();
        }
        let is_option = word.starts_with('-') || (interpreter.has_plus && word.starts_with('+'));
        if !is_option {
            if interpreter.inline.contains(word) {
                return None;
            }
            if may_be_verb && interpreter.verbs.contains(word) {
                may_be_verb = false;
                continue;
            }
            let is_file_of_options = interpreter.has_files && word.starts_with('@');
            if is_file_of_options || word.is_empty() {
                continue;
            }
            return Some((word, rest));
        }
        match interpreter.meaning(word) {
            Meaning::Nothing => {}
            Meaning::Value => rest = after.get(1..)?,
            Meaning::Code => return None,
            Meaning::Runs("") => return next(),
            Meaning::Runs(script) => return Some((script, rest)),
        }
    }
}

/// What an option says of the words to come.
enum Meaning<'a> {
    /// It stands alone, or has its value with it.
    Nothing,
    /// The next word is its value.
    Value,
    /// Code is given in place of a script, or comes from the standard input.
    Code,
    /// Its value is what runs; empty where that is the next word.
    Runs(&'a str),
}

impl Interpreter {
    /// The interpreter of this name; version numbers at its end do not count.
    fn of(program: &str) -> Option<&'static Self> {
        let name = program.strip_suffix(".exe").unwrap_or(program);
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        INTERPRETERS
            .iter()
            .find(|interpreter| interpreter.names.contains(&plain))
    }

    fn is_node(&self) -> bool {
        self.names.contains(&"node")
    }

    fn meaning<'a>(&self, word: &'a str) -> Meaning<'a> {
        if word == "-" || self.inline.contains(&word) {
            return Meaning::Code;
        }
        if self.runs.contains(&word) {
            return Meaning::Runs("");
        }
        if self.values.contains(&word) {
            return Meaning::Value;
        }
        if let Some((option, value)) = word.split_once('=') {
            if self.runs.contains(&option) && option.starts_with("--") {
                return Meaning::Runs(value);
            }
            if self.inline.contains(&option) && option.starts_with("--") {
                return Meaning::Code;
            }
        }
        if word.starts_with("--") {
            return Meaning::Nothing;
        }
        let letters = word.get(1..).unwrap_or_default();
        for (at, letter) in letters.char_indices() {
            let value = &letters[at + letter.len_utf8()..];
            if self.inline_letters.contains(letter) {
                return Meaning::Code;
            } else if self.runs_letters.contains(letter) {
                return Meaning::Runs(value);
            } else if self.value_letters.contains(letter) {
                return if value.is_empty() {
                    Meaning::Value
                } else {
                    Meaning::Nothing
                };
            } else if self.attached_letters.contains(letter) {
                return Meaning::Nothing;
            }
        }
        Meaning::Nothing
    }
}

/// The application of a Python server: `module:name`, or a module at the end.
fn application<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let is_name = |text: &str| {
        let starts = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
        starts
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "_.".contains(c))
    };
    let is_pair = |word: &str| {
        word.split_once(':').is_some_and(|(module, name)| {
            is_name(module) && is_name(name.split('(').next().unwrap_or(name))
        })
    };
    if let Some(pair) = arguments.iter().find(|word| is_pair(word)) {
        return Some(pair);
    }
    let (last, before) = arguments.split_last()?;
    let may_be_value = before.last().is_some_and(|word| word.starts_with('-'));
    (is_name(last) && !may_be_value).then_some(*last)
}

/// The first argument after one of these verbs that is no option.
fn after_verb<'a>(arguments: &[&'a str], verbs: &[&str]) -> Option<&'a str> {
    let at = arguments.iter().position(|word| verbs.contains(word))?;
    let next = arguments.get(at + 1)?;
    (!next.starts_with('-')).then_some(*next)
}

/// The value of one of these options, in the next word or after `=`.
fn value_after<'a>(arguments: &[&'a str], options: &[&str]) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(at, word)| {
        if options.contains(word) {
            return arguments.get(at + 1).copied();
        }
        let (option, value) = word.split_once('=')?;
        options.contains(&option).then_some(value)
    })
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

//! Opens what an answer comes from: the running system or a recording.

use std::path::Path;

use clap::ValueEnum;
use jiff::tz::{Offset, TimeZone};

use super::failure::{Failure, quote};
use super::values::{OwnersName, SourceName};
use crate::model::{Namespaces, cause};
use crate::read::bounded::read_named;
use crate::read::capture::{Capture, Replay};
use crate::read::machine::time_zone;
use crate::read::{Choice, Owners, Source, live};
use crate::render::Clean;

/// Characters of a reason that are told.
const LONGEST_REASON: usize = 200;

/// What `--all-netns` means.
pub fn namespaces(all: bool) -> Namespaces {
    if all {
        Namespaces::All
    } else {
        Namespaces::Own
    }
}

/// The running system.
pub fn open_live(name: SourceName, owners: Option<OwnersName>) -> Result<Box<dyn Source>, Failure> {
    let choice = match name {
        SourceName::Auto => Choice::Auto,
        SourceName::Native => Choice::Native,
        SourceName::Proc => Choice::Proc,
        SourceName::Portable => Choice::Portable,
    };
    let owners = match owners.map_or_else(owners_of_environment, Ok)? {
        OwnersName::Auto => Owners::Auto,
        OwnersName::Bpf => Owners::Bpf,
        OwnersName::Proc => Owners::Proc,
    };
    live(choice, owners).ok_or_else(|| {
        Failure::usage("this system has no such source")
            .hint("leave --source out, or take '--source portable'")
    })
}

/// What `PORTWHO_OWNERS` says, which every verb heeds.
fn owners_of_environment() -> Result<OwnersName, Failure> {
    match std::env::var("PORTWHO_OWNERS") {
        Ok(value) if !value.is_empty() => OwnersName::from_str(&value, true).map_err(|_| {
            Failure::usage(format!(
                "{} is not a value of PORTWHO_OWNERS",
                quote(&value)
            ))
            .hint("it takes auto, bpf, proc")
        }),
        _ => Ok(OwnersName::Auto),
    }
}

/// The time zone that times are told in.
pub fn zone(source: &mut dyn Source) -> Result<TimeZone, Failure> {
    let zone = source.zone();
    if let Some(path) = &zone.mistaken {
        let what = format!("TZ: {} is not a file of a time zone", quote(path));
        return Err(Failure::usage(what).hint("unset TZ, or name a zone: TZ=Europe/Berlin"));
    }
    let named = zone.name.as_deref().and_then(time_zone);
    Ok(named.unwrap_or_else(|| {
        Offset::from_seconds(zone.offset).map_or(TimeZone::UTC, TimeZone::fixed)
    }))
}

/// A recording; "-" for standard input.
pub fn open_capture(path: &Path) -> Result<Box<dyn Source>, Failure> {
    let name = if path == Path::new("-") {
        "standard input".into()
    } else {
        quote(&path.to_string_lossy())
    };
    let text = read_named(path, Capture::LARGEST)
        .map_err(|error| Failure::unknown(format!("{name}: {}", cause(&error))))?;
    let capture = Capture::read(&mut &text[..]).map_err(|why| {
        // It may repeat a value of any length.
        let why = Clean::new(&why.chars().take(LONGEST_REASON).collect::<String>());
        Failure::unknown(format!("{name}: {why}"))
    })?;
    Ok(Box::new(Replay::new(capture)))
}

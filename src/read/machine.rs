//! Facts of the machine that every source needs: its name, its system, its clock.

use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sysinfo::System;

use crate::model::{InterfaceAddress, Limits, Machine, Network};
use crate::read::regular::{self, Links};

/// The largest file of the database has 4 KiB.
const LARGEST_ZONE: u64 = 64 << 10;

/// The local time zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Zone {
    /// Name in the IANA time zone database, where the machine says one.
    pub name: Option<String>,
    /// Offset from UTC when it was asked for, in seconds east.
    pub offset: i32,
    /// The path in the environment that should lead to a time zone, and leads to none.
    #[serde(skip)]
    pub mistaken: Option<String>,
}

/// The machine as it is now; its names are empty where they are not asked for.
pub fn machine(with_names: bool) -> Machine {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since_epoch
        .map(|elapsed| elapsed.as_secs())
        .unwrap_or_default();
    let mut machine = Machine {
        host: String::new(),
        os: String::new(),
        taken_at: i64::try_from(seconds).unwrap_or(i64::MAX),
    };
    if with_names {
        machine.host = System::host_name().unwrap_or_default();
        let os = System::long_os_version();
        machine.os = os.unwrap_or_else(|_| std::env::consts::OS.to_owned());
    }
    machine
}

/// Addresses of the machine's interfaces, in ascending order.
pub fn interfaces() -> Vec<InterfaceAddress> {
    let Ok(networks) = sysinfo::Networks::new_with_refreshed_list() else {
        return Vec::new();
    };
    let mut all: Vec<InterfaceAddress> = networks
        .iter()
        .flat_map(|(name, network)| {
            let of_one = network.ip_networks().iter();
            of_one.map(|network| InterfaceAddress {
                address: network.addr,
                interface: name.to_string_lossy().into_owned(),
            })
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Puts the addresses into the limits, with their interfaces and without.
pub fn with_addresses(limits: Limits, interfaces: Vec<InterfaceAddress>) -> Limits {
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(|one| one.address).collect();
    addresses.dedup();
    Limits {
        addresses,
        interfaces,
        ..limits
    }
}

/// What is known of a network by the addresses of its interfaces, which every machine has some of.
pub fn network(interfaces: Vec<InterfaceAddress>) -> Option<Network> {
    (!interfaces.is_empty()).then(|| Network::of_addresses(interfaces))
}

/// The machine's time zone.
pub fn zone() -> Zone {
    let value = std::env::var("TZ").ok();
    let of_environment = value.as_deref().map(of_environment);
    let is_path = |value: &String| value.trim_start_matches(':').starts_with('/');
    let is_mistaken = of_environment == Some(None);
    let zone = match of_environment {
        Some(zone) => zone.unwrap_or(TimeZone::UTC),
        None => linked().unwrap_or_else(TimeZone::system),
    };
    Zone {
        mistaken: value.filter(|value| is_mistaken && is_path(value)),
        name: zone.iana_name().map(str::to_owned),
        offset: zone.to_offset(jiff::Timestamp::now()).seconds(),
    }
}

/// The zone that a value of `TZ` names, tzset(3): a file, a name in the database, or a rule. `None` for
/// what is none of them, which the C library takes for UTC.
pub fn of_environment(value: &str) -> Option<TimeZone> {
    let value = value.strip_prefix(':').unwrap_or(value);
    if value.is_empty() {
        return Some(TimeZone::UTC);
    }
    if !value.starts_with('/') {
        return time_zone(value).or_else(|| TimeZone::posix(value).ok());
    }
    let name = value.split_once("/zoneinfo/").map_or("", |(_, name)| name);
    let text = regular::read(Path::new(value), LARGEST_ZONE, Links::Followed)?;
    TimeZone::tzif(name, &text).ok()
}

/// The zone that `/etc/localtime` leads to, localtime(5).
fn linked() -> Option<TimeZone> {
    let target = std::fs::read_link("/etc/localtime").ok()?;
    let (_, name) = target.to_str()?.split_once("/zoneinfo/")?;
    in_database(name)
}

/// A zone by its name in the IANA time zone database.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    in_database(name).or_else(|| TimeZone::get(name).ok())
}

/// Reads the file of a zone where systems keep them, tzfile(5): to look a name up, jiff lists all
/// folders of the database, which takes longer than the rest of an answer.
fn in_database(name: &str) -> Option<TimeZone> {
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    if !name.split('/').all(is_plain) {
        return None;
    }
    let path = Path::new("/usr/share/zoneinfo").join(name);
    let text = regular::read(&path, LARGEST_ZONE, Links::Followed)?;
    TimeZone::tzif(name, &text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_the_same_read_from_its_file_and_looked_up() {
        let noon = jiff::Timestamp::from_second(1_763_636_400).unwrap();
        for name in ["Europe/Berlin", "America/New_York", "UTC"] {
            if let (Some(zone), Ok(looked_up)) = (in_database(name), TimeZone::get(name)) {
                assert_eq!(zone.iana_name(), Some(name));
                assert_eq!(zone.to_offset(noon), looked_up.to_offset(noon), "{name}");
            }
        }
    }

    #[test]
    fn a_value_of_the_environment_is_a_file_a_name_or_a_rule() {
        let noon = jiff::Timestamp::from_second(1_763_636_400).unwrap();
        let offset = |value| Some(of_environment(value)?.to_offset(noon).seconds());
        assert_eq!(offset("UTC"), Some(0));
        assert_eq!(offset("XYZ-2"), Some(7200));
        if in_database("Europe/Berlin").is_some() {
            for value in [
                "Europe/Berlin",
                ":Europe/Berlin",
                "/usr/share/zoneinfo/Europe/Berlin",
            ] {
                assert_eq!(offset(value), Some(3600), "{value}");
            }
        }
    }

    #[test]
    fn a_device_or_any_other_file_is_no_time_zone() {
        for value in [
            "/dev/zero",
            "/dev/null",
            "/etc/passwd",
            "/no/such/file",
            "/",
        ] {
            assert_eq!(of_environment(value), None, "{value}");
        }
    }

    #[test]
    fn a_name_leads_nowhere_but_into_the_database() {
        for name in [
            "",
            "../../../etc/passwd",
            "/etc/passwd",
            "a//b",
            ".",
            "no such zone",
        ] {
            assert_eq!(in_database(name), None, "{name}");
        }
    }
}

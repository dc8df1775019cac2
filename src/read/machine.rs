//! Facts of the machine that every source needs: its name, its system, its clock.

use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sysinfo::System;

use crate::model::{InterfaceAddress, Limits, Machine, Network};

/// The local time zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Zone {
    /// Name in the IANA time zone database, where the machine says one.
    pub name: Option<String>,
    /// Offset from UTC when it was asked for, in seconds east.
    pub offset: i32,
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
    let zone = linked().unwrap_or_else(TimeZone::system);
    Zone {
        name: zone.iana_name().map(str::to_owned),
        offset: zone.to_offset(jiff::Timestamp::now()).seconds(),
    }
}

/// The zone that `/etc/localtime` leads to, where the environment names no other, localtime(5).
fn linked() -> Option<TimeZone> {
    if std::env::var_os("TZ").is_some() {
        return None;
    }
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
    let text = std::fs::read(Path::new("/usr/share/zoneinfo").join(name)).ok()?;
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

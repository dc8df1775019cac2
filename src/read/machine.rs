//! Facts of the machine that every source needs: its name, its system, its clock.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sysinfo::System;

use super::linux::proc_text::parse_passwd;
use crate::model::{InterfaceAddress, Limits, Machine};

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

/// User names by uid, as `/etc/passwd` has them; none where there is no such file.
pub fn users() -> BTreeMap<u32, String> {
    std::fs::read("/etc/passwd")
        .map(|text| parse_passwd(&text))
        .unwrap_or_default()
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

/// The machine's time zone.
pub fn zone() -> Zone {
    let zone = TimeZone::system();
    Zone {
        name: zone.iana_name().map(str::to_owned),
        offset: zone.to_offset(jiff::Timestamp::now()).seconds(),
    }
}

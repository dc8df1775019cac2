//! Devices of a network: bytes of an RTM_GETLINK dump in, devices out. Pure. Numbers are those of
//! linux/if_link.h, linux/if.h and linux/ip.h.

use std::collections::BTreeMap;

use super::rtnetlink::{self, Step, attribute};
use super::wire::{ByteOrder, u32_at};
use crate::model::Device;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_AF_SPEC: u16 = 26;
const AF_INET: u16 = 2;
const IFLA_INET_CONF: u16 = 1;
const IFLA_EXT_MASK: u16 = 29;
/// Counters of packets are most of an answer otherwise.
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 8;
/// IPV4_DEVCONF_ROUTE_LOCALNET, counted from 0.
const ROUTE_LOCALNET: usize = 25;
/// `struct ifinfomsg`: family, type, index, flags, change.
const GENERAL: usize = 16;

/// A device as it is told, its master by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub index: u32,
    pub master: Option<u32>,
    pub device: Device,
}

/// The request for all devices.
pub fn request(sequence: u32) -> Vec<u8> {
    let mut body = vec![0; GENERAL];
    body.extend(8_u16.to_ne_bytes());
    body.extend(IFLA_EXT_MASK.to_ne_bytes());
    body.extend(RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
    rtnetlink::request(RTM_GETLINK, sequence, &body)
}

/// Takes a datagram of the answer apart.
pub fn decode(datagram: &[u8], sequence: u32, order: ByteOrder, found: &mut Vec<Told>) -> Step {
    rtnetlink::decode(datagram, sequence, order, RTM_NEWLINK, |body| {
        let index = u32_at(body, 4, order)?;
        let flags = u32_at(body, 8, order)?;
        let rest = body.get(GENERAL..)?;
        let of = |kind| attribute(rest, kind, order);
        let kind = of(IFLA_LINKINFO).and_then(|info| attribute(info, IFLA_INFO_KIND, order));
        let settings = of(IFLA_AF_SPEC)
            .and_then(|families| attribute(families, AF_INET, order))
            .and_then(|ipv4| attribute(ipv4, IFLA_INET_CONF, order));
        let route_localnet = settings.and_then(|all| u32_at(all, ROUTE_LOCALNET * 4, order));
        found.push(Told {
            index,
            master: of(IFLA_MASTER).and_then(|value| u32_at(value, 0, order)),
            device: Device {
                name: of(IFLA_IFNAME).map(text)?,
                kind: kind.map(text),
                is_loopback: flags & IFF_LOOPBACK != 0,
                is_up: flags & IFF_UP != 0,
                master: None,
                route_localnet: route_localnet.is_some_and(|value| value != 0),
            },
        });
        Some(())
    })
}

/// The devices, each with the name of its master.
pub fn devices(told: Vec<Told>) -> Vec<Device> {
    let names: BTreeMap<u32, String> = told
        .iter()
        .map(|one| (one.index, one.device.name.clone()))
        .collect();
    let named = |one: Told| Device {
        // A master may be in another network namespace, which gives it another name there.
        master: one.master.and_then(|index| names.get(&index).cloned()),
        ..one.device
    };
    told.into_iter().map(named).collect()
}

/// The names of devices, by their indices.
pub fn names(told: &[Told]) -> BTreeMap<u32, String> {
    let named = |one: &Told| (one.index, one.device.name.clone());
    told.iter().map(named).collect()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut out = (4 + value.len() as u16).to_ne_bytes().to_vec();
        out.extend(kind.to_ne_bytes());
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn told(index: u32, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![0, 0, 1, 0];
        body.extend(index.to_ne_bytes());
        body.extend(flags.to_ne_bytes());
        body.extend([0; 4]);
        body.extend(attributes.concat());
        let mut out = rtnetlink::request(RTM_NEWLINK, 7, &body);
        out[6..8].copy_from_slice(&2u16.to_ne_bytes());
        out
    }

    #[test]
    fn a_device_is_told_with_its_kind_its_master_and_route_localnet() {
        let mut settings = vec![0_u8; 4 * 33];
        settings[4 * ROUTE_LOCALNET..][..4].copy_from_slice(&1_u32.to_ne_bytes());
        let spec = attribute(
            IFLA_AF_SPEC,
            &attribute(AF_INET, &attribute(IFLA_INET_CONF, &settings)),
        );
        let kind = |name: &[u8]| attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, name));
        let datagram = [
            told(1, IFF_UP | IFF_LOOPBACK, &[attribute(IFLA_IFNAME, b"lo\0")]),
            told(
                4,
                IFF_UP,
                &[
                    attribute(IFLA_IFNAME, b"d0\0"),
                    attribute(IFLA_MASTER, &5_u32.to_ne_bytes()),
                    kind(b"veth\0"),
                    spec,
                ],
            ),
            told(5, 0, &[attribute(IFLA_IFNAME, b"blue\0"), kind(b"vrf")]),
        ]
        .concat();
        let mut found = Vec::new();
        let step = decode(&datagram, 7, ByteOrder::NATIVE, &mut found);
        assert_eq!(step, Step::More);
        assert_eq!(names(&found)[&4], "d0");
        let device = |name: &str, kind: Option<&str>| Device {
            name: name.into(),
            kind: kind.map(Into::into),
            is_loopback: name == "lo",
            is_up: name != "blue",
            master: (name == "d0").then(|| "blue".into()),
            route_localnet: name == "d0",
        };
        assert_eq!(
            devices(found),
            [
                device("lo", None),
                device("d0", Some("veth")),
                device("blue", Some("vrf"))
            ]
        );
        for cut in 0..datagram.len() {
            decode(&datagram[..cut], 7, ByteOrder::NATIVE, &mut Vec::new());
            decode(&datagram[..cut], 7, ByteOrder::Big, &mut Vec::new());
        }
    }
}

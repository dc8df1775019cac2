//! Recorded dumps and tables, and structures of older tools.

use super::super::rtnetlink::{HEADER, NLMSG_DONE, NLMSG_ERROR};
use super::xt::Extension;
use super::*;
use crate::model::Family;
use crate::read::raw::RawForward;

/// What the recorded dump forwards, a line each; `tests/raw/nat/README.md` has the rules.
fn recorded(dump: &[u8]) -> (String, u32) {
    let mut found = RawForwards::default();
    let step = decode(dump, 7, ByteOrder::Little, &mut found);
    assert_eq!(step, Step::End { errno: 0 });
    lines(&found)
}

/// What the recorded tables of iptables-legacy forward.
fn recorded_legacy(ipv4: &[u8], ipv6: &[u8]) -> Option<(String, u32)> {
    let mut found = RawForwards::default();
    decode_entries(ipv4, IPV4, ByteOrder::Little, &mut found)?;
    decode_entries(ipv6, IPV6, ByteOrder::Little, &mut found)?;
    Some(lines(&found))
}

fn lines(found: &RawForwards) -> (String, u32) {
    let any = |text: Option<String>| text.unwrap_or_else(|| "*".into());
    let range = |(first, last): (u16, u16)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    let line = |it: &RawForward| {
        format!(
            "{} {} {} {} -> {} {}\n",
            it.protocol,
            it.family.map_or("*", Family::as_str),
            any(it.address.map(|address| address.to_string())),
            range(it.ports),
            any(it.to.map(|address| address.to_string())),
            any(it.to_ports.map(range)),
        )
    };
    (
        found.forwards.iter().map(line).collect(),
        found.not_understood,
    )
}

const LEGACY: (&[u8], &[u8]) = (
    include_bytes!("../../../../tests/raw/nat/legacy-ipv4.bin"),
    include_bytes!("../../../../tests/raw/nat/legacy-ipv6.bin"),
);

#[test]
fn rules_that_iptables_wrote_are_read() {
    let (lines, not_understood) =
        recorded(include_bytes!("../../../../tests/raw/nat/iptables.bin"));
    // The tables were recorded on a machine that aligns eight bytes as most do.
    if align_of::<u64>() == 8 {
        let of_legacy = recorded_legacy(LEGACY.0, LEGACY.1);
        assert_eq!(of_legacy, Some((lines.clone(), not_understood)));
    }
    assert_eq!(
        lines,
        "tcp ipv4 127.0.0.1 18080 -> 172.17.0.2 80\n\
         udp ipv4 * 5353 -> 172.17.0.3 53\n\
         tcp ipv4 * 80 -> 10.88.0.2 *\n\
         tcp ipv4 * 443 -> 10.88.0.2 *\n\
         tcp ipv4 * 8000-8010 -> 10.88.0.2 *\n\
         tcp ipv4 * 7000-7010 -> 10.88.0.3 9000-9010\n\
         tcp ipv4 * 81 -> * 8081\n\
         tcp ipv4 * 96 -> 10.0.0.96 96\n\
         tcp ipv6 fd00::1 18081 -> fd00::2 80\n\
         udp ipv6 * 18082 -> * 8082\n"
    );
    // The rules from port 82 to 90: negated, of the source, without a port, of a network, to many ends.
    assert_eq!(not_understood, 8);
}

#[test]
fn rules_that_nft_wrote_are_read() {
    let (lines, not_understood) = recorded(include_bytes!("../../../../tests/raw/nat/nft.bin"));
    assert_eq!(
        lines,
        "tcp ipv4 127.0.0.1 18080 -> 172.17.0.2 80\n\
         udp ipv4 * 5353 -> 172.17.0.3 53\n\
         tcp ipv4 * 7000-7010 -> 10.88.0.3 *\n\
         tcp ipv4 * 81 -> * 8081\n\
         tcp ipv4 * 91 -> * *\n\
         tcp ipv4 * 93 -> 10.0.0.93 9300-9310\n\
         tcp ipv4 * 60001-65535 -> 10.0.0.95 95\n\
         tcp ipv4 * 18083 -> 172.17.0.4 80\n\
         udp ipv6 fd00::1 18084 -> fd00::2 53\n\
         tcp ipv4 127.0.0.1 18085 -> 172.17.0.5 80\n\
         tcp * * 18086 -> * 86\n"
    );
    // Ports 82 to 90, 92 (of the source) and all but 7000 to 7010.
    assert_eq!(not_understood, 10);
}

#[test]
fn a_dump_that_is_cut_or_damaged_does_no_harm() {
    let whole = include_bytes!("../../../../tests/raw/nat/nft.bin");
    for cut in (0..whole.len()).step_by(13) {
        decode(
            &whole[..cut],
            7,
            ByteOrder::Little,
            &mut RawForwards::default(),
        );
        decode(
            &whole[..cut],
            7,
            ByteOrder::Big,
            &mut RawForwards::default(),
        );
    }
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 0xFF;
        decode(&damaged, 7, ByteOrder::Little, &mut RawForwards::default());
    }
}

#[test]
fn a_table_that_is_cut_or_damaged_does_no_harm() {
    let decode = |table: &[u8], family, order| {
        decode_entries(table, family, order, &mut RawForwards::default())
    };
    for (whole, family) in [(LEGACY.0, IPV4), (LEGACY.1, IPV6)] {
        for cut in (0..whole.len()).step_by(3) {
            decode(&whole[..cut], family, ByteOrder::Little);
            decode(&whole[..cut], family, ByteOrder::Big);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0xFF;
            decode(&damaged, family, ByteOrder::Little);
        }
        // Cut anywhere within its entries, it is not taken for whole.
        assert_eq!(
            decode(&whole[..whole.len() - 1], family, ByteOrder::Little),
            None
        );
        assert_eq!(decode(&[], family, ByteOrder::Little), Some(()));
    }
    // An entry that says that it has no length would never end.
    assert_eq!(decode(&[0; 256], IPV4, ByteOrder::Little), None);
}

#[test]
fn ends_refusals_and_interruptions_are_told_apart() {
    let step = |kind: u16, flags: u16, of: u32, body: &[u8]| {
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(of.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        decode(&bytes, 7, ByteOrder::NATIVE, &mut RawForwards::default())
    };
    let refused = (-1i32).to_ne_bytes();
    assert_eq!(step(NLMSG_ERROR, 0, 7, &refused), Step::End { errno: 1 });
    assert_eq!(step(NLMSG_DONE, 0, 7, &[0; 4]), Step::End { errno: 0 });
    assert_eq!(step(NLMSG_DONE, 0x10, 7, &[0; 4]), Step::Interrupted);
    assert_eq!(step(NLMSG_DONE, 0, 8, &[0; 4]), Step::More);
    assert_eq!(
        step(NF_TABLES | NFT_MSG_NEWRULE, 0, 7, &[]),
        Step::Malformed
    );
}

/// The structures of iptables before it wrote ports in nf_tables' own way, and of the first revision.
#[test]
fn structures_of_older_iptables_are_read() {
    let be = |kind: u16, value: &[u8]| {
        let mut out = ((4 + value.len()) as u16).to_le_bytes().to_vec();
        out.extend(kind.to_le_bytes());
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    };
    let named = |name: &[u8], revision: u32, structure: &[u8]| {
        [
            be(1, name),
            be(2, &revision.to_be_bytes()),
            be(3, structure),
        ]
        .concat()
    };
    let mut conditions = rule::Conditions::default();
    let udp = [0, 0, 0xFF, 0xFF, 53, 0, 54, 0, 0, 0];
    let run = |data: &[u8], conditions: &mut rule::Conditions| {
        let asked = Extension::of_expression(data, ByteOrder::Little);
        xt::run_match(&asked, ByteOrder::Little, conditions);
    };
    run(&named(b"udp\0", 0, &udp), &mut conditions);
    assert_eq!(conditions.ports, Some(vec![(53, 54)]));
    assert!(!conditions.is_obscure);
    let not_udp = [0, 0, 0xFF, 0xFF, 53, 0, 54, 0, 2, 0];
    run(&named(b"udp\0", 0, &not_udp), &mut conditions);
    assert!(conditions.is_obscure);

    let old = [
        1, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1, 0, 80, 0, 81,
    ];
    let run = |data: &[u8]| {
        let told = Extension::of_expression(data, ByteOrder::Little);
        xt::target(&told, rule::IPV4, ByteOrder::Little)
    };
    let target = |structure: &[u8]| run(&named(b"DNAT\0", 0, structure));
    assert_eq!(
        target(&old),
        Some(rule::Target::To {
            address: Some([10, 0, 0, 1].into()),
            ports: Some((80, 81)),
            family: Some(rule::IPV4),
        })
    );
    assert_eq!(target(&old[..19]), Some(rule::Target::Obscure));
    let other = named(b"MASQUERADE\0", 0, &old);
    assert_eq!(run(&other), None);
}

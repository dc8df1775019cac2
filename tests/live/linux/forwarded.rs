//! Destination NAT as the running kernel tells it.

use std::process::Command;

use portwho::model::{Family, Protocol};
use portwho::read::linux::netfilter::read_dnat;
use portwho::read::raw::{RawForward, RawForwards};

use super::apart::on_own_network;
use crate::answer::try_run;

/// Adds a rule with a tool; an error where the tool is missing, or may not.
fn rule(tool: &str, arguments: &str) -> Result<(), String> {
    let answer = try_run(Command::new(tool).args(arguments.split(' ')));
    let answer = answer.map_err(|why| format!("{tool}: {why}"))?;
    (answer.code == Some(0)).then_some(()).ok_or(answer.stderr)
}

#[test]
fn rules_of_a_network_are_read_from_the_kernel() {
    let scene = on_own_network(|| {
        assert_eq!(read_dnat(), RawForwards::default());
        rule(
            "iptables",
            "-t nat -A PREROUTING ! -i docker0 -d 127.0.0.1 -p tcp --dport 18080 -j DNAT --to-destination 172.17.0.2:80",
        )?;
        rule(
            "iptables",
            "-t nat -A PREROUTING -p udp --dport 53:54 -j REDIRECT --to-ports 5353",
        )?;
        Ok::<_, String>(read_dnat())
    });
    let found = match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok(found) => found,
        Err(why) => skip!("no rules: {why}"),
    };
    let dnat = RawForward {
        protocol: Protocol::Tcp,
        family: Some(Family::Ipv4),
        address: Some([127, 0, 0, 1].into()),
        ports: (18080, 18080),
        to: Some([172, 17, 0, 2].into()),
        to_ports: Some((80, 80)),
    };
    let redirect = RawForward {
        protocol: Protocol::Udp,
        family: Some(Family::Ipv4),
        address: None,
        ports: (53, 54),
        to: None,
        to_ports: Some((5353, 5353)),
    };
    assert_eq!(found.forwards, [dnat, redirect]);
    assert_eq!((found.not_understood, found.refused), (0, None));
}

#[test]
fn many_rules_are_read_within_the_bound_and_said_to_be_whole_or_not() {
    let scene = on_own_network(|| {
        let rules: Vec<String> = (1..=2000)
            .map(|port| format!("add rule ip many pre tcp dport {port} dnat to 10.0.0.1:{port}"))
            .collect();
        let table = "add table ip many\nadd chain ip many pre { type nat hook prerouting priority -100; }\n";
        let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
        let script = folder.path().join("rules");
        std::fs::write(&script, format!("{table}{}\n", rules.join("\n")))
            .map_err(|why| why.to_string())?;
        rule("nft", &format!("-f {}", script.display()))?;
        Ok::<_, String>(read_dnat())
    });
    let found = match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok(found) => found,
        Err(why) => skip!("no rules: {why}"),
    };
    let count = found.forwards.len();
    assert!(
        count <= 2000 && (count == 2000) == found.refused.is_none(),
        "{count}"
    );
    assert!(
        found
            .forwards
            .iter()
            .all(|it| it.to_ports == Some(it.ports))
    );
}

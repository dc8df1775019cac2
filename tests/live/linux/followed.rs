//! Ports of services of a cluster, which rules send on by way of many chains, sets and maps.

use std::fmt::Write as _;
use std::process::Command;

use super::apart::on_own_network;
use super::forwarded::rule;
use crate::answer::{Answer, portwho, try_run};

/// The rules of so many services with two endpoints each, as kube-proxy gives them to iptables. The first
/// has the port 20000 on every node.
fn iptables_rules(services: u16) -> String {
    let mut rules = String::from(
        "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n",
    );
    for at in 0..services {
        for chain in ["EXT", "SVC", "SEA", "SEB"] {
            let _ = writeln!(rules, ":KUBE-{chain}-{at} - [0:0]");
        }
    }
    rules += "-A PREROUTING -m comment --comment \"service portals\" -j KUBE-SERVICES\n\
              -A OUTPUT -m comment --comment \"service portals\" -j KUBE-SERVICES\n\
              -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000\n";
    for at in 0..services {
        let cluster = address([10, 96], at);
        let _ = writeln!(
            rules,
            "-A KUBE-SERVICES -d {cluster}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-{at}"
        );
    }
    rules += "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n";
    for at in 0..services {
        let (port, cluster) = (20000 + at, address([10, 96], at));
        let (one, two) = (address([10, 100], at), address([10, 101], at));
        let _ = write!(
            rules,
            "-A KUBE-NODEPORTS -p tcp -m comment --comment web -m tcp --dport {port} -j KUBE-EXT-{at}\n\
             -A KUBE-EXT-{at} -j KUBE-MARK-MASQ\n\
             -A KUBE-EXT-{at} -j KUBE-SVC-{at}\n\
             -A KUBE-SVC-{at} ! -s 10.10.0.0/16 -d {cluster}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ\n\
             -A KUBE-SVC-{at} -m statistic --mode random --probability 0.5 -j KUBE-SEA-{at}\n\
             -A KUBE-SVC-{at} -j KUBE-SEB-{at}\n\
             -A KUBE-SEA-{at} -s {one}/32 -j KUBE-MARK-MASQ\n\
             -A KUBE-SEA-{at} -p tcp -m tcp -j DNAT --to-destination {one}:8080\n\
             -A KUBE-SEB-{at} -s {two}/32 -j KUBE-MARK-MASQ\n\
             -A KUBE-SEB-{at} -p tcp -m tcp -j DNAT --to-destination {two}:8080\n"
        );
    }
    rules + "COMMIT\n"
}

fn address([first, second]: [u8; 2], at: u16) -> String {
    let [third, fourth] = at.to_be_bytes();
    format!("{first}.{second}.{third}.{fourth}")
}

/// The same as kube-proxy gives them to nft.
fn nft_rules(services: u16) -> String {
    let elements = |one: &dyn Fn(u16) -> String| {
        let all: Vec<String> = (0..services).map(one).collect();
        all.join(", ")
    };
    let ports = elements(&|at| format!("tcp . {} : goto external-{at}", 20000 + at));
    let addresses =
        elements(&|at| format!("{} . tcp . 80 : goto service-{at}", address([10, 96], at)));
    let mut rules = format!(
        "table ip kube-proxy {{\n\
         map nodeports {{\ntype inet_proto . inet_service : verdict;\nelements = {{ {ports} }}\n}}\n\
         map ips {{\ntype ipv4_addr . inet_proto . inet_service : verdict;\n\
         elements = {{ {addresses} }}\n}}\n\
         chain mark-packet {{\nmeta mark set meta mark or 0x4000\n}}\n"
    );
    for at in 0..services {
        for (end, network) in [("a", [10, 100]), ("b", [10, 101])] {
            let to = address(network, at);
            let _ = writeln!(
                rules,
                "chain endpoint-{at}{end} {{\nip saddr {to} jump mark-packet\n\
                 meta l4proto tcp dnat to {to}:8080\n}}"
            );
        }
        let _ = writeln!(
            rules,
            "chain service-{at} {{\n\
             numgen random mod 2 vmap {{ 0 : goto endpoint-{at}a, 1 : goto endpoint-{at}b }}\n}}\n\
             chain external-{at} {{\njump mark-packet\ngoto service-{at}\n}}"
        );
    }
    rules
        + "chain services {\n\
           ip daddr . meta l4proto . th dport vmap @ips\n\
           fib daddr type local meta l4proto . th dport vmap @nodeports\n}\n\
           chain pre {\ntype nat hook prerouting priority -100;\njump services\n}\n\
           chain out {\ntype nat hook output priority -100;\njump services\n}\n}\n"
}

/// Has a tool read rules from a file.
fn load(tool: &str, arguments: &[&str], rules: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    let file = folder.path().join("rules");
    std::fs::write(&file, rules).map_err(|why| why.to_string())?;
    let answer = try_run(Command::new(tool).args(arguments).arg(&file));
    let answer = answer.map_err(|why| format!("{tool}: {why}"))?;
    (answer.code == Some(0)).then_some(()).ok_or(answer.stderr)
}

/// Loads the rules of so many services by one of the three ways.
fn load_services(way: &str, services: u16) -> Result<(), String> {
    match way {
        "nft" => load("nft", &["-f"], &nft_rules(services)),
        tool => load(tool, &[], &iptables_rules(services)),
    }
}

const WAYS: [&str; 3] = ["iptables-nft-restore", "iptables-legacy-restore", "nft"];

/// Runs a scene on a network of its own; an error where there is none, or a tool is missing.
fn scene<T: Send>(run: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    let scene = on_own_network(run);
    scene.map_err(|why| why.to_string()).and_then(|it| it)
}

/// Where an answer says that a port is sent.
fn targets(answer: &Answer) -> Vec<String> {
    let document = answer.json();
    let forwards = document["forwards"].as_array().unwrap();
    let to = forwards.iter().map(|one| one["to"].as_str().unwrap());
    to.map(str::to_owned).collect()
}

#[test]
fn every_endpoint_of_a_port_of_a_service_is_named_in_each_verb() {
    for way in WAYS {
        let told = scene(|| {
            load_services(way, 3)?;
            Ok([
                portwho(&[":20001", "--json"]),
                portwho(&["why", ":20001", "--json"]),
                portwho(&[":20001"]),
                portwho(&["why", ":20001"]),
                portwho(&["map", ":20001"]),
                portwho(&["wait", ":20001", "--timeout", "1ms"]),
                portwho(&["check", "20001", "--json"]),
                portwho(&["free", "20001"]),
                portwho(&["free", "20000-20003"]),
                portwho(&[":20003", "--json"]),
                portwho(&["10.96.0.1:80", "--json"]),
                portwho(&["10.96.0.1:20001", "--json"]),
            ])
        });
        let told = match told {
            Ok(told) => told,
            Err(why) => skip!("no rules of {way}: {why}"),
        };
        let [
            list,
            why,
            list_page,
            why_page,
            map,
            wait,
            check,
            none,
            free,
            other,
            cluster,
            no_node,
        ] = &told;
        let endpoints = ["10.100.0.1:8080", "10.101.0.1:8080"];
        for answer in [list, why, cluster] {
            assert_eq!(targets(answer), endpoints, "{way} {answer:?}");
            assert_eq!(answer.json()["complete"], true, "{way} {answer:?}");
        }
        let codes = (list.code, why.code, other.code);
        assert_eq!(codes, (Some(1), Some(0), Some(1)), "{way}");
        for answer in [list_page, map, wait] {
            assert_eq!(answer.code, Some(1), "{way} {answer:?}");
            for to in endpoints {
                let note = format!("a DNAT rule sends :20001/tcp to {to}\n");
                assert!(answer.stderr.contains(&note), "{way} {answer:?}");
            }
        }
        let nothing = "no socket has port 20001";
        assert!(list_page.stderr.contains(nothing), "{list_page:?}");
        for to in endpoints {
            assert!(why_page.stdout.contains(to), "{way} {why_page:?}");
        }
        // A rule keeps no server from binding, but takes its packets.
        assert_eq!(check.code, Some(0), "{way} {check:?}");
        let check = check.json();
        let warnings = check["checks"][0]["warnings"].as_array().unwrap();
        let is_diverted = warnings.iter().any(|one| one["code"] == "diverted");
        assert!(is_diverted, "{way} {check:#}");
        // It could be bound, and nothing would come to it.
        assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""), "{way}");
        assert_eq!(
            (free.code, free.stdout.as_str()),
            (Some(0), "20003\n"),
            "{way} {free:?}"
        );
        for answer in [other, no_node] {
            assert_eq!(targets(answer), [""; 0], "{way} {answer:?}");
        }
    }
}

#[test]
fn a_node_with_three_thousand_services_is_answered() {
    for way in WAYS {
        let told = scene(|| {
            load_services(way, 3000)?;
            Ok([":22999", ":23000"].map(|port| portwho(&[port, "--json"])))
        });
        let [last, unused] = match told {
            Ok(told) => told,
            Err(why) => skip!("no rules of {way}: {why}"),
        };
        let endpoints = ["10.100.11.183:8080", "10.101.11.183:8080"];
        assert_eq!(targets(&last), endpoints, "{way}");
        for answer in [last, unused] {
            assert_eq!(answer.code, Some(1), "{way} {answer:?}");
            assert_eq!(answer.json()["complete"], true, "{way} {answer:?}");
        }
    }
}

/// What rules ask by arithmetic may be met by any port.
#[test]
fn rules_that_are_not_understood_leave_a_port_unknown_in_every_verb() {
    const NFT: &str = "add table ip t\n\
                       add chain ip t pre { type nat hook prerouting priority -100; }\n\
                       add rule ip t pre tcp dport & 1 == 1 dnat to 10.0.0.1:80\n";
    const U32: &str =
        "-t nat -A PREROUTING -p tcp -m u32 --u32 6&0xFF=6 -j DNAT --to-destination 10.0.0.1";
    for tool in ["nft", "iptables-nft", "iptables-legacy"] {
        let told = scene(|| {
            match tool {
                "nft" => load("nft", &["-f"], NFT)?,
                tool => rule(tool, U32)?,
            }
            Ok([
                portwho(&["tcp:8081", "--json"]),
                portwho(&["tcp:8081"]),
                portwho(&["why", "tcp:8081"]),
                portwho(&["map", "tcp:8081"]),
                portwho(&["wait", "tcp:8081", "--timeout", "1ms"]),
                portwho(&["wait", "tcp:8081", "--timeout", "1ms", "--json"]),
                portwho(&["udp:8081"]),
                portwho(&["check", "tcp:8081", "--json"]),
            ])
        });
        let told = match told {
            Ok(told) => told,
            Err(why) => skip!("no rules of {tool}: {why}"),
        };
        let [list, page, why, map, wait, waited, udp, check] = &told;
        for answer in [list, waited] {
            assert_eq!(answer.code, Some(3), "{tool} {answer:?}");
            let document = answer.json();
            assert_eq!(document["complete"], false, "{tool} {document:#}");
            let mut notes = document["notes"].as_array().unwrap().iter();
            assert!(notes.any(|note| note["code"] == "rules-unread"), "{tool}");
        }
        for answer in [page, why, map, wait] {
            assert_eq!(answer.code, Some(3), "{tool} {answer:?}");
            let note = "have one that is not understood";
            assert_eq!(answer.stderr.matches(note).count(), 1, "{tool} {answer:?}");
        }
        assert_eq!((udp.code, check.code), (Some(1), Some(0)), "{tool} {udp:?}");
        let check = check.json();
        let mut warnings = check["checks"][0]["warnings"].as_array().unwrap().iter();
        let is_told = warnings.any(|one| one["code"] == "may-be-diverted");
        assert!(is_told, "{tool} {check:#}");
    }
}

/// Rules that lead to each other again and again are given up, and not taken for none.
#[test]
fn more_rules_than_can_be_followed_are_not_taken_for_none() {
    let mut rules = String::from("table ip t {\nchain c14 {\ntcp dport 1 accept\n}\n");
    for at in (1..14).rev() {
        let next = at + 1;
        let jumps = format!("ip saddr 10.0.0.1 jump c{next}\n").repeat(4);
        let _ = writeln!(rules, "chain c{at} {{\n{jumps}}}");
    }
    rules += "chain pre {\ntype nat hook prerouting priority -100;\njump c1\n}\n}\n";
    let told = scene(|| {
        load("nft", &["-f"], &rules)?;
        Ok(portwho(&["tcp:8081", "--json"]))
    });
    match told {
        Ok(answer) => {
            assert_eq!(answer.code, Some(3), "{answer:?}");
            assert_eq!(answer.json()["complete"], false, "{answer:?}");
        }
        Err(why) => skip!("no such rules: {why}"),
    }
}

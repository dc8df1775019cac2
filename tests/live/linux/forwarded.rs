//! Destination NAT as the running kernel tells it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use portwho::model::{Destinations, Diverter, Family, Protocol};
use portwho::read::linux::netfilter::read;
use portwho::read::raw::{RawForward, RawForwards};

use super::apart::{ip, on_own_network};
use super::held::{Held, NOBODY, is_root, open_folder, portwho_for_all};
use super::scenes;
use crate::answer::{Answer, portwho, try_run};
use crate::scene;

/// Adds a rule with a tool; an error where the tool is missing, or may not.
pub fn rule(tool: &str, arguments: &str) -> Result<(), String> {
    let answer = try_run(Command::new(tool).args(arguments.split(' ')));
    let answer = answer.map_err(|why| format!("{tool}: {why}"))?;
    (answer.code == Some(0)).then_some(()).ok_or(answer.stderr)
}

/// Where every port is sent.
fn read_all() -> RawForwards {
    read(&Destinations::everywhere())
}

#[test]
fn rules_of_a_network_are_read_from_the_kernel() {
    let scene = on_own_network(|| {
        assert_eq!(read_all(), RawForwards::default());
        rule(
            "iptables",
            "-t nat -A PREROUTING ! -i docker0 -d 127.0.0.1 -p tcp --dport 18080 -j DNAT --to-destination 172.17.0.2:80",
        )?;
        rule(
            "iptables",
            "-t nat -A PREROUTING -p udp --dport 53:54 -j REDIRECT --to-ports 5353",
        )?;
        Ok::<_, String>(read_all())
    });
    let found = match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok(found) => found,
        Err(why) => skip!("no rules: {why}"),
    };
    let dnat = RawForward {
        protocol: Protocol::Tcp,
        family: Some(Family::Ipv4),
        address: Some([127, 0, 0, 1].into()),
        among: Vec::new(),
        ports: (18080, 18080),
        to: Some([172, 17, 0, 2].into()),
        to_last: None,
        to_ports: Some((80, 80)),
        by: Diverter::Dnat,
    };
    let redirect = RawForward {
        protocol: Protocol::Udp,
        address: None,
        ports: (53, 54),
        to: None,
        to_ports: Some((5353, 5353)),
        ..dnat.clone()
    };
    assert_eq!(found.forwards, [dnat, redirect]);
    assert_eq!((found.doubts, found.refused), (Vec::new(), None));
}

/// The same rules by the older interface of the kernel, over IPv4 and IPv6, and both at once.
#[test]
fn rules_of_iptables_legacy_are_read_as_those_of_nf_tables() {
    const RULES: [(&str, &str); 8] = [
        (
            "iptables",
            "-t nat -A PREROUTING ! -i docker0 -d 127.0.0.1 -p tcp -m tcp --dport 18080 -j DNAT --to-destination 172.17.0.2:80",
        ),
        (
            "iptables",
            "-t nat -A PREROUTING -p tcp -m multiport --dports 80,8000:8010 -m comment --comment several -j DNAT --to-destination 10.88.0.2",
        ),
        (
            "ip6tables",
            "-t nat -A PREROUTING -d fd00::1 -p tcp -m tcp --dport 18081 -j DNAT --to-destination [fd00::2]:80",
        ),
        (
            "ip6tables",
            "-t nat -A PREROUTING -p udp -m udp --dport 18082 -j REDIRECT --to-ports 8082",
        ),
        (
            "iptables",
            "-t nat -A PREROUTING -d 10.5.0.1 ! -p icmp -j DNAT --to-destination 10.6.0.1",
        ),
        (
            "ip6tables",
            "-t nat -A PREROUTING ! -d fd00::1 -p tcp -m tcp --dport 81 -j DNAT --to-destination [fd00::2]:80",
        ),
        (
            "iptables",
            "-t nat -A PREROUTING -d 10.7.0.1 -j NETMAP --to 10.8.0.1",
        ),
        // Not understood.
        (
            "iptables",
            "-t nat -A PREROUTING -p tcp --dport 90 -m u32 --u32 6&0xFF=6 -j DNAT --to-destination 10.6.0.1",
        ),
    ];
    let read = |kinds: &'static [&'static str]| {
        let scene = on_own_network(|| {
            for kind in kinds {
                for (tool, arguments) in RULES {
                    rule(&format!("{tool}-{kind}"), arguments)?;
                }
            }
            Ok::<_, String>(read_all())
        });
        scene.map_err(|why| why.to_string()).and_then(|it| it)
    };
    let [of_nft, of_legacy, of_both] = match [&["nft"][..], &["legacy"], &["nft", "legacy"]]
        .map(read)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
    {
        Ok(found) => <[_; 3]>::try_from(found).unwrap(),
        Err(why) => skip!("no rules: {why}"),
    };
    let dports: Vec<_> = of_legacy.forwards.iter().map(|it| it.ports).collect();
    for port in [18080, 80, 8000, 18081, 18082] {
        assert!(
            dports.iter().any(|(first, _)| *first == port),
            "{port} {of_legacy:#?}"
        );
    }
    assert_eq!(of_legacy.doubts.len(), 1, "{of_legacy:#?}");
    assert_eq!((&of_legacy, &of_legacy.refused), (&of_nft, &None));
    // What both say is said once.
    assert_eq!(of_both, of_nft);
}

#[test]
fn rules_of_one_family_are_not_told_of_the_other() {
    let scene = on_own_network(|| {
        for (tool, port) in [("iptables", 8084), ("ip6tables", 8086)] {
            let redirect = "-j REDIRECT --to-ports 1";
            rule(
                tool,
                &format!("-t nat -A PREROUTING -p tcp --dport {port} {redirect}"),
            )?;
        }
        let count = |arguments: &[&str]| {
            let answer = portwho(&[arguments, &["--json"]].concat());
            answer.json()["forwards"].as_array().map(Vec::len)
        };
        Ok::<_, String>([
            (count(&[":8084"]), 1),
            (count(&["127.0.0.1:8084"]), 1),
            (count(&["-4", ":8084"]), 1),
            (count(&["localhost:8084"]), 1),
            (count(&["[::1]:8084"]), 0),
            (count(&["-6", ":8084"]), 0),
            (count(&[":8086"]), 1),
            (count(&["[::1]:8086"]), 1),
            (count(&["127.0.0.1:8086"]), 0),
            (count(&["-4", ":8086"]), 0),
        ])
    });
    let counts = match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok(counts) => counts,
        Err(why) => skip!("no rules: {why}"),
    };
    for (count, expected) in counts {
        assert_eq!(count, Some(expected), "{counts:?}");
    }
}

/// Asking for a table that is not in use would load it.
#[test]
fn a_table_of_iptables_legacy_that_is_not_in_use_stays_so() {
    const NAMES: &str = "/proc/thread-self/net/ip_tables_names";
    let scene = on_own_network(|| {
        rule("iptables-legacy", "-t filter -L")?;
        let found = read_all();
        let names = std::fs::read_to_string(NAMES).map_err(|why| format!("{NAMES}: {why}"))?;
        Ok::<_, String>((found, names))
    });
    match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok((found, names)) => {
            assert_eq!(found, RawForwards::default());
            assert_eq!(names, "filter\n");
        }
        Err(why) => skip!("no rules: {why}"),
    }
}

/// A process that listens on 10.99.0.2 on a network of its own, and its port.
fn far_listener() -> Result<(Held, u16), String> {
    let scene = on_own_network(|| {
        ip(&["address", "add", "10.99.0.2/32", "dev", "lo"])?;
        let listener = std::net::TcpListener::bind("10.99.0.2:0")?;
        let port = scene::port(&listener);
        Ok::<_, std::io::Error>((Held::sleep(listener), port))
    });
    scene.and_then(|it| it).map_err(|why| why.to_string())
}

/// What `why` tells of a listener on every address, past which a rule takes packets.
fn why_diverted(to: u16, arguments: &[&str]) -> Result<(Answer, u16), String> {
    let scene = on_own_network(|| {
        let listener = std::net::TcpListener::bind("0.0.0.0:0").map_err(|why| why.to_string())?;
        let port = scene::port(&listener);
        rule(
            "iptables",
            &format!(
                "-t nat -A PREROUTING -p tcp --dport {port} -j DNAT --to-destination 10.99.0.2:{to}"
            ),
        )?;
        let selector = format!("tcp:{port}");
        Ok((
            portwho(&[&["why", selector.as_str()], arguments].concat()),
            port,
        ))
    });
    scene.map_err(|why| why.to_string()).and_then(|it| it)
}

#[test]
fn a_rule_is_told_of_a_port_that_a_socket_has_too() {
    let (page, port) = match why_diverted(80, &[]) {
        Ok(told) => told,
        Err(why) => skip!("no rules: {why}"),
    };
    assert_eq!(page.code, Some(0), "{page:?}");
    let told = format!(
        "  rule        a DNAT rule sends :{port}/tcp to 10.99.0.2:80: packets that match it go \
         there, not to this socket"
    );
    assert!(page.stdout.lines().any(|line| line == told), "{page:?}");
    assert!(page.stdout.contains("held by"), "{page:?}");
    assert!(
        page.stdout.contains("portwho --all-netns :80\n"),
        "{page:?}"
    );
    let (document, port) = why_diverted(80, &["--json"]).unwrap();
    let document = document.json();
    assert_eq!(document["forwards"][0]["port"], port, "{document:#}");
    assert_eq!(document["forwards"][0]["to"], "10.99.0.2:80");
    assert_eq!(document["holders"].as_array().unwrap().len(), 1);
}

#[test]
fn who_listens_behind_a_rule_is_named_where_every_network_is_looked_into() {
    let (held, far) = match far_listener() {
        Ok(scene) => scene,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let (page, _) = match why_diverted(far, &["--all-netns"]) {
        Ok(told) => told,
        Err(why) => skip!("no rules: {why}"),
    };
    let told = format!("sleep (pid {}) listens there, in netns ", held.pid());
    assert!(page.stdout.contains(&told), "{page:?}");
    let next = format!("portwho why --all-netns :{far}\n");
    assert!(page.stdout.contains(&next), "{page:?}");
    let (document, _) = why_diverted(far, &["--all-netns", "--json"]).unwrap();
    let listener = &document.json()["forwards"][0]["listener"];
    assert_eq!(listener["owners"][0]["pid"], held.pid(), "{listener:#}");
}

/// Its cost must not grow.
#[test]
fn a_listing_of_a_port_that_a_socket_has_does_not_look_at_rules() {
    let scene = on_own_network(|| {
        let (_held, port) = scenes::listening_process();
        rule(
            "iptables",
            &format!("-t nat -A PREROUTING -p tcp --dport {port} -j REDIRECT --to-ports 1"),
        )?;
        Ok::<_, String>(portwho(&[&format!("tcp:{port}"), "--json"]).json())
    });
    match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok(document) => assert_eq!(document["forwards"], serde_json::json!([])),
        Err(why) => skip!("no rules: {why}"),
    }
}

#[test]
fn an_ordinary_user_is_told_of_unread_rules_only_where_packets_are_sent_on() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let folder = open_folder();
    let program = portwho_for_all(&folder);
    const SWITCHES: [&str; 3] = [
        "ipv4/ip_forward",
        "ipv4/conf/all/route_localnet",
        "ipv6/conf/all/forwarding",
    ];
    // A namespace has them as the one where it was made.
    let turn = |on: Option<&str>| {
        SWITCHES.into_iter().try_for_each(|switch| {
            let value = if on == Some(switch) { "1" } else { "0" };
            let path = Path::new("/proc/sys/net").join(switch);
            if !path.exists() && on.is_none() {
                return Ok(());
            }
            std::fs::write(path, value).map_err(|why| format!("{switch}: {why}"))
        })
    };
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir("/");
        try_run(command.uid(NOBODY).gid(NOBODY)).map_err(|why| why.to_string())
    };
    let scene = on_own_network(|| {
        let rest = "-j DNAT --to-destination 10.99.0.2:80";
        rule(
            "iptables",
            &format!("-t nat -A PREROUTING -p tcp --dport 8080 {rest}"),
        )?;
        turn(None)?;
        let mut told = vec![(None, ask(&[":8080"])?, ask(&["why", ":8080"])?)];
        for switch in &SWITCHES[..2] {
            turn(Some(switch))?;
            told.push((Some(*switch), ask(&[":8080"])?, ask(&["why", ":8080"])?));
        }
        Ok::<_, String>(told)
    });
    let told = match scene.map_err(|why| why.to_string()).and_then(|it| it) {
        Ok(told) => told,
        Err(why) => skip!("no rules: {why}"),
    };
    for (switch, list, why) in told {
        let has_note = |answer: &Answer, way: &str| answer.stderr.contains(way);
        let is_told = switch.is_some();
        // Without a sign of such rules there is nothing; with one that cannot be told.
        let (code, nothing) = match is_told {
            false => (Some(1), "portwho: nothing uses port 8080\n"),
            true => (Some(3), "portwho: cannot tell: no socket has port 8080"),
        };
        assert_eq!((list.code, why.code), (code, code), "{list:?} {why:?}");
        assert!(list.stderr.contains(nothing), "{list:?}");
        assert_eq!(
            has_note(&list, "'sudo portwho :8080'"),
            is_told,
            "{switch:?} {list:?}"
        );
        assert_eq!(
            has_note(&why, "'sudo portwho why :8080'"),
            is_told,
            "{switch:?} {why:?}"
        );
        assert_eq!(
            list.stderr.lines().count(),
            1 + usize::from(is_told),
            "{list:?}"
        );
    }
}

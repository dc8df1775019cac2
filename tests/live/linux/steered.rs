//! Ports whose packets are handed to other sockets by TPROXY rules.

use super::apart::on_own_network;
use super::forwarded::rule;
use crate::answer::portwho;

#[test]
fn the_port_to_which_a_tproxy_rule_hands_packets_is_named() {
    const IPTABLES: &[&str] =
        &["-t mangle -A PREROUTING -p tcp --dport 7802 -j TPROXY --on-port 7801 --tproxy-mark 1/1"];
    const NFT: &[&str] = &[
        "add table ip t",
        "add chain ip t pre { type filter hook prerouting priority -150 ; }",
        "add rule ip t pre tcp dport 7802 tproxy to :7801 meta mark set 1 accept",
    ];
    for (tool, rules) in [
        ("iptables-nft", IPTABLES),
        ("iptables-legacy", IPTABLES),
        ("nft", NFT),
    ] {
        let told = on_own_network(|| {
            rules.iter().try_for_each(|words| rule(tool, words))?;
            Ok::<_, String>([
                portwho(&["tcp:7802"]),
                portwho(&["tcp:7802", "--json"]),
                portwho(&["why", "tcp:7802"]),
                portwho(&["check", "7802"]),
                portwho(&["tcp:7803"]),
            ])
        });
        let told = match told.map_err(|why| why.to_string()).and_then(|it| it) {
            Ok(told) => told,
            Err(why) => skip!("no rules of {tool}: {why}"),
        };
        let [list, document, why, check, other] = told;
        let rule = "a TPROXY rule sends :7802/tcp to this machine, port 7801\n";
        assert_eq!(list.code, Some(1), "{tool} {list:?}");
        assert!(list.stderr.contains(rule), "{tool} {list:?}");
        let forward = &document.json()["forwards"][0];
        assert_eq!(forward["by"], "tproxy", "{tool} {document:?}");
        assert_eq!(why.code, Some(0), "{tool} {why:?}");
        assert!(why.stdout.starts_with(rule), "{tool} {why:?}");
        assert!(why.stdout.contains("portwho why :7801\n"), "{tool} {why:?}");
        assert_eq!(check.code, Some(0), "{tool} {check:?}");
        assert!(check.stdout.contains("sent elsewhere"), "{tool} {check:?}");
        assert_eq!(other.code, Some(1), "{tool} {other:?}");
        assert!(!other.stderr.contains("TPROXY"), "{tool} {other:?}");
    }
}

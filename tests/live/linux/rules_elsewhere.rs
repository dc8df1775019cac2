//! Rules of the packet filter in network namespaces that the reader does not live in.

use super::apart::on_own_network;
use super::forwarded::rule;
use super::held::Held;
use crate::answer::portwho;
use crate::scene;

/// A process that keeps a network of its own alive, where a rule sends a port that nothing listens on to
/// another one, and both.
fn far_rule() -> Result<(Held, u16), String> {
    let scene = on_own_network(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let unused = std::net::TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let port = scene::port(&unused);
        let rest = "-j REDIRECT --to-ports 1";
        rule(
            "iptables",
            &format!("-t nat -A PREROUTING -p tcp --dport {port} {rest}"),
        )?;
        Ok((Held::sleep(listener), port))
    });
    scene.map_err(|why| why.to_string()).and_then(|it| it)
}

#[test]
fn rules_of_other_networks_are_read_where_every_one_is_looked_into() {
    let (_held, port) = match far_rule() {
        Ok(scene) => scene,
        Err(why) => skip!("no rules: {why}"),
    };
    let scene = on_own_network(|| {
        let sent = format!("tcp:{port}");
        [
            portwho(&["--all-netns", &sent]),
            portwho(&["map", "--all-netns", &sent]),
            portwho(&["why", "--all-netns", &sent]),
            portwho(&["--all-netns", &sent, "--json"]),
            portwho(&[&sent]),
        ]
    });
    let [list, map, why, document, own] = match scene {
        Ok(answers) => answers,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let rule = format!("a DNAT rule sends :{port}/tcp to this machine, port 1\n");
    for (answer, text) in [
        (&list, &list.stderr),
        (&map, &map.stderr),
        (&why, &why.stdout),
    ] {
        assert!(text.contains("in netns "), "{answer:?}");
        assert!(text.contains(&rule), "{answer:?}");
    }
    assert!(
        why.stdout.contains("portwho why --all-netns :1\n"),
        "{why:?}"
    );
    let document = document.json();
    assert_eq!(document["forwards"][0]["port"], port, "{document:#}");
    assert!(document["forwards"][0]["netns"].is_u64(), "{document:#}");
    assert_eq!(own.code, Some(1), "{own:?}");
    assert!(!own.stderr.contains("DNAT"), "{own:?}");
}

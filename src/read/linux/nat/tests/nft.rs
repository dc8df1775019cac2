//! Rules of nft itself, with its sets and maps.

use super::*;

#[test]
fn rules_that_nft_wrote_are_followed() {
    let expected: [(u16, &[&str]); 24] = [
        (
            18080,
            &[
                "tcp ipv4 127.0.0.1 18080 -> 172.17.0.2 80",
                "tcp ipv4 * 18080 -> 10.0.0.94 94",
            ],
        ),
        (7005, &["tcp ipv4 * 7005 -> 10.88.0.3 *"]),
        (81, &["tcp ipv4 * 81 -> * 8081"]),
        (91, &["tcp ipv4 * 91 -> * *"]),
        (83, &["tcp ipv4 * 83 -> 10.0.0.83 83"]),
        (
            85,
            &[
                "tcp ipv4 * 85 -> 10.0.0.85 85",
                "udp ipv4 * 85 -> 10.0.0.85 85",
            ],
        ),
        // By maps from ports to addresses.
        (86, &["tcp ipv4 * 86 -> 10.0.0.86 *"]),
        (30008, &["tcp ipv4 * 30008 -> 10.0.0.8 *"]),
        (99, &["tcp ipv4 127.0.0.1 99 -> 10.0.0.99 9999"]),
        (
            88,
            &[
                "tcp ipv4 [(10.0.0.0, 10.255.255.255)] 88 -> 10.0.0.88 88",
                "tcp ipv4 [(0.0.0.0, 9.255.255.255), (11.0.0.0, 255.255.255.255)] 88 -> 10.0.0.94 94",
            ],
        ),
        (
            90,
            &[
                "tcp ipv4 [(10.16.0.0, 10.31.255.255)] 90 -> 10.0.0.90 90",
                "tcp ipv4 [(0.0.0.0, 10.15.255.255), (10.32.0.0, 255.255.255.255)] 90 -> 10.0.0.94 94",
            ],
        ),
        (
            92,
            &[
                "tcp ipv4 * 92 -> 10.0.0.92 92",
                "tcp ipv4 * 92 -> 10.0.0.94 94",
            ],
        ),
        (93, &["tcp ipv4 * 93 -> 10.0.0.93 9300-9310"]),
        // Arithmetic on a port is not understood.
        (97, &["?tcp ipv4 * 97 -> 10.0.0.97 97"]),
        // Within intervals of a set, and between two.
        (40005, &["tcp ipv4 * 40005 -> 10.0.0.40 40"]),
        (40015, &["tcp ipv4 * 40015 -> 10.0.0.94 94"]),
        (65100, &["tcp ipv4 * 65100 -> 10.0.0.65 *"]),
        (65535, &["tcp ipv4 * 65535 -> 10.0.0.95 95"]),
        (98, &["tcp ipv4 * 98 -> 10.0.0.98 *"]),
        // Accepted before a rule that would send it elsewhere, and left out of it.
        (95, &[]),
        (94, &[]),
        (
            18084,
            &[
                "tcp ipv4 * 18084 -> 10.0.0.94 94",
                "udp ipv6 fd00::1 18084 -> fd00::2 53",
            ],
        ),
        // Of both families.
        (
            18086,
            &["tcp ipv4 * 18086 -> 10.0.0.94 94", "udp * * 18086 -> * 86"],
        ),
        (
            18087,
            &[
                "tcp ipv4 * 18087 -> 10.0.0.94 94",
                "tcp ipv6 [(fd00::, fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff)] 18087 -> * 87",
            ],
        ),
    ];
    assert_sent(|asked| follow_recorded(NFT, asked), &expected);
}

/// As kube-proxy writes it, and what else maps can lead to.
#[test]
fn verdict_maps_are_followed_to_every_endpoint() {
    const BESIDE_LOOPBACK: &str = "[(0.0.0.0, 126.255.255.255), (128.0.0.0, 255.255.255.255)]";
    let (of_a, of_b) = (
        format!("tcp ipv4 {BESIDE_LOOPBACK} 31005 -> 10.10.0.8 8080"),
        format!("tcp ipv4 {BESIDE_LOOPBACK} 31011 -> 10.10.0.9 8080"),
    );
    let expected: [(u16, &[&str]); 11] = [
        (
            30007,
            &[
                "tcp ipv4 * 30007 -> 10.10.0.8 8080",
                "tcp ipv4 * 30007 -> 10.10.0.9 8080",
            ],
        ),
        (30053, &["udp ipv4 * 30053 -> 10.10.0.3 53"]),
        (
            80,
            &[
                "tcp ipv4 10.96.0.8 80 -> 10.10.0.8 8080",
                "tcp ipv4 10.96.0.8 80 -> 10.10.0.9 8080",
            ],
        ),
        (31005, &[&of_a]),
        (31011, &[&of_b]),
        (31012, &[]),
        (
            32050,
            &["tcp ipv4 [(10.0.0.0, 10.255.255.255)] 32050 -> 10.10.0.9 8080"],
        ),
        // Dropped, sent back to the calling chain, and none of both.
        (33000, &[]),
        (33001, &["tcp ipv4 * 33001 -> 10.10.0.9 8080"]),
        (33002, &["tcp ipv4 * 33002 -> 10.10.0.8 8080"]),
        // Of what leaves this machine alone.
        (34000, &["tcp ipv4 * 34000 -> 10.0.0.34 *"]),
    ];
    assert_sent(|asked| follow_recorded(KUBE, asked), &expected);
    // A question for all ports finds what those for each of them find.
    let all = follow_recorded(KUBE, &Destinations::everywhere()).unwrap();
    assert_eq!(all.forwards.len(), 11, "{:#?}", words(&all));
}

//! Command lines of programs that pass connections on, and where to.

use super::*;

/// Words part at spaces; `|` stands for a space within a word.
#[track_caller]
fn goes(command: &str, local: &str, expected: &str) {
    let words = command
        .split(' ')
        .map(|word| Foreign::new(word.replace('|', " ")));
    let words: Vec<Foreign> = words.collect();
    let local: std::net::SocketAddr = local.parse().unwrap();
    let local = Endpoint::new(local.ip(), local.port());
    let forward = forwards_of(words[0].base_name(), &words, &local);
    let to = forward.as_ref().map_or("", |forward| forward.to.unclean());
    assert_eq!(to, expected, "{command} at {local:?}");
}

#[test]
fn dockers_proxy_leads_to_the_container() {
    let command = "/usr/bin/docker-proxy -proto tcp -host-ip 127.0.0.1 -host-port 18080 -container-ip 172.17.0.2 -container-port 80";
    goes(command, "127.0.0.1:18080", "172.17.0.2:80");
    goes(command, "127.0.0.1:80", "");
    goes(
        "docker-proxy -proto=udp -host-ip=:: -host-port=53 -container-ip=fd00::2 -container-port=5353 -use-listen-fd",
        "[::]:53",
        "[fd00::2]:5353",
    );
    goes("docker-proxy -host-port", "0.0.0.0:80", "");
}

#[test]
fn ssh_leads_through_its_host() {
    let command = "ssh -N -L 8080:db:5432 -L 127.0.0.1:9090:localhost:90 me@bastion";
    for (command, local, expected) in [
        (command, "127.0.0.1:8080", "db:5432 through me@bastion"),
        (command, "[::1]:8080", "db:5432 through me@bastion"),
        (command, "127.0.0.1:9090", "localhost:90 through me@bastion"),
        (command, "127.0.0.1:22", ""),
        (
            "ssh -fNL 8080:db:80 bastion",
            "127.0.0.1:8080",
            "db:80 through bastion",
        ),
        (
            "ssh -fNL8080:db:80 -l me bastion",
            "127.0.0.1:8080",
            "db:80 through me@bastion",
        ),
        (
            "ssh bastion -L 8080:db:80 -N",
            "127.0.0.1:8080",
            "db:80 through bastion",
        ),
        ("ssh bastion run -L 8080:db:80", "127.0.0.1:8080", ""),
        (
            "ssh -p 2222 -i key -L :8080:db:80 -- bastion",
            "0.0.0.0:8080",
            "db:80 through bastion",
        ),
        (
            "ssh -L *:8080:db:80 ssh://me@bastion:2222",
            "0.0.0.0:8080",
            "db:80 through me@bastion:2222",
        ),
        (
            "ssh -gL 8080:db:80 bastion",
            "0.0.0.0:8080",
            "db:80 through bastion",
        ),
        (
            "ssh -L [::1]:8080:[fd00::2]:80 bastion",
            "[::1]:8080",
            "[fd00::2]:80 through bastion",
        ),
        (
            "ssh -L 2375:/var/run/docker.sock bastion",
            "127.0.0.1:2375",
            "/var/run/docker.sock through bastion",
        ),
        ("ssh -L /tmp/x.sock:db:80 bastion", "127.0.0.1:80", ""),
        (
            "ssh -D 1080 bastion",
            "127.0.0.1:1080",
            "SOCKS proxy through bastion",
        ),
        (
            "ssh -D 0.0.0.0:1080 bastion",
            "0.0.0.0:1080",
            "SOCKS proxy through bastion",
        ),
        ("ssh -R 8080:localhost:80 bastion", "127.0.0.1:8080", ""),
        (
            "ssh -o LocalForward=8080|db:80 bastion",
            "127.0.0.1:8080",
            "db:80 through bastion",
        ),
        (
            "ssh -olocalforward|localhost:8080||db:80 bastion",
            "127.0.0.1:8080",
            "db:80 through bastion",
        ),
        (
            "ssh -o DynamicForward=1080 -o User=me bastion",
            "127.0.0.1:1080",
            "SOCKS proxy through me@bastion",
        ),
        (
            "ssh -L 127.0.0.1:80:a:1 -L 127.0.0.2:80:b:2 bastion",
            "127.0.0.2:80",
            "b:2 through bastion",
        ),
        (
            "ssh -L one:80:a:1 -L two:80:b:2 bastion",
            "127.0.0.2:80",
            "",
        ),
        ("ssh -L 8080:db:80", "127.0.0.1:8080", ""),
        ("ssh -L", "127.0.0.1:8080", ""),
        (
            "ssh -L 99999:db:80 -L x:y -L : bastion",
            "127.0.0.1:8080",
            "",
        ),
        ("ssh:|/home/me/.ssh/mux|[mux]", "127.0.0.1:8080", ""),
    ] {
        goes(command, local, expected);
    }
    let mux = [Foreign::new("ssh: /home/me/.ssh/mux [mux]")];
    let local = Endpoint::new([127, 0, 0, 1], 8080);
    assert_eq!(forwards_of("ssh", &mux, &local), None);
}

#[test]
fn kubectl_leads_to_what_it_forwards() {
    let command = "kubectl -n shop port-forward --address 0.0.0.0 svc/web 8080:80 9090";
    for (command, local, expected) in [
        (command, "0.0.0.0:8080", "svc/web:80 in namespace shop"),
        (command, "0.0.0.0:9090", "svc/web:9090 in namespace shop"),
        (command, "0.0.0.0:80", ""),
        (
            "kubectl port-forward mypod :5432",
            "127.0.0.1:41234",
            "pod/mypod:5432",
        ),
        (
            "kubectl port-forward mypod :5432 8443:https",
            "127.0.0.1:8443",
            "pod/mypod:https",
        ),
        (
            "kubectl port-forward mypod :5432 :80",
            "127.0.0.1:41234",
            "",
        ),
        (
            "kubectl port-forward --namespace=a -v 9 deployment/b 1:2",
            "[::1]:1",
            "deployment/b:2 in namespace a",
        ),
        (
            "kubectl port-forward -nshop pod/x 1:2",
            "[::1]:1",
            "pod/x:2 in namespace shop",
        ),
        ("k3s kubectl port-forward pod/x 1:2", "[::1]:1", "pod/x:2"),
        ("kubectl proxy --port=8001", "127.0.0.1:8001", ""),
        ("kubectl port-forward", "127.0.0.1:8001", ""),
    ] {
        goes(command, local, expected);
    }
}

#[test]
fn rootless_networks_lead_into_a_namespace() {
    let podman = "/usr/bin/pasta --config-net --dns-forward 169.254.1.1 -t 8080-8080:80-80 -t 127.0.0.1/7000-7010:9000-9010 -u none -T none -U none --no-map-gw --quiet --netns /run/user/1000/netns/netns-x --map-guest-addr 169.254.1.2";
    let place = "network namespace /run/user/1000/netns/netns-x";
    for (command, local, expected) in [
        (podman, "0.0.0.0:8080", format!("port 80 in {place}")),
        (podman, "127.0.0.1:7003", format!("port 9003 in {place}")),
        (podman, "127.0.0.1:7011", String::new()),
        (
            "pasta -t 8080:80",
            "[::]:8080",
            "port 80 in its network namespace".into(),
        ),
        (
            "pasta -t 80,127.0.0.1/8080:81 4711",
            "127.0.0.1:8080",
            "port 81 in the network namespace of process 4711".into(),
        ),
        (
            "pasta -t auto",
            "[::]:8080",
            "port 8080 in its network namespace".into(),
        ),
        ("pasta -t 53:1 -u 53:2", "[::]:53", String::new()),
        ("passt -t 80", "[::]:80", String::new()),
        (
            "slirp4netns --mtu=65520 -c -e 3 -r 4 --netns-type=path /run/netns/x tap0",
            "0.0.0.0:80",
            "network namespace /run/netns/x".into(),
        ),
        (
            "slirp4netns -c 4711 tap0",
            "0.0.0.0:80",
            "the network namespace of process 4711".into(),
        ),
        (
            "rootlesskit --net=slirp4netns --publish 127.0.0.1:8080:80/tcp sh",
            "127.0.0.1:8080",
            "port 80 in its network namespace".into(),
        ),
        (
            "rootlesskit -p=0.0.0.0:8080:80/tcp sh",
            "0.0.0.0:8080",
            "port 80 in its network namespace".into(),
        ),
        (
            "rootlesskit --port-driver=builtin dockerd",
            "0.0.0.0:8080",
            "its network namespace".into(),
        ),
    ] {
        goes(command, local, &expected);
    }
}

#[test]
fn other_programs_pass_nothing_on() {
    goes("nginx -L 80:a:80 b", "0.0.0.0:80", "");
    goes("sshd -L 80:a:80 b", "0.0.0.0:80", "");
}

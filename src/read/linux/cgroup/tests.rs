//! Control groups as runtimes and systemd name them.

mod claims;

use super::*;

const ID: &str = "3726184226f5d3147c25fdeab5b60097e378e8a720503a5e19ecfdf29f869860";
const INNER: &str = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d";
const POD: &str = "3d274242-8ee0-11e9-a8a6-1e68d864ef1a";

fn of_path(path: &str) -> Membership {
    let path = path.replace("$ID", ID).replace("$IN", INNER);
    parse_cgroup(format!("0::{path}\n").as_bytes())
}

/// `NAME in SLICE of MANAGER`, or nothing.
fn unit(membership: &Membership) -> String {
    membership.unit.as_ref().map_or(String::new(), |unit| {
        let slice = unit.slice.as_ref().map_or("-", Foreign::unclean);
        let name = unit.name.unclean().replace(ID, "$ID").replace(INNER, "$IN");
        format!("{name} in {slice} of {}", unit.manager.as_str())
    })
}

/// `RUNTIME ID [pod UID]`, or nothing.
fn container(found: Option<&ContainerId>) -> String {
    found.map_or(String::new(), |container| {
        let runtime = container.runtime.map_or("?", Runtime::as_str);
        let id = container.id.unclean();
        let id = id.replace(ID, "$ID").replace(INNER, "$IN");
        let pod = container.pod_uid.as_ref().map(Foreign::unclean);
        format!(
            "{runtime} {id}{}",
            pod.map(|pod| format!(" pod {pod}")).unwrap_or_default()
        )
    })
}

#[test]
fn units_of_the_system_and_of_users() {
    for (path, expected) in [
        (
            "/system.slice/nginx.service",
            "nginx.service in system.slice of system",
        ),
        (
            "/system.slice/system-getty.slice/getty@tty1.service",
            "getty@tty1.service in system-getty.slice of system",
        ),
        (
            r"/system.slice/system-postgresql.slice/postgresql@15\x2dmain.service",
            r"postgresql@15\x2dmain.service in system-postgresql.slice of system",
        ),
        (
            "/user.slice/user-1000.slice/session-2.scope",
            "session-2.scope in user-1000.slice of system",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
            "foo.service in app.slice of user",
        ),
        (
            r"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-code-4711.scope",
            "app-gnome-code-4711.scope in app.slice of user",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/init.scope",
            "init.scope in - of user",
        ),
        (
            "/user.slice/user-0.slice/user@0.service",
            "user@0.service in user-0.slice of system",
        ),
        ("/init.scope", "init.scope in - of system"),
        (
            "/system.slice/_cpu.service",
            "cpu.service in system.slice of system",
        ),
        (
            "/system.slice/old.service (deleted)",
            "old.service in system.slice of system",
        ),
        (
            "/system.slice/delegated.service/workers/3",
            "delegated.service in system.slice of system",
        ),
        ("/system.slice", ""),
        ("/", ""),
        ("/.service", ""),
        ("/system.slice/no unit.service", ""),
    ] {
        let membership = of_path(path);
        assert_eq!(unit(&membership), expected, "{path}");
        assert_eq!(membership.container, None, "{path}");
    }
}

#[test]
fn containers_of_every_runtime() {
    let pod = format!(" pod {POD}");
    for (path, expected) in [
        ("/docker/$ID", "docker $ID".into()),
        ("/system.slice/docker-$ID.scope", "docker $ID".into()),
        ("/system.slice:docker:$ID", "docker $ID".into()),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-$ID.scope",
            "docker $ID".into(),
        ),
        ("/actions_job/$ID", "docker $ID".into()),
        ("/machine.slice/libpod-$ID.scope", "podman $ID".into()),
        (
            "/machine.slice/libpod-$ID.scope/container",
            "podman $ID".into(),
        ),
        ("/libpod_parent/libpod-$ID", "podman $ID".into()),
        ("/libpod_parent/$IN/libpod-$ID", "podman $ID".into()),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-$ID.scope/container",
            "podman $ID".into(),
        ),
        (
            "/system.slice/web.service/libpod-payload-$ID",
            "podman $ID".into(),
        ),
        (
            "/machine.slice/machine-libpod_pod_$IN.slice/libpod-$ID.scope",
            "podman $ID".into(),
        ),
        (
            "/kubepods/burstable/pod3d274242-8ee0-11e9-a8a6-1e68d864ef1a/$ID",
            format!("? $ID{pod}"),
        ),
        (
            "/kubepods/besteffort/pod3d274242-8ee0-11e9-a8a6-1e68d864ef1a/crio-$ID",
            format!("cri-o $ID{pod}"),
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3d274242_8ee0_11e9_a8a6_1e68d864ef1a.slice/cri-containerd-$ID.scope",
            format!("containerd $ID{pod}"),
        ),
        (
            "/kubepods.slice/kubepods-pod3d274242_8ee0_11e9_a8a6_1e68d864ef1a.slice/docker-$ID.scope",
            format!("docker $ID{pod}"),
        ),
        (
            "/kubepods.slice/kubepods-pod3d274242_8ee0_11e9_a8a6_1e68d864ef1a.slice/crio-$ID.scope",
            format!("cri-o $ID{pod}"),
        ),
        (
            "/system.slice/containerd.service/kubepods-besteffort-pod3d274242_8ee0_11e9_a8a6_1e68d864ef1a.slice:cri-containerd:$ID",
            format!("containerd $ID{pod}"),
        ),
        (
            "/kubepods/burstable/pod5c6d3cbeb1bcf5ff0a0d0ae1a1ad5b1e/$ID",
            "? $ID pod 5c6d3cbeb1bcf5ff0a0d0ae1a1ad5b1e".into(),
        ),
        ("/system.slice/nerdctl-$ID.scope", "containerd $ID".into()),
        (
            "/ecs/haythem-ecs-cluster/5a0d5ceddf6c44c1928d367a815d890f/$ID",
            "docker $ID".into(),
        ),
        (
            "/ecs/34dc0b5e626f2c5c4c5170e34b10e765/34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
            "containerd 34dc0b5e626f2c5c4c5170e34b10e765-1234567890".into(),
        ),
        ("/lxc/web", "lxc web".into()),
        ("/lxc/101/ns/system.slice/nginx.service", "lxc 101".into()),
        (
            "/lxc.payload.web/system.slice/nginx.service",
            "lxc web".into(),
        ),
        ("/lxc.payload/web", "lxc web".into()),
        (
            r"/machine.slice/machine-my\x2dbox.scope/payload/init.scope",
            "systemd-nspawn my-box".into(),
        ),
        (
            "/machine.slice/machine-box.scope",
            "systemd-nspawn box".into(),
        ),
        (
            "/machine.slice/systemd-nspawn@box.service/payload/system.slice/ssh.service",
            "systemd-nspawn box".into(),
        ),
        ("/../../$ID", "? $ID".into()),
        ("/../cri-containerd-$ID.scope", "containerd $ID".into()),
        ("/docker/$ID/docker/$IN", "docker $ID".into()),
        ("/4711/$ID", "? $ID".into()),
    ] {
        assert_eq!(
            container(of_path(path).container.as_ref()),
            expected,
            "{path}"
        );
    }
}

#[test]
fn what_watches_a_container_is_not_in_it() {
    for path in [
        "/system.slice/docker.service",
        "/system.slice/containerd.service",
        "/machine.slice/libpod-conmon-$ID.scope",
        "/system.slice/crio-conmon-$ID.scope",
        "/system.slice/web.service/supervisor",
        "/lxc.monitor.web",
        "/lxc.monitor/101",
        "/machine.slice/machine-box.scope/supervisor",
        "/machine.slice/systemd-nspawn@box.service",
        "/machine.slice/systemd-nspawn@box.service/supervisor",
        r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator",
        "/kubepods/burstable/pod3d274242-8ee0-11e9-a8a6-1e68d864ef1a",
        "/process_api/fa9d835bfe361119e2d21d1f3c0fb6f3",
        "/docker",
        "/docker/buildx",
        "/",
    ] {
        assert_eq!(of_path(path).container, None, "{path}");
    }
}

#[test]
fn systemd_in_a_container_gives_a_unit_and_a_container() {
    let membership = of_path("/docker/$ID/system.slice/foo.service");
    assert_eq!(unit(&membership), "foo.service in system.slice of system");
    assert_eq!(container(membership.container.as_ref()), "docker $ID");
    let membership = of_path("/system.slice/web.service/libpod-payload-$ID");
    assert_eq!(unit(&membership), "web.service in system.slice of system");
}

/// The first text is that of podman's issue 10602: systemd in a container, on the hybrid layout.
#[test]
fn the_hierarchy_of_systemd_tells_the_unit() {
    let hybrid = format!(
        "12:pids:/machine.slice/libpod-{ID}.scope\n11:memory:/machine.slice/libpod-{ID}.scope\n\
         4:net_cls,net_prio:/machine.slice/libpod-{ID}.scope\n\
         1:name=systemd:/machine.slice/libpod-{ID}.scope/init.scope\n\
         0::/machine.slice/libpod-{ID}.scope\n"
    );
    let membership = parse_cgroup(hybrid.as_bytes());
    assert_eq!(unit(&membership), "init.scope in - of system");
    assert_eq!(container(membership.container.as_ref()), "podman $ID");

    let moved = b"9:memory:/system.slice/cron.service\n1:name=systemd:/\n0::/\n";
    assert_eq!(parse_cgroup(moved), Membership::default());

    let plain_docker = format!("9:name=systemd:/\n4:memory:/docker/{ID}\n0::/\n");
    let membership = parse_cgroup(plain_docker.as_bytes());
    assert_eq!(container(membership.container.as_ref()), "docker $ID");
}

#[test]
fn a_text_that_is_none_tells_nothing() {
    for text in [
        &b""[..],
        b"\n\n",
        b"0:",
        b"0::",
        b"0::docker",
        b"\xff\xfe",
        b"0::/\xff/\xfe",
        b"0:::/x",
    ] {
        assert_eq!(parse_cgroup(text), Membership::default(), "{text:?}");
    }
}

#[test]
fn mounts_tell_the_container_where_the_path_is_hidden() {
    for (lines, expected) in [
        (
            "505 496 254:1 /docker/containers/$ID/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw\n\
             506 496 254:1 /docker/containers/$ID/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n\
             507 496 254:1 /docker/containers/$ID/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw\n",
            "docker $ID".to_owned(),
        ),
        (
            "495 499 0:54 /containers/overlay-containers/$ID/userdata/.containerenv /run/.containerenv rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=792480k\n",
            "podman $ID".into(),
        ),
        (
            "2381 2253 0:318 /tmp/podman-run-1000/containers/vfs-containers/$ID/userdata/hostname /etc/hostname rw,relatime - overlay overlay rw\n",
            "podman $ID".into(),
        ),
        (
            "1 2 8:1 /var/lib/nerdctl/1935db59/containers/default/$ID/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n",
            "containerd $ID".into(),
        ),
        // The first container of the pod has these files, so they do not tell which one this is.
        (
            "1 2 8:1 /var/lib/kubelet/pods/3d274242-8ee0-11e9-a8a6-1e68d864ef1a/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n\
             1 2 8:1 /var/lib/docker/containers/$IN/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n",
            String::new(),
        ),
        (
            "1 2 8:1 /var/lib/kubelet/pods/3d274242-8ee0-11e9-a8a6-1e68d864ef1a/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n\
             1 2 0:30 /containers/storage/overlay-containers/$IN/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n\
             1 2 0:30 /containers/storage/overlay-containers/$ID/userdata/.containerenv /run/.containerenv rw - tmpfs tmpfs rw\n",
            format!("cri-o $ID pod {POD}"),
        ),
        // Somebody else's folder, mounted elsewhere.
        (
            "1 2 8:1 /var/lib/docker/containers/$ID/hostname /mnt/hostname rw - ext4 /dev/sda1 rw\n\
             1 2 8:1 / / rw - ext4 /dev/sda1 rw\n",
            String::new(),
        ),
        ("1 2 8:1", String::new()),
        ("", String::new()),
    ] {
        let text = lines.replace("$ID", ID).replace("$IN", INNER);
        let found = container_from_mountinfo(text.as_bytes());
        assert_eq!(container(found.as_ref()), expected, "{lines}");
    }
}

#[test]
fn a_container_has_a_name() {
    for path in [
        "/lxc.payload.",
        "/lxc.payload./x.service",
        "/lxc/",
        "/lxc//init.scope",
    ] {
        let found = parse_cgroup(format!("0::{path}\n").as_bytes());
        assert_eq!(found.container, None, "{path}");
    }
}

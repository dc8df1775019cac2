//! What is asked of each tool, and the table of answers.

use std::io;
use std::process::Command;

use super::measure;
use super::scene::{Scene, size};

/// A question to portwho and the same to `ss`; `:P` stands for a port with a listener, `:F` for a free one.
const TASKS: [(&str, &str, &str); 9] = [
    ("listeners with owners", "-lt", "-tlnp"),
    (
        "one listening port with owners",
        "-lt :P",
        "-tlnp sport = :P",
    ),
    ("a free port, listeners only", "-lt :F", "-tlnp sport = :F"),
    ("a free port, every state", "tcp:F", "-tlnp sport = :F"),
    ("listeners without owners", "-lt --no-owners", "-tln"),
    (
        "every TCP and UDP socket without owners",
        "-tua --no-owners",
        "-tuna",
    ),
    ("every TCP and UDP socket with owners", "-tua", "-tunap"),
    ("how full the ephemeral range is", "ephemeral", "-tan"),
    (
        "the same as JSON, with every detail",
        "-tua --json",
        "-tunap",
    ),
];

/// A port below the ephemeral range, where the scenes put nothing.
const FREE: u16 = 1;
const PAIRS: usize = 7;

/// Measures the scenes, each in namespaces of its own.
pub fn run(names: &[&str]) -> io::Result<()> {
    println!("| scene | task | CPU against `ss` | memory against `ss` | CPU, ms |");
    println!("|---|---|---|---|---|");
    for name in names {
        let status = Command::new("unshare")
            .args(["--net", "--pid", "--fork", "--mount-proc"])
            .arg(std::env::current_exe()?)
            .args(["inside", name])
            .status()?;
        if !status.success() {
            println!(
                "skipped: scene {name} could not be made ({status}): it takes root and unshare"
            );
        }
    }
    Ok(())
}

/// Builds a scene in this namespace and measures every task.
pub fn run_inside(name: &str, rest: &[&str]) -> io::Result<()> {
    let size = size(name).ok_or_else(|| io::Error::other("scenes are S, M, L and T"))?;
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status()?;
    if !up.success() {
        return Err(io::Error::other("ip(8) is missing"));
    }
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "2000 65000")?;
    let scene = Scene::build(size)?;
    if rest.contains(&"hold") {
        println!("{}", scene.port);
        std::thread::sleep(std::time::Duration::from_secs(600));
        return Ok(());
    }
    let portwho = env!("CARGO_BIN_EXE_portwho");
    for owners in ["proc", "bpf"] {
        for (task, ours, theirs) in TASKS {
            let uses_owners = !task.contains("without") && !task.contains("free");
            if owners == "bpf" && !uses_owners {
                continue;
            }
            scene.refresh()?;
            let fill = |text: &str| {
                text.replace(":P", &format!(":{}", scene.port))
                    .replace(":F", &format!(":{FREE}"))
            };
            let (ours, theirs) = (fill(ours), fill(theirs));
            let ours: Vec<&str> = [portwho].into_iter().chain(ours.split(' ')).collect();
            let theirs: Vec<&str> = ["ss"].into_iter().chain(theirs.split(' ')).collect();
            let way = [("PORTWHO_OWNERS", owners)];
            let (cpu, memory, absolute) = measure::ratio(&ours, &theirs, &way, PAIRS)?;
            let label = if owners == "bpf" { "with BPF" } else { "" };
            println!(
                "| {name} {label} | {task} | {cpu:.3} | {memory:.2} | {:.2} |",
                absolute * 1000.0
            );
        }
    }
    Ok(())
}

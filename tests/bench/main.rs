//! Pairs portwho with the tools that it stands beside, on scenes of known size.
//!
//! `cargo bench --bench against -- S M` measures those scenes and prints ratios of CPU time (user and
//! system, the whole process) as Markdown. Needs root for namespaces, and `ss`.

#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod scene;
#[cfg(target_os = "linux")]
mod tasks;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["worker", numbers @ ..] => scene::work(numbers),
        ["inside", name, rest @ ..] => tasks::run_inside(name, rest),
        [] => tasks::run(&["S"]),
        names => tasks::run(names),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the scenes are made of namespaces, which only Linux has");
}

//! Names from package manifests: a file's name and text in, the project's name out. Pure.

use std::path::PathBuf;

use serde::Deserialize;

use super::jsonc::to_json;

/// Manifests, those that tell a name before those that do not.
pub const MANIFESTS: [&str; 19] = [
    "package.json",
    "Cargo.toml",
    "pyproject.toml",
    "go.mod",
    "pom.xml",
    "composer.json",
    "deno.json",
    "deno.jsonc",
    "mix.exs",
    "pubspec.yaml",
    "settings.gradle",
    "settings.gradle.kts",
    "setup.cfg",
    "setup.py",
    "Gemfile",
    "build.gradle",
    "build.gradle.kts",
    "Pipfile",
    "requirements.txt",
];

/// Whether a file is a manifest that bears the project's name.
pub fn is_named_after_project(file: &str) -> bool {
    const ENDS: [&str; 4] = [".csproj", ".fsproj", ".vbproj", ".gemspec"];
    ENDS.iter()
        .any(|end| file.strip_suffix(end).is_some_and(|name| !name.is_empty()))
}

/// Longer names are none.
const LONGEST_NAME: usize = 256;

/// The name that a manifest gives its project.
pub fn name_of(file: &str, text: &[u8]) -> Option<String> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let text = String::from_utf8_lossy(text);
    let name = match file {
        "package.json" | "composer.json" => of_json(&text),
        // Deno takes comments in both.
        "deno.json" | "deno.jsonc" => of_json(&to_json(&text)),
        "Cargo.toml" => of_sections(&text, &["package"], '#'),
        "pyproject.toml" => of_sections(&text, &["project", "tool.poetry"], '#'),
        "setup.cfg" => of_sections(&text, &["metadata"], ';'),
        "go.mod" => of_go_mod(&text),
        "pom.xml" => of_pom(&text),
        "mix.exs" => after(&text, "app:").map(|name| name.trim_start_matches(':').to_owned()),
        "pubspec.yaml" => text
            .lines()
            .find_map(|line| unquoted(line.strip_prefix("name:")?)),
        "settings.gradle" | "settings.gradle.kts" => text.lines().find_map(|line| {
            let rest = line.trim().strip_prefix("rootProject.name")?;
            unquoted(rest.trim_start().strip_prefix('=')?)
        }),
        _ if is_named_after_project(file) => file.rsplit_once('.').map(|(name, _)| name.to_owned()),
        _ => None,
    }?;
    let name = name.trim();
    (!name.is_empty() && name.len() <= LONGEST_NAME).then(|| name.to_owned())
}

fn of_json(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    Some(serde_json::from_str::<Named>(text).ok()?.name)
}

/// The `name` of one of these sections of TOML or of an INI file; texts over several lines are passed over.
fn of_sections(text: &str, sections: &[&str], comment: char) -> Option<String> {
    let mut section = String::new();
    let mut open: Option<&str> = None;
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(quotes) = open {
            if line.matches(quotes).count() % 2 == 1 {
                open = None;
            }
            continue;
        }
        let line = line.trim();
        open = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quotes| line.matches(quotes).count() % 2 == 1);
        let bare = line.split(comment).next().unwrap_or(line).trim_end();
        if let Some(header) = bare.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = header.replace(' ', "");
        } else if let Some((key, value)) = line.split_once('=')
            && key.trim() == "name"
            && let Some(name) = unquoted(value.split(comment).next().unwrap_or(value))
        {
            found.push((section.clone(), name));
        }
    }
    sections.iter().find_map(|wanted| {
        let mut found = found.iter();
        found
            .find(|(section, _)| section == wanted)
            .map(|(_, name)| name.clone())
    })
}

/// A value without the quotes around it; `None` for none.
fn unquoted(value: &str) -> Option<String> {
    let value = value.trim();
    let quote = value.chars().next()?;
    let name = if matches!(quote, '"' | '\'') {
        value[1..].split(quote).next()?
    } else {
        value.split_whitespace().next()?
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// The word after a key, up to a comma.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix(key)?;
        rest.split(',').next().map(str::trim)
    })
}

/// The last element of the module's path, but for a major version; https://go.dev/ref/mod.
fn of_go_mod(text: &str) -> Option<String> {
    let path = text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("module")?;
        let line = rest.split("//").next().unwrap_or(rest);
        rest.starts_with([' ', '\t', '"'])
            .then(|| line.trim().trim_matches(['"', '`']))
    })?;
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut parts = path.rsplit('/');
    let last = parts.next()?;
    let name = parts.next().filter(|_| is_version(last)).unwrap_or(last);
    Some(name.to_owned())
}

/// The text of `project/artifactId`: that of the parent lies a level below.
fn of_pom(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let (skipped, end) = if let Some(body) = tag.strip_prefix("!--") {
            (body, "-->")
        } else if let Some(body) = tag.strip_prefix("![CDATA[") {
            (body, "]]>")
        } else {
            (tag, ">")
        };
        let length = skipped.find(end)?;
        let body = &skipped[..length];
        rest = &skipped[length + end.len()..];
        if end != ">" || body.starts_with(['?', '!']) || body.ends_with('/') {
            continue;
        }
        if body.starts_with('/') {
            open.pop()?;
            continue;
        }
        open.push(body.split_whitespace().next().unwrap_or(body));
        if open == ["project", "artifactId"] {
            return rest.split('<').next().map(str::to_owned);
        }
    }
    None
}

/// Mount points of file systems that may wait for another machine, from the text of
/// `/proc/self/mountinfo`, proc_pid_mountinfo(5).
pub fn remote_mounts(text: &str) -> Vec<PathBuf> {
    text.lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let kind = after.split(' ').next()?;
            let place = before.split(' ').nth(4)?;
            let unescaped = place.replace("\\040", " ").replace("\\011", "\t");
            is_remote(kind).then(|| PathBuf::from(unescaped))
        })
        .collect()
}

/// Whether a type of file system is one over the network. A program behind FUSE may ask whomever it
/// likes; `fuseblk` has a device of this machine.
fn is_remote(kind: &str) -> bool {
    const REMOTE: [&str; 11] = [
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "lustre",
        "beegfs",
        "glusterfs",
        "9p",
        "afs",
        "ncpfs",
        "fuse",
    ];
    kind.starts_with("nfs") || kind.starts_with("fuse.") || REMOTE.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_manifest_tells_its_name() {
        for (file, text, expected) in [
            (
                "package.json",
                r#"{"version":"1","name":"@acme/web","name2":1}"#,
                "@acme/web",
            ),
            ("package.json", "\u{feff}{\"name\":\"web\"}", "web"),
            ("package.json", r#"{"private":true}"#, ""),
            ("package.json", r#"{"name":7}"#, ""),
            ("package.json", r#"{"name":"  "}"#, ""),
            ("package.json", "not json", ""),
            ("composer.json", r#"{"name":"acme/shop"}"#, "acme/shop"),
            (
                "deno.jsonc",
                "{\n  // ours\n  \"name\": \"@acme/shop\", /* x */\n  \"imports\": {},\n}\n",
                "@acme/shop",
            ),
            ("deno.json", "{\"name\": \"shop\",}", "shop"),
            ("package.json", "{\"name\": \"shop\",}", ""),
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"a\"]\n[package] # ours\nname = \"shop\" # x\n[[bin]]\nname = \"other\"\n",
                "shop",
            ),
            (
                "Cargo.toml",
                "[[bin]]\nname = \"other\"\n[workspace]\nmembers=[]\n",
                "",
            ),
            (
                "Cargo.toml",
                "[package]\ndescription = \"\"\"\nname = \"no\"\n\"\"\"\nname = 'shop'\n",
                "shop",
            ),
            (
                "pyproject.toml",
                "[tool.poetry]\nname = \"old\"\n[project]\nname = \"shop\"\n",
                "shop",
            ),
            (
                "pyproject.toml",
                "[tool.poetry]\nname='shop'\n[tool.black]\nname='x'",
                "shop",
            ),
            (
                "setup.cfg",
                "[metadata]\nname = shop\nversion = 1\n",
                "shop",
            ),
            (
                "go.mod",
                "// x\nmodule example.com/acme/shop/v2 // y\n\ngo 1.22\n",
                "shop",
            ),
            ("go.mod", "module \"shop\"\n", "shop"),
            ("go.mod", "modules x\n", ""),
            (
                "pom.xml",
                "<?xml version=\"1.0\"?><!-- <artifactId>no</artifactId> --><project xmlns=\"x\"><parent><artifactId>boot</artifactId></parent><version/><artifactId>shop</artifactId></project>",
                "shop",
            ),
            (
                "pom.xml",
                "<project><parent><artifactId>boot</artifactId></parent></project>",
                "",
            ),
            ("pom.xml", "</project><artifactId>x", ""),
            (
                "mix.exs",
                "def project do\n [\n  app: :shop,\n  version: \"1\"",
                "shop",
            ),
            ("pubspec.yaml", "# x\nname: shop\n", "shop"),
            ("settings.gradle", "rootProject.name = 'shop'\n", "shop"),
            ("settings.gradle.kts", "rootProject.name=\"shop\"", "shop"),
            ("Gemfile", "gem 'rails'", ""),
            ("Shop.csproj", "", "Shop"),
            (".csproj", "", ""),
        ] {
            let name = name_of(file, text.as_bytes());
            assert_eq!(name.unwrap_or_default(), expected, "{file}: {text}");
        }
    }

    #[test]
    fn a_name_beyond_reason_is_none() {
        let text = format!("{{\"name\":\"{}\"}}", "x".repeat(LONGEST_NAME + 1));
        assert_eq!(name_of("package.json", text.as_bytes()), None);
        let deep = "[".repeat(100_000);
        assert_eq!(name_of("package.json", deep.as_bytes()), None);
    }

    #[test]
    fn mounts_of_other_machines_are_told_from_those_of_this_one() {
        let text = "36 35 98:0 / /mnt2 rw shared:1 - ext4 /dev/root rw\n\
                    40 35 0:40 / /home/my\\040files rw - nfs4 server:/x rw\n\
                    41 35 8:1 / /mnt/c rw - fuseblk /dev/sda1 rw\n";
        assert_eq!(remote_mounts(text), [PathBuf::from("/home/my files")]);
    }

    #[test]
    fn whatever_may_wait_for_another_machine_is_remote() {
        for kind in [
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "ceph",
            "lustre",
            "beegfs",
            "glusterfs",
            "9p",
            "afs",
            "ncpfs",
            "fuse",
            "fuse.sshfs",
            "fuse.rclone",
            "fuse.s3fs",
            "fuse.glusterfs",
        ] {
            let text = format!("40 35 0:40 / /far rw - {kind} server:/x rw\n");
            assert_eq!(remote_mounts(&text), [PathBuf::from("/far")], "{kind}");
        }
        for kind in [
            "ext4", "xfs", "btrfs", "overlay", "tmpfs", "fuseblk", "fusectl",
        ] {
            let text = format!("40 35 0:40 / /near rw - {kind} /dev/sda1 rw\n");
            assert!(remote_mounts(&text).is_empty(), "{kind}");
        }
    }
}

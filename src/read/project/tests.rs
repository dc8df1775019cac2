//! Projects of folders made for the test.

use std::fs;

use super::*;
use crate::read::regular;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = tree.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// The user who made it.
    fn user(&self) -> Option<u32> {
        let owner = regular::owner(&self.0.path().metadata().unwrap());
        owner.map(|owner| owner.uid)
    }

    /// `NAME at DIRECTORY by MANIFEST`, or nothing.
    fn project(&self, path: &str) -> String {
        self.project_of(&mut Projects::default(), path)
    }

    fn project_of(&self, projects: &mut Projects, path: &str) -> String {
        fs::create_dir_all(self.at(path)).unwrap();
        let found = projects.find(&self.at(path), self.user());
        found.map_or(String::new(), |project| {
            let directory = Path::new(project.directory.unclean());
            let below = directory.strip_prefix(self.0.path()).unwrap();
            format!(
                "{} at {} by {}",
                project.name.unclean(),
                below.to_string_lossy().replace('\\', "/"),
                project.manifest.as_deref().unwrap_or("-")
            )
        })
    }
}

#[test]
fn the_nearest_manifest_or_version_control_folder_is_the_project() {
    let tree = Tree::new(&[
        ("shop/.git/HEAD", ""),
        ("shop/web/package.json", r#"{"name":"@shop/web"}"#),
        ("shop/api/Gemfile", ""),
        ("tree/.git", "gitdir: /elsewhere"),
        ("both/Gemfile", ""),
        ("both/package.json", r#"{"private":true}"#),
        ("both/go.mod", "module x/y"),
        ("net/Shop.csproj", "<Project/>"),
    ]);
    for (path, expected) in [
        ("shop", "shop at shop by -"),
        ("shop/src/deep/er", "shop at shop by -"),
        ("shop/web/src", "@shop/web at shop/web by package.json"),
        ("shop/api", "api at shop/api by Gemfile"),
        (
            "shop/web/node_modules/vite/dist",
            "@shop/web at shop/web by package.json",
        ),
        ("tree/x", "tree at tree by -"),
        ("both", "y at both by go.mod"),
        ("net", "Shop at net by Shop.csproj"),
        ("plain/x", ""),
    ] {
        assert_eq!(tree.project(path), expected, "{path}");
    }
}

#[test]
fn a_home_is_a_project_only_for_who_works_in_it() {
    let tree = Tree::new(&[
        ("home/.git/HEAD", ""),
        ("home/package.json", r#"{"name":"stray"}"#),
        ("package.json", r#"{"name":"above"}"#),
    ]);
    let mut projects = Projects {
        home: Some(tree.at("home")),
        ..Projects::default()
    };
    assert_eq!(tree.project_of(&mut projects, "home/x"), "");
    assert_eq!(
        tree.project_of(&mut projects, "home"),
        "stray at home by package.json"
    );
    fs::remove_file(tree.at("home/package.json")).unwrap();
    let mut projects = Projects {
        home: Some(tree.at("home")),
        ..Projects::default()
    };
    assert_eq!(tree.project_of(&mut projects, "home"), "");
}

#[test]
fn directories_of_the_system_are_no_projects() {
    let projects = Projects::default();
    for path in ["/home", "/home/x", "/root", "/tmp", "/var", "/opt"] {
        assert!(projects.is_of_many(Path::new(path)), "{path}");
    }
    for path in ["/home/x/shop", "/var/www", "/srv/shop", "/app"] {
        assert!(!projects.is_of_many(Path::new(path)), "{path}");
        assert!(!is_of_the_system(Path::new(path)), "{path}");
    }
    for path in ["/etc", "/usr/lib/x", "/proc/1"] {
        assert!(is_of_the_system(Path::new(path)), "{path}");
    }
    assert_eq!(Projects::new().find(Path::new("/"), Some(0)), None);
    assert_eq!(Projects::new().find(Path::new("relative"), Some(0)), None);
    assert_eq!(Projects::new().find(Path::new(""), Some(0)), None);
}

#[test]
fn a_search_is_remembered() {
    let tree = Tree::new(&[("shop/go.mod", "module shop")]);
    let mut projects = Projects::default();
    let expected = "shop at shop by go.mod";
    assert_eq!(tree.project_of(&mut projects, "shop/x"), expected);
    fs::remove_file(tree.at("shop/go.mod")).unwrap();
    assert_eq!(tree.project_of(&mut projects, "shop/x"), expected);
}

#[test]
fn mounts_of_other_machines_are_left_alone() {
    let tree = Tree::new(&[("shop/go.mod", "module shop")]);
    let mut projects = Projects {
        remote: vec![tree.at("shop")],
        ..Projects::default()
    };
    assert_eq!(tree.project_of(&mut projects, "shop/x"), "");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_is_no_manifest_and_holds_nobody_up() {
    let tree = Tree::new(&[("shop/.git/HEAD", ""), ("real/go.mod", "module real")]);
    let fifo = tree.at("shop/package.json");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", tree.at("shop/Cargo.toml")).unwrap();
    fs::create_dir(tree.at("shop/pom.xml")).unwrap();
    assert_eq!(tree.project("shop"), "shop at shop by -");
    // The lookup would leave these out before it opens them.
    for name in ["package.json", "Cargo.toml", "pom.xml"] {
        assert_eq!(file::read(&tree.at("shop").join(name)), None, "{name}");
    }
    let big = tree.at("shop/go.mod");
    fs::write(&big, "x".repeat(256 * 1024 + 1)).unwrap();
    assert_eq!(file::read(&big), None);
    assert_eq!(tree.project("shop"), "shop at shop by go.mod");
}

/// The folder is anybody's to write into: what another user than root and that of the process left there
/// names nothing, neither by its text nor by the folder's name.
#[cfg(unix)]
#[test]
fn what_another_user_left_in_a_folder_names_no_project() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new(&[
        ("above/Gemfile", ""),
        ("above/shared/package.json", r#"{"name":"accounts"}"#),
        ("above/shared/.git/HEAD", ""),
    ]);
    let (shared, user) = (tree.at("above/shared"), tree.user());
    let found = |user: Option<u32>| {
        let project = Projects::default().find(&shared, user);
        project.map(|project| project.name.unclean().to_owned())
    };
    let allow = |path: &str, mode: u32| {
        let path = shared.join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    assert_eq!(found(user).as_deref(), Some("accounts"));
    if user != Some(0) {
        assert_eq!(found(Some(0)), None);
        assert_eq!(found(None), None);
    }
    allow("package.json", 0o666);
    assert_eq!(found(user).as_deref(), Some("shared"), "its folder's name");
    allow("package.json", 0o644);
    allow("", 0o777);
    assert_eq!(found(user).as_deref(), Some("above"), "of the folder above");
    allow("", 0o1777);
    assert_eq!(found(user).as_deref(), Some("accounts"));
}

/// A folder of this user with a manifest as large as any that is read.
fn with_large_manifest(folder: &Path, name: &str) -> PathBuf {
    let at = folder.join(name);
    std::fs::create_dir_all(&at).unwrap();
    let text = vec![b'\n'; usize::try_from(file::LONGEST).unwrap()];
    std::fs::write(at.join("Cargo.toml"), text).unwrap();
    at
}

#[test]
fn the_manifests_of_one_user_are_read_up_to_a_bound_and_those_of_another_still() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().symlink_metadata().unwrap();
    let uid = crate::read::regular::owner(&own).map(|owner| owner.uid);
    let mut projects = Projects::new();
    let mut seek = |name: &str, user| {
        let found = projects.find(&with_large_manifest(folder.path(), name), user);
        (found.is_some(), projects.is_cut_short())
    };
    let most = 16;
    for number in 0..most {
        assert_eq!(seek(&format!("d{number}"), uid), (true, false), "{number}");
    }
    assert_eq!(seek("one more", uid), (false, true));
    // Where files have no owner by number, nobody is told from another.
    if let Some(uid) = uid {
        assert!(!seek("of another", Some(uid + 1)).1);
    }
}

#[test]
fn no_more_folders_of_a_user_are_looked_at_than_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut projects = Projects::new();
    let mut is_cut_short = |number: u32, user| {
        projects.find(&folder.path().join(number.to_string()), Some(user));
        projects.is_cut_short()
    };
    let cut = (0..2_100).filter(|number| is_cut_short(*number, 1000));
    assert!((90..=110).contains(&cut.count()));
    assert!(!is_cut_short(5_000, 1001));
}

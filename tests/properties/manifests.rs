//! Manifests of any content: a name is short, and stands in the file.

use portwho::read::project::manifest::{MANIFESTS, is_named_after_project, name_of};

/// # Panics
/// Where a name is empty or longer than any, or another for the comments around it.
pub fn hold(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for file in MANIFESTS.into_iter().chain(["Shop.csproj", "a.gemspec"]) {
        let Some(name) = name_of(file, bytes) else {
            continue;
        };
        assert!(!name.is_empty() && name.len() <= 256, "{file}: {name:?}");
        assert_eq!(name, name.trim(), "{file}");
        // JSON has escapes.
        let is_json = file.contains(".json");
        let stands_in = is_named_after_project(file) || text.contains(&name);
        assert!(is_json || stands_in, "{file}: {name:?}");
    }
    // Every JSON is JSON with comments.
    let plain = name_of("package.json", bytes);
    if plain.is_some() {
        assert_eq!(name_of("deno.jsonc", bytes), plain);
    }
}

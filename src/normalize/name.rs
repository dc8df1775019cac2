//! The name that people know a program by.

use crate::model::{Foreign, is_comm_of};

/// Completes the kernel's name from the executable or the arguments where they agree with it; where
/// it agrees with none of them ("MainThread"), gives the executable's base name. Of a title that the
/// program has written over its arguments, the name is what comes before `:` or ` (`.
pub fn full_name(
    comm: Option<&Foreign>,
    executable: Option<&Foreign>,
    command: Option<&[Foreign]>,
) -> Foreign {
    let from_executable = executable
        .map(Foreign::program_name)
        .filter(|name| !name.is_empty());
    let Some(comm) = comm.map(Foreign::unclean).filter(|comm| !comm.is_empty()) else {
        return Foreign::new(from_executable.unwrap_or_default());
    };
    if executable.is_none() && command.is_none() {
        let is_title = comm.contains(": ") || comm.contains(" (");
        let name = named_by(comm).filter(|_| is_title);
        return Foreign::new(name.unwrap_or(comm));
    }
    let arguments = command.unwrap_or_default();
    // An interpreter's script comes after its options; a title ends at a space or a colon.
    let script = arguments
        .iter()
        .skip(1)
        .find(|argument| !argument.unclean().starts_with('-'));
    let word = arguments.first().map(|first| {
        let text = first.unclean();
        &text[..text.find([' ', ':']).unwrap_or(text.len())]
    });
    let from_title = title_of(arguments)
        .filter(|title| is_comm_of(comm, title))
        .and_then(named_by);
    if let Some(name) =
        from_title.filter(|_| !from_executable.is_some_and(|name| is_comm_of(comm, name)))
    {
        return Foreign::new(name);
    }
    let candidates = [
        from_executable,
        arguments.first().map(Foreign::base_name),
        word.map(after_slash),
        script.map(Foreign::base_name),
    ];
    let agreeing = candidates
        .into_iter()
        .flatten()
        .find(|name| is_comm_of(comm, name));
    Foreign::new(agreeing.or(from_executable).unwrap_or(comm))
}

/// A title written over the arguments: no other argument is left then.
fn title_of(arguments: &[Foreign]) -> Option<&str> {
    let (first, rest) = arguments.split_first()?;
    rest.iter().all(Foreign::is_empty).then(|| first.unclean())
}

/// The program that a title names: `gunicorn: master [app]`, `next-server (v14)`, `[celeryd: w1]`.
fn named_by(title: &str) -> Option<&str> {
    let ends = [title.find(':'), title.find(" (")];
    let end = ends.into_iter().flatten().min()?;
    let name = title[..end].trim().trim_start_matches('[');
    Some(after_slash(name)).filter(|name| !name.is_empty())
}

fn after_slash(text: &str) -> &str {
    &text[text.rfind('/').map_or(0, |at| at + 1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(comm: &str, executable: &str, command: &[&str]) -> String {
        let some = |text: &str| Some(Foreign::new(text)).filter(|text| !text.is_empty());
        let command: Vec<_> = command
            .iter()
            .map(|argument| Foreign::new(*argument))
            .collect();
        full_name(
            some(comm).as_ref(),
            some(executable).as_ref(),
            Some(&command),
        )
        .unclean()
        .to_owned()
    }

    #[test]
    fn a_cut_name_is_completed_where_something_agrees() {
        assert_eq!(
            name("averyveryverylo", "/opt/averyveryverylongname", &[]),
            "averyveryverylongname"
        );
        assert_eq!(
            name(
                "averyveryverylo",
                "/usr/bin/python3",
                &["python3", "-u", "/x/averyveryverylongname"]
            ),
            "averyveryverylongname"
        );
    }

    #[test]
    fn a_name_that_the_arguments_confirm_stays() {
        assert_eq!(
            name(
                "gunicorn",
                "/usr/bin/python3.11",
                &["/usr/bin/python3", "/usr/bin/gunicorn"]
            ),
            "gunicorn"
        );
        assert_eq!(
            name(
                "gunicorn",
                "/usr/bin/python3.11",
                &["gunicorn: master [app]"]
            ),
            "gunicorn"
        );
        assert_eq!(name("httpd", "/bin/busybox", &["httpd", "-f"]), "httpd");
        assert_eq!(
            name("nginx", "/usr/sbin/nginx", &["nginx: worker process"]),
            "nginx"
        );
    }

    #[test]
    fn of_a_title_the_name_is_what_comes_before_the_rest() {
        for (comm, executable, title, expected) in [
            (
                "gunicorn: maste",
                "/usr/bin/python3.11",
                "gunicorn: master [main:wsgi]",
                "gunicorn",
            ),
            (
                "next-server (v1",
                "/usr/bin/node",
                "next-server (v14.2.35)",
                "next-server",
            ),
            (
                "[celeryd: w1@vm",
                "/usr/bin/python3",
                "[celeryd: w1@vm:MainProcess]",
                "celeryd",
            ),
            ("app:web", "/usr/bin/perl", "app:web", "app"),
            // The program's own name may hold what ends a title.
            ("a: b (c)", "/opt/a: b (c)", "a: b (c)", "a: b (c)"),
            ("server", "/usr/bin/perl", "/opt/a:b/server", "server"),
            (": x", "/usr/bin/perl", ": x", ": x"),
        ] {
            assert_eq!(name(comm, executable, &[title]), expected, "{title}");
        }
        // With other arguments it is no title.
        assert_eq!(name("a:b", "/usr/bin/perl", &["a:b", "-x"]), "a:b");
        // The kernel's name is all there is where nothing else can be read.
        let only = |comm: &str| {
            let comm = Foreign::new(comm);
            full_name(Some(&comm), None, None).unclean().to_owned()
        };
        assert_eq!(only("gunicorn: maste"), "gunicorn");
        assert_eq!(only("kworker/0:1"), "kworker/0:1");
    }

    #[test]
    fn a_name_that_nothing_confirms_gives_way_to_the_executable() {
        assert_eq!(
            name("MainThread", "/usr/bin/node", &["node", "server.js"]),
            "node"
        );
        assert_eq!(
            name("root@evil:0", "/usr/bin/perl", &["perl", "x.pl"]),
            "perl"
        );
    }

    #[test]
    fn without_an_executable_the_kernels_name_is_all_there_is() {
        assert_eq!(name("kworker/0:1", "", &[]), "kworker/0:1");
        assert_eq!(name("", "/usr/bin/x", &[]), "x");
        assert_eq!(name("", "", &[]), "");
    }
}

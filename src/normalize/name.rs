//! The name that people know a program by.

use crate::model::{Foreign, is_comm_of};

/// Completes the kernel's name from the executable or the arguments where they agree with it; where
/// it agrees with none of them ("MainThread", titles), gives the executable's base name.
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
    let arguments = command.unwrap_or_default();
    // An interpreter's script comes after its options; a title ends at a space or a colon.
    let script = arguments
        .iter()
        .skip(1)
        .find(|argument| !argument.unclean().starts_with('-'));
    let title = arguments.first().map(|first| {
        let text = first.unclean();
        &text[..text.find([' ', ':']).unwrap_or(text.len())]
    });
    let candidates = [
        from_executable,
        arguments.first().map(Foreign::base_name),
        title.map(|title| &title[title.rfind('/').map_or(0, |at| at + 1)..]),
        script.map(Foreign::base_name),
    ];
    let agreeing = candidates
        .into_iter()
        .flatten()
        .find(|name| is_comm_of(comm, name));
    Foreign::new(agreeing.or(from_executable).unwrap_or(comm))
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

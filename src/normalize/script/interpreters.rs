//! The interpreters, and those of their options that take a value: as their manual pages say.

/// How to read one interpreter's command line.
pub struct Interpreter {
    /// Names of the program, without a version at their end.
    pub names: &'static [&'static str],
    /// Options whose value is the next word.
    pub values: &'static [&'static str],
    /// Options whose value is what runs.
    pub runs: &'static [&'static str],
    /// Options and verbs with which code comes from elsewhere than a file.
    pub inline: &'static [&'static str],
    /// The same for letters, which stand together (`-um`) with their value after them or in the next word.
    pub value_letters: &'static str,
    pub runs_letters: &'static str,
    pub inline_letters: &'static str,
    /// Letters whose value never is the next word.
    pub attached_letters: &'static str,
    /// Verbs before the script.
    pub verbs: &'static [&'static str],
    /// The option that names a folder, where no script is named.
    pub folder_after: Option<&'static str>,
    /// Whether options may begin with `+`.
    pub has_plus: bool,
    /// Whether `@FILE` holds options.
    pub has_files: bool,
}

const PLAIN: Interpreter = Interpreter {
    names: &[],
    values: &[],
    runs: &[],
    inline: &[],
    value_letters: "",
    runs_letters: "",
    inline_letters: "",
    attached_letters: "",
    verbs: &[],
    folder_after: None,
    has_plus: false,
    has_files: false,
};

pub static INTERPRETERS: [Interpreter; 11] = [
    // https://nodejs.org/api/cli.html
    Interpreter {
        names: &["node", "nodejs"],
        values: &[
            "-C",
            "-r",
            "--allow-fs-read",
            "--allow-fs-write",
            "--build-snapshot-config",
            "--conditions",
            "--cpu-prof-dir",
            "--cpu-prof-interval",
            "--cpu-prof-name",
            "--debug-port",
            "--diagnostic-dir",
            "--disable-proto",
            "--disable-warning",
            "--dns-result-order",
            "--env-file",
            "--env-file-if-exists",
            "--es-module-specifier-resolution",
            "--experimental-config-file",
            "--experimental-default-type",
            "--experimental-loader",
            "--experimental-policy",
            "--experimental-sea-config",
            "--heap-prof-dir",
            "--heap-prof-interval",
            "--heap-prof-name",
            "--heapsnapshot-near-heap-limit",
            "--heapsnapshot-signal",
            "--icu-data-dir",
            "--import",
            "--input-type",
            "--inspect-port",
            "--inspect-publish-uid",
            "--loader",
            "--localstorage-file",
            "--max-http-header-size",
            "--network-family-autoselection-attempt-timeout",
            "--openssl-config",
            "--policy-integrity",
            "--redirect-warnings",
            "--report-dir",
            "--report-directory",
            "--report-filename",
            "--report-signal",
            "--require",
            "--secure-heap",
            "--secure-heap-min",
            "--snapshot-blob",
            "--test-concurrency",
            "--test-coverage-branches",
            "--test-coverage-exclude",
            "--test-coverage-functions",
            "--test-coverage-include",
            "--test-coverage-lines",
            "--test-global-setup",
            "--test-isolation",
            "--test-name-pattern",
            "--test-reporter",
            "--test-reporter-destination",
            "--test-shard",
            "--test-skip-pattern",
            "--test-timeout",
            "--title",
            "--tls-cipher-list",
            "--tls-keylog",
            "--trace-event-categories",
            "--trace-event-file-pattern",
            "--unhandled-rejections",
            "--use-largepages",
            "--v8-pool-size",
            "--watch-kill-signal",
            "--watch-path",
        ],
        runs: &["--run"],
        inline: &[
            "-e",
            "--eval",
            "-p",
            "--print",
            "-pe",
            "-i",
            "--interactive",
        ],
        verbs: &["inspect"],
        ..PLAIN
    },
    // https://docs.deno.com/runtime/reference/cli/
    Interpreter {
        names: &["deno"],
        values: &[
            "-c",
            "--config",
            "--import-map",
            "--lock",
            "-L",
            "--log-level",
            "--cert",
            "--port",
            "--host",
            "--location",
            "--seed",
            "--cwd",
            "--ext",
            "--preload",
        ],
        inline: &["eval", "repl"],
        verbs: &["run", "serve", "task", "test", "bench", "x"],
        ..PLAIN
    },
    // https://bun.com/docs/runtime
    Interpreter {
        names: &["bun"],
        values: &[
            "-r",
            "--preload",
            "--require",
            "--import",
            "--cwd",
            "-c",
            "--config",
            "--env-file",
            "--port",
            "-d",
            "--define",
            "-F",
            "--filter",
            "--tsconfig-override",
            "--conditions",
        ],
        inline: &["-e", "--eval", "-p", "--print", "repl"],
        verbs: &["run", "x", "test"],
        ..PLAIN
    },
    // https://docs.python.org/3/using/cmdline.html
    Interpreter {
        names: &["python", "pypy", "python3-dbg"],
        values: &["--check-hash-based-pycs"],
        value_letters: "WXQ",
        runs_letters: "m",
        inline_letters: "c",
        ..PLAIN
    },
    // java(1)
    Interpreter {
        names: &["java"],
        values: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--upgrade-module-path",
            "--add-modules",
            "--limit-modules",
            "--enable-native-access",
            "--add-reads",
            "--add-exports",
            "--add-opens",
            "--patch-module",
            "--source",
        ],
        runs: &["-jar", "-m", "--module"],
        has_files: true,
        ..PLAIN
    },
    // ruby(1)
    Interpreter {
        names: &["ruby", "jruby", "truffleruby"],
        values: &["--encoding", "--external-encoding", "--internal-encoding"],
        value_letters: "IrCE",
        inline_letters: "e",
        attached_letters: "WFiKTx",
        ..PLAIN
    },
    // perlrun(1)
    Interpreter {
        names: &["perl"],
        value_letters: "I",
        inline_letters: "eE",
        attached_letters: "MmxFiCDdV",
        ..PLAIN
    },
    // php(1)
    Interpreter {
        names: &["php", "php-cgi"],
        values: &[
            "--server",
            "--docroot",
            "--php-ini",
            "--define",
            "--zend-extension",
        ],
        runs: &["--file"],
        inline: &[
            "--run",
            "--process-begin",
            "--process-code",
            "--interactive",
        ],
        value_letters: "Stcdz",
        runs_letters: "f",
        inline_letters: "rBREaF",
        folder_after: Some("-t"),
        ..PLAIN
    },
    // https://learn.microsoft.com/dotnet/core/tools/dotnet
    Interpreter {
        names: &["dotnet"],
        values: &[
            "--depsfile",
            "--runtimeconfig",
            "--additionalprobingpath",
            "--additional-deps",
            "--fx-version",
            "--roll-forward",
            "-c",
            "--configuration",
            "-f",
            "--framework",
            "-r",
            "--runtime",
            "--launch-profile",
            "-lp",
        ],
        runs: &["--project", "-p"],
        inline: &[
            "build",
            "build-server",
            "test",
            "publish",
            "restore",
            "msbuild",
            "vstest",
        ],
        verbs: &["exec", "run", "watch"],
        ..PLAIN
    },
    // bash(1), dash(1), zsh(1), ksh(1)
    Interpreter {
        names: &["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash"],
        values: &["--rcfile", "--init-file"],
        value_letters: "oO",
        inline_letters: "cs",
        has_plus: true,
        ..PLAIN
    },
    // lua(1)
    Interpreter {
        names: &["lua", "luajit", "texlua"],
        value_letters: "l",
        inline_letters: "ei",
        ..PLAIN
    },
];

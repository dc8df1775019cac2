# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_portwho_global_optspecs
    string join \n t/tcp u/udp S/sctp l/listening a/all 4/ipv4 6/ipv6 all-netns no-runtime no-owners format= json columns= sort= no-header n/numeric p/processes color= v/verbose source= owners= from= h/help V/version
end

function __fish_portwho_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_portwho_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_portwho_using_subcommand
    set -l cmd (__fish_portwho_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c portwho -n "__fish_portwho_needs_command" -l format -d 'Shape of the answer [default: card for one port, else table]' -r -f -a "table\t'A line for each socket'
card\t'A paragraph for each listener, with its connections'
plain\t'Columns separated by tabs, nothing shortened'
json\t'One document: rows, and what must be known of them'
ndjson\t'A JSON document for each socket'
csv\t'The fields of JSON, a line for each owner'"
complete -c portwho -n "__fish_portwho_needs_command" -l columns -d 'Columns to show, or +NAME and -NAME to add and remove; "help" lists them' -r
complete -c portwho -n "__fish_portwho_needs_command" -l sort -d 'Sort by port, address, protocol, state, peer, process, pid, user, since, service, reach or queue; -NAME for descending order' -r
complete -c portwho -n "__fish_portwho_needs_command" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_needs_command" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_needs_command" -l owners -d 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]' -r -f -a "auto\t'A BPF iterator where it is permitted and saves what one would notice, else /proc'
bpf\t'A BPF iterator, which takes CAP_BPF and CAP_PERFMON'
proc\t'A walk of /proc'"
complete -c portwho -n "__fish_portwho_needs_command" -l from -d 'Replay a recording of "portwho capture"; "-" for standard input' -r -F
complete -c portwho -n "__fish_portwho_needs_command" -s t -l tcp -d 'Show TCP sockets, MPTCP among them'
complete -c portwho -n "__fish_portwho_needs_command" -s u -l udp -d 'Show UDP sockets'
complete -c portwho -n "__fish_portwho_needs_command" -s S -l sctp -d 'Show SCTP sockets'
complete -c portwho -n "__fish_portwho_needs_command" -s l -l listening -d 'Show only what listens, even where a port is asked for'
complete -c portwho -n "__fish_portwho_needs_command" -s a -l all -d 'Show every protocol, in every state'
complete -c portwho -n "__fish_portwho_needs_command" -s 4 -l ipv4 -d 'Show what takes IPv4, dual-stack sockets included'
complete -c portwho -n "__fish_portwho_needs_command" -s 6 -l ipv6 -d 'Show what takes IPv6, dual-stack sockets included'
complete -c portwho -n "__fish_portwho_needs_command" -l all-netns -d 'Look into every network namespace (root sees all of them)'
complete -c portwho -n "__fish_portwho_needs_command" -l no-runtime -d 'Ask no runtime (Docker, Podman) for the names of its containers'
complete -c portwho -n "__fish_portwho_needs_command" -l no-owners -d 'Skip the search for owners'
complete -c portwho -n "__fish_portwho_needs_command" -l json -d 'Print JSON; the same as --format json'
complete -c portwho -n "__fish_portwho_needs_command" -l no-header -d 'Leave out the line of column titles'
complete -c portwho -n "__fish_portwho_needs_command" -s n -l numeric -d 'Show numbers, no service names'
complete -c portwho -n "__fish_portwho_needs_command" -s p -l processes -d 'Accepted out of habit: owners are always shown'
complete -c portwho -n "__fish_portwho_needs_command" -s v -l verbose -d 'Say how the answer was found'
complete -c portwho -n "__fish_portwho_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_needs_command" -s V -l version -d 'Print version'
complete -c portwho -n "__fish_portwho_needs_command" -a "why" -d 'Tell why a port is taken: by whom, what it is part of, and what to do'
complete -c portwho -n "__fish_portwho_needs_command" -a "check" -d 'Tell whether ports can be bound, and who is in the way'
complete -c portwho -n "__fish_portwho_needs_command" -a "free" -d 'Name free ports'
complete -c portwho -n "__fish_portwho_needs_command" -a "wait" -d 'Wait until something listens, or nothing does any more'
complete -c portwho -n "__fish_portwho_needs_command" -a "conflicts" -d 'Tell what on this machine will bite: listeners in each other\'s way'
complete -c portwho -n "__fish_portwho_needs_command" -a "map" -d 'Tell who talks to whom: services, and the connections between them'
complete -c portwho -n "__fish_portwho_needs_command" -a "ephemeral" -d 'Tell how full the ports for outgoing connections are, and because of whom'
complete -c portwho -n "__fish_portwho_needs_command" -a "capture" -d 'Record what the readers saw, to be replayed with --from'
complete -c portwho -n "__fish_portwho_needs_command" -a "schema" -d 'Print the JSON Schema of --json'
complete -c portwho -n "__fish_portwho_needs_command" -a "completions" -d 'Print a shell\'s completion script'
complete -c portwho -n "__fish_portwho_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portwho -n "__fish_portwho_using_subcommand why" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_using_subcommand why" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand why" -l owners -d 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]' -r -f -a "auto\t'A BPF iterator where it is permitted and saves what one would notice, else /proc'
bpf\t'A BPF iterator, which takes CAP_BPF and CAP_PERFMON'
proc\t'A walk of /proc'"
complete -c portwho -n "__fish_portwho_using_subcommand why" -l from -d 'Explain a recording of "portwho capture"' -r -F
complete -c portwho -n "__fish_portwho_using_subcommand why" -l all-netns -d 'Look into every network namespace (root sees all of them)'
complete -c portwho -n "__fish_portwho_using_subcommand why" -l no-runtime -d 'Ask no runtime (Docker, Podman) for the names of its containers'
complete -c portwho -n "__fish_portwho_using_subcommand why" -l json -d 'Print JSON'
complete -c portwho -n "__fish_portwho_using_subcommand why" -s v -l verbose -d 'Say how the answer was found'
complete -c portwho -n "__fish_portwho_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l file -d 'Read specs from a file, one a line; "#" begins a comment' -r -F
complete -c portwho -n "__fish_portwho_using_subcommand check" -l expect -d 'Ask whether the port is held, listening, by this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). Whoever starts a program chooses its name, so a name alone is no proof: add user=' -r
complete -c portwho -n "__fish_portwho_using_subcommand check" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand check" -l from -d 'Judge a recording of "portwho capture"; nothing is bound then' -r -F
complete -c portwho -n "__fish_portwho_using_subcommand check" -l format -d 'Shape of the answer' -r -f -a "table\t'A line for each verdict'
json\t'One document'
github\t'Annotations of a GitHub workflow'"
complete -c portwho -n "__fish_portwho_using_subcommand check" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_using_subcommand check" -l no-reuse-addr -d 'Judge for a TCP server that does not set SO_REUSEADDR'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l reuse-addr -d 'Judge for a UDP server that sets SO_REUSEADDR'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l reuse-port -d 'Judge for a server that sets SO_REUSEPORT to join a group'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l probe -d 'Confirm every verdict by a real bind'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l no-probe -d 'Bind nothing; what only a bind can tell stays unknown'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l json -d 'Print JSON; the same as --format json'
complete -c portwho -n "__fish_portwho_using_subcommand check" -s q -l quiet -d 'Print nothing, only exit with a code'
complete -c portwho -n "__fish_portwho_using_subcommand check" -l no-header -d 'Leave out the line of column titles'
complete -c portwho -n "__fish_portwho_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand free" -s n -l count -d 'How many ports' -r
complete -c portwho -n "__fish_portwho_using_subcommand free" -l address -d 'Address that the server would bind, instead of all' -r
complete -c portwho -n "__fish_portwho_using_subcommand free" -l seed -d 'Choose the same ports for the same number' -r
complete -c portwho -n "__fish_portwho_using_subcommand free" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand free" -l exec -d 'Run a command with the port in PORT (all of them in PORTS), and exit with its code' -r
complete -c portwho -n "__fish_portwho_using_subcommand free" -l consecutive -d 'Only ports that follow each other'
complete -c portwho -n "__fish_portwho_using_subcommand free" -s u -l udp -d 'UDP ports'
complete -c portwho -n "__fish_portwho_using_subcommand free" -s S -l sctp -d 'Find SCTP ports'
complete -c portwho -n "__fish_portwho_using_subcommand free" -l json -d 'Print JSON'
complete -c portwho -n "__fish_portwho_using_subcommand free" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l timeout -d 'Give up after this time, with exit code 1' -r
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l owner -d 'Count only this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). A name alone is no proof' -r
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l gone -d 'Wait until nothing listens there, and no socket keeps the port without listening'
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l fail-fast -d 'Give up at once when a stranger listens, or when the owner is hidden'
complete -c portwho -n "__fish_portwho_using_subcommand wait" -s q -l quiet -d 'Print nothing, only exit with a code'
complete -c portwho -n "__fish_portwho_using_subcommand wait" -l json -d 'Print JSON'
complete -c portwho -n "__fish_portwho_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand conflicts" -l level -d 'Least severity to report' -r -f -a "info\t''
warning\t''
error\t''"
complete -c portwho -n "__fish_portwho_using_subcommand conflicts" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_using_subcommand conflicts" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand conflicts" -l from -d 'Judge a recording of "portwho capture"' -r -F
complete -c portwho -n "__fish_portwho_using_subcommand conflicts" -l json -d 'Print JSON'
complete -c portwho -n "__fish_portwho_using_subcommand conflicts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand map" -l format -d 'Shape of the answer' -r -f -a "text\t'A tree for each service'
dot\t'A digraph for Graphviz'
mermaid\t'A flowchart for Mermaid'
json\t'One document: services, links, and what must be known of them'"
complete -c portwho -n "__fish_portwho_using_subcommand map" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_using_subcommand map" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand map" -l owners -d 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]' -r -f -a "auto\t'A BPF iterator where it is permitted and saves what one would notice, else /proc'
bpf\t'A BPF iterator, which takes CAP_BPF and CAP_PERFMON'
proc\t'A walk of /proc'"
complete -c portwho -n "__fish_portwho_using_subcommand map" -l from -d 'Map a recording of "portwho capture"' -r -F
complete -c portwho -n "__fish_portwho_using_subcommand map" -l json -d 'Print JSON; the same as --format json'
complete -c portwho -n "__fish_portwho_using_subcommand map" -l all-netns -d 'Look into every network namespace (root sees all of them)'
complete -c portwho -n "__fish_portwho_using_subcommand map" -l no-runtime -d 'Ask no runtime (Docker, Podman) for the names of its containers'
complete -c portwho -n "__fish_portwho_using_subcommand map" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l interval -d 'Count twice, so long apart, and tell how fast each fills' -r
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l fail-at -d 'Exit with code 1 when this part of a budget is used, or more' -r
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l top -d 'How many budgets to tell of, the fullest first' -r
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l format -d 'Shape of the answer' -r -f -a "table\t'The range, a line for each budget, and advice'
plain\t'The lines of the budgets alone, separated by tabs'
json\t'One document'
ndjson\t'A JSON document for each budget'
csv\t'The fields of JSON, a line for each budget'"
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l from -d 'Judge a recording of "portwho capture"' -r -F
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l watch -d 'Count again and again, on a terminal in place'
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -s q -l quiet -d 'Print nothing, only exit with a code'
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l json -d 'Print JSON; the same as --format json'
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -l no-header -d 'Leave out the line of column titles'
complete -c portwho -n "__fish_portwho_using_subcommand ephemeral" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand capture" -l source -d 'Where to read from' -r -f -a "auto\t'The best that works'
native\t'The system\'s own interface alone (Linux: sock_diag)'
proc\t'The tables of /proc/net alone (Linux)'
portable\t'The netstat2 and sysinfo libraries'"
complete -c portwho -n "__fish_portwho_using_subcommand capture" -l redact -d 'Replace arguments, directories, addresses and names of users and of the host'
complete -c portwho -n "__fish_portwho_using_subcommand capture" -l all-netns -d 'Record every network namespace (root sees all of them)'
complete -c portwho -n "__fish_portwho_using_subcommand capture" -l force -d 'Replace the file, or the link, that is there'
complete -c portwho -n "__fish_portwho_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portwho -n "__fish_portwho_using_subcommand schema" -s h -l help -d 'Print help'
complete -c portwho -n "__fish_portwho_using_subcommand completions" -s h -l help -d 'Print help'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "why" -d 'Tell why a port is taken: by whom, what it is part of, and what to do'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "check" -d 'Tell whether ports can be bound, and who is in the way'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "free" -d 'Name free ports'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "wait" -d 'Wait until something listens, or nothing does any more'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "conflicts" -d 'Tell what on this machine will bite: listeners in each other\'s way'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "map" -d 'Tell who talks to whom: services, and the connections between them'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "ephemeral" -d 'Tell how full the ports for outgoing connections are, and because of whom'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "capture" -d 'Record what the readers saw, to be replayed with --from'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "schema" -d 'Print the JSON Schema of --json'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c portwho -n "__fish_portwho_using_subcommand help; and not __fish_seen_subcommand_from why check free wait conflicts map ephemeral capture schema completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'


use builtin;
use str;

set edit:completion:arg-completer[portwho] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'portwho'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'portwho'= {
            cand --format 'Shape of the answer [default: card for one port, else table]'
            cand --columns 'Columns to show, or +NAME and -NAME to add and remove; "help" lists them'
            cand --sort 'Sort by port, address, protocol, state, peer, process, pid, user, since, service, reach or queue; -NAME for descending order'
            cand --color 'When to colour the output'
            cand --source 'Where to read from'
            cand --owners 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]'
            cand --from 'Replay a recording of "portwho capture"; "-" for standard input'
            cand -t 'Show TCP sockets, MPTCP among them'
            cand --tcp 'Show TCP sockets, MPTCP among them'
            cand -u 'Show UDP sockets'
            cand --udp 'Show UDP sockets'
            cand -S 'Show SCTP sockets'
            cand --sctp 'Show SCTP sockets'
            cand -l 'Show only what listens, even where a port is asked for'
            cand --listening 'Show only what listens, even where a port is asked for'
            cand -a 'Show every protocol, in every state'
            cand --all 'Show every protocol, in every state'
            cand -4 'Show what takes IPv4, dual-stack sockets included'
            cand --ipv4 'Show what takes IPv4, dual-stack sockets included'
            cand -6 'Show what takes IPv6, dual-stack sockets included'
            cand --ipv6 'Show what takes IPv6, dual-stack sockets included'
            cand --all-netns 'Look into every network namespace (root sees all of them)'
            cand --no-runtime 'Ask no runtime (Docker, Podman) for the names of its containers'
            cand --no-owners 'Skip the search for owners'
            cand --json 'Print JSON; the same as --format json'
            cand --no-header 'Leave out the line of column titles'
            cand -n 'Show numbers, no service names'
            cand --numeric 'Show numbers, no service names'
            cand -p 'Accepted out of habit: owners are always shown'
            cand --processes 'Accepted out of habit: owners are always shown'
            cand -v 'Say how the answer was found'
            cand --verbose 'Say how the answer was found'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand why 'Tell why a port is taken: by whom, what it is part of, and what to do'
            cand check 'Tell whether ports can be bound, and who is in the way'
            cand free 'Name free ports'
            cand wait 'Wait until something listens, or nothing does any more'
            cand conflicts 'Tell what on this machine will bite: listeners in each other''s way'
            cand map 'Tell who talks to whom: services, and the connections between them'
            cand ephemeral 'Tell how full the ports for outgoing connections are, and because of whom'
            cand capture 'Record what the readers saw, to be replayed with --from'
            cand schema 'Print the JSON Schema of --json'
            cand completions 'Print a shell''s completion script'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'portwho;why'= {
            cand --color 'When to colour the output'
            cand --source 'Where to read from'
            cand --owners 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]'
            cand --from 'Explain a recording of "portwho capture"'
            cand --all-netns 'Look into every network namespace (root sees all of them)'
            cand --no-runtime 'Ask no runtime (Docker, Podman) for the names of its containers'
            cand --json 'Print JSON'
            cand -v 'Say how the answer was found'
            cand --verbose 'Say how the answer was found'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;check'= {
            cand --file 'Read specs from a file, one a line; "#" begins a comment'
            cand --expect 'Ask whether the port is held, listening, by this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). Whoever starts a program chooses its name, so a name alone is no proof: add user='
            cand --source 'Where to read from'
            cand --from 'Judge a recording of "portwho capture"; nothing is bound then'
            cand --format 'Shape of the answer'
            cand --color 'When to colour the output'
            cand --no-reuse-addr 'Judge for a TCP server that does not set SO_REUSEADDR'
            cand --reuse-addr 'Judge for a UDP server that sets SO_REUSEADDR'
            cand --reuse-port 'Judge for a server that sets SO_REUSEPORT to join a group'
            cand --probe 'Confirm every verdict by a real bind'
            cand --no-probe 'Bind nothing; what only a bind can tell stays unknown'
            cand --json 'Print JSON; the same as --format json'
            cand -q 'Print nothing, only exit with a code'
            cand --quiet 'Print nothing, only exit with a code'
            cand --no-header 'Leave out the line of column titles'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;free'= {
            cand -n 'How many ports'
            cand --count 'How many ports'
            cand --address 'Address that the server would bind, instead of all'
            cand --seed 'Choose the same ports for the same number'
            cand --source 'Where to read from'
            cand --exec 'Run a command with the port in PORT (all of them in PORTS), and exit with its code'
            cand --consecutive 'Only ports that follow each other'
            cand -u 'UDP ports'
            cand --udp 'UDP ports'
            cand -S 'Find SCTP ports'
            cand --sctp 'Find SCTP ports'
            cand --json 'Print JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;wait'= {
            cand --timeout 'Give up after this time, with exit code 1'
            cand --owner 'Count only this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). A name alone is no proof'
            cand --color 'When to colour the output'
            cand --source 'Where to read from'
            cand --gone 'Wait until nothing listens there, and no socket keeps the port without listening'
            cand --fail-fast 'Give up at once when a stranger listens, or when the owner is hidden'
            cand -q 'Print nothing, only exit with a code'
            cand --quiet 'Print nothing, only exit with a code'
            cand --json 'Print JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;conflicts'= {
            cand --level 'Least severity to report'
            cand --color 'When to colour the output'
            cand --source 'Where to read from'
            cand --from 'Judge a recording of "portwho capture"'
            cand --json 'Print JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;map'= {
            cand --format 'Shape of the answer'
            cand --color 'When to colour the output'
            cand --source 'Where to read from'
            cand --owners 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]'
            cand --from 'Map a recording of "portwho capture"'
            cand --json 'Print JSON; the same as --format json'
            cand --all-netns 'Look into every network namespace (root sees all of them)'
            cand --no-runtime 'Ask no runtime (Docker, Podman) for the names of its containers'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;ephemeral'= {
            cand --interval 'Count twice, so long apart, and tell how fast each fills'
            cand --fail-at 'Exit with code 1 when this part of a budget is used, or more'
            cand --top 'How many budgets to tell of, the fullest first'
            cand --format 'Shape of the answer'
            cand --color 'When to colour the output'
            cand --source 'Where to read from'
            cand --from 'Judge a recording of "portwho capture"'
            cand --watch 'Count again and again, on a terminal in place'
            cand -q 'Print nothing, only exit with a code'
            cand --quiet 'Print nothing, only exit with a code'
            cand --json 'Print JSON; the same as --format json'
            cand --no-header 'Leave out the line of column titles'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;capture'= {
            cand --source 'Where to read from'
            cand --redact 'Replace arguments, directories, addresses and names of users and of the host'
            cand --all-netns 'Record every network namespace (root sees all of them)'
            cand --force 'Replace the file, or the link, that is there'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'portwho;schema'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'portwho;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'portwho;help'= {
            cand why 'Tell why a port is taken: by whom, what it is part of, and what to do'
            cand check 'Tell whether ports can be bound, and who is in the way'
            cand free 'Name free ports'
            cand wait 'Wait until something listens, or nothing does any more'
            cand conflicts 'Tell what on this machine will bite: listeners in each other''s way'
            cand map 'Tell who talks to whom: services, and the connections between them'
            cand ephemeral 'Tell how full the ports for outgoing connections are, and because of whom'
            cand capture 'Record what the readers saw, to be replayed with --from'
            cand schema 'Print the JSON Schema of --json'
            cand completions 'Print a shell''s completion script'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'portwho;help;why'= {
        }
        &'portwho;help;check'= {
        }
        &'portwho;help;free'= {
        }
        &'portwho;help;wait'= {
        }
        &'portwho;help;conflicts'= {
        }
        &'portwho;help;map'= {
        }
        &'portwho;help;ephemeral'= {
        }
        &'portwho;help;capture'= {
        }
        &'portwho;help;schema'= {
        }
        &'portwho;help;completions'= {
        }
        &'portwho;help;help'= {
        }
    ]
    $completions[$command]
}

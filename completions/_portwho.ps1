
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'portwho' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'portwho'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'portwho' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Shape of the answer [default: card for one port, else table]')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Columns to show, or +NAME and -NAME to add and remove; "help" lists them')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Sort by port, address, protocol, state, peer, process, pid, user, since, service, reach or queue; -NAME for descending order')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--owners', '--owners', [CompletionResultType]::ParameterName, 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Replay a recording of "portwho capture"; "-" for standard input')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Show TCP sockets, MPTCP among them')
            [CompletionResult]::new('--tcp', '--tcp', [CompletionResultType]::ParameterName, 'Show TCP sockets, MPTCP among them')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Show UDP sockets')
            [CompletionResult]::new('--udp', '--udp', [CompletionResultType]::ParameterName, 'Show UDP sockets')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Show SCTP sockets')
            [CompletionResult]::new('--sctp', '--sctp', [CompletionResultType]::ParameterName, 'Show SCTP sockets')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Show only what listens, even where a port is asked for')
            [CompletionResult]::new('--listening', '--listening', [CompletionResultType]::ParameterName, 'Show only what listens, even where a port is asked for')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Show every protocol, in every state')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show every protocol, in every state')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Show what takes IPv4, dual-stack sockets included')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'Show what takes IPv4, dual-stack sockets included')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Show what takes IPv6, dual-stack sockets included')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'Show what takes IPv6, dual-stack sockets included')
            [CompletionResult]::new('--all-netns', '--all-netns', [CompletionResultType]::ParameterName, 'Look into every network namespace (root sees all of them)')
            [CompletionResult]::new('--no-runtime', '--no-runtime', [CompletionResultType]::ParameterName, 'Ask no runtime (Docker, Podman) for the names of its containers')
            [CompletionResult]::new('--no-owners', '--no-owners', [CompletionResultType]::ParameterName, 'Skip the search for owners')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON; the same as --format json')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Leave out the line of column titles')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Show numbers, no service names')
            [CompletionResult]::new('--numeric', '--numeric', [CompletionResultType]::ParameterName, 'Show numbers, no service names')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Accepted out of habit: owners are always shown')
            [CompletionResult]::new('--processes', '--processes', [CompletionResultType]::ParameterName, 'Accepted out of habit: owners are always shown')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how the answer was found')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how the answer was found')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Tell why a port is taken: by whom, what it is part of, and what to do')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tell whether ports can be bound, and who is in the way')
            [CompletionResult]::new('free', 'free', [CompletionResultType]::ParameterValue, 'Name free ports')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until something listens, or nothing does any more')
            [CompletionResult]::new('conflicts', 'conflicts', [CompletionResultType]::ParameterValue, 'Tell what on this machine will bite: listeners in each other''s way')
            [CompletionResult]::new('map', 'map', [CompletionResultType]::ParameterValue, 'Tell who talks to whom: services, and the connections between them')
            [CompletionResult]::new('ephemeral', 'ephemeral', [CompletionResultType]::ParameterValue, 'Tell how full the ports for outgoing connections are, and because of whom')
            [CompletionResult]::new('capture', 'capture', [CompletionResultType]::ParameterValue, 'Record what the readers saw, to be replayed with --from')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of --json')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'portwho;why' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--owners', '--owners', [CompletionResultType]::ParameterName, 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Explain a recording of "portwho capture"')
            [CompletionResult]::new('--all-netns', '--all-netns', [CompletionResultType]::ParameterName, 'Look into every network namespace (root sees all of them)')
            [CompletionResult]::new('--no-runtime', '--no-runtime', [CompletionResultType]::ParameterName, 'Ask no runtime (Docker, Podman) for the names of its containers')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how the answer was found')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how the answer was found')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;check' {
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Read specs from a file, one a line; "#" begins a comment')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Ask whether the port is held, listening, by this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). Whoever starts a program chooses its name, so a name alone is no proof: add user=')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Judge a recording of "portwho capture"; nothing is bound then')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Shape of the answer')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--no-reuse-addr', '--no-reuse-addr', [CompletionResultType]::ParameterName, 'Judge for a TCP server that does not set SO_REUSEADDR')
            [CompletionResult]::new('--reuse-addr', '--reuse-addr', [CompletionResultType]::ParameterName, 'Judge for a UDP server that sets SO_REUSEADDR')
            [CompletionResult]::new('--reuse-port', '--reuse-port', [CompletionResultType]::ParameterName, 'Judge for a server that sets SO_REUSEPORT to join a group')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'Confirm every verdict by a real bind')
            [CompletionResult]::new('--no-probe', '--no-probe', [CompletionResultType]::ParameterName, 'Bind nothing; what only a bind can tell stays unknown')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON; the same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing, only exit with a code')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing, only exit with a code')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Leave out the line of column titles')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;free' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many ports')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'How many ports')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Address that the server would bind, instead of all')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Choose the same ports for the same number')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--exec', '--exec', [CompletionResultType]::ParameterName, 'Run a command with the port in PORT (all of them in PORTS), and exit with its code')
            [CompletionResult]::new('--consecutive', '--consecutive', [CompletionResultType]::ParameterName, 'Only ports that follow each other')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'UDP ports')
            [CompletionResult]::new('--udp', '--udp', [CompletionResultType]::ParameterName, 'UDP ports')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Find SCTP ports')
            [CompletionResult]::new('--sctp', '--sctp', [CompletionResultType]::ParameterName, 'Find SCTP ports')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;wait' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up after this time, with exit code 1')
            [CompletionResult]::new('--owner', '--owner', [CompletionResultType]::ParameterName, 'Count only this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). A name alone is no proof')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--gone', '--gone', [CompletionResultType]::ParameterName, 'Wait until nothing listens there, and no socket keeps the port without listening')
            [CompletionResult]::new('--fail-fast', '--fail-fast', [CompletionResultType]::ParameterName, 'Give up at once when a stranger listens, or when the owner is hidden')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing, only exit with a code')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing, only exit with a code')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;conflicts' {
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'Least severity to report')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Judge a recording of "portwho capture"')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;map' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Shape of the answer')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--owners', '--owners', [CompletionResultType]::ParameterName, 'How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Map a recording of "portwho capture"')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON; the same as --format json')
            [CompletionResult]::new('--all-netns', '--all-netns', [CompletionResultType]::ParameterName, 'Look into every network namespace (root sees all of them)')
            [CompletionResult]::new('--no-runtime', '--no-runtime', [CompletionResultType]::ParameterName, 'Ask no runtime (Docker, Podman) for the names of its containers')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;ephemeral' {
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'Count twice, so long apart, and tell how fast each fills')
            [CompletionResult]::new('--fail-at', '--fail-at', [CompletionResultType]::ParameterName, 'Exit with code 1 when this part of a budget is used, or more')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'How many budgets to tell of, the fullest first')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Shape of the answer')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Judge a recording of "portwho capture"')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Count again and again, on a terminal in place')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing, only exit with a code')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing, only exit with a code')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON; the same as --format json')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Leave out the line of column titles')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;capture' {
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where to read from')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace arguments, directories, addresses and names of users and of the host')
            [CompletionResult]::new('--all-netns', '--all-netns', [CompletionResultType]::ParameterName, 'Record every network namespace (root sees all of them)')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the file, or the link, that is there')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'portwho;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'portwho;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'portwho;help' {
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Tell why a port is taken: by whom, what it is part of, and what to do')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tell whether ports can be bound, and who is in the way')
            [CompletionResult]::new('free', 'free', [CompletionResultType]::ParameterValue, 'Name free ports')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until something listens, or nothing does any more')
            [CompletionResult]::new('conflicts', 'conflicts', [CompletionResultType]::ParameterValue, 'Tell what on this machine will bite: listeners in each other''s way')
            [CompletionResult]::new('map', 'map', [CompletionResultType]::ParameterValue, 'Tell who talks to whom: services, and the connections between them')
            [CompletionResult]::new('ephemeral', 'ephemeral', [CompletionResultType]::ParameterValue, 'Tell how full the ports for outgoing connections are, and because of whom')
            [CompletionResult]::new('capture', 'capture', [CompletionResultType]::ParameterValue, 'Record what the readers saw, to be replayed with --from')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of --json')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'portwho;help;why' {
            break
        }
        'portwho;help;check' {
            break
        }
        'portwho;help;free' {
            break
        }
        'portwho;help;wait' {
            break
        }
        'portwho;help;conflicts' {
            break
        }
        'portwho;help;map' {
            break
        }
        'portwho;help;ephemeral' {
            break
        }
        'portwho;help;capture' {
            break
        }
        'portwho;help;schema' {
            break
        }
        'portwho;help;completions' {
            break
        }
        'portwho;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

module completions {

  def "nu-complete portwho format" [] {
    [ "table" "card" "plain" "json" "ndjson" "csv" ]
  }

  def "nu-complete portwho color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete portwho source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  def "nu-complete portwho owners" [] {
    [ "auto" "bpf" "proc" ]
  }

  # Tell who has a port
  export extern portwho [
    --tcp(-t)                 # Show TCP sockets, MPTCP among them
    --udp(-u)                 # Show UDP sockets
    --sctp(-S)                # Show SCTP sockets
    --listening(-l)           # Show only what listens, even where a port is asked for
    --all(-a)                 # Show every protocol, in every state
    --ipv4(-4)                # Show what takes IPv4, dual-stack sockets included
    --ipv6(-6)                # Show what takes IPv6, dual-stack sockets included
    --all-netns               # Look into every network namespace (root sees all of them)
    --no-runtime              # Ask no runtime (Docker, Podman) for the names of its containers
    --no-owners               # Skip the search for owners
    --format: string@"nu-complete portwho format" # Shape of the answer [default: card for one port, else table]
    --json                    # Print JSON; the same as --format json
    --columns: string         # Columns to show, or +NAME and -NAME to add and remove; "help" lists them
    --sort: string            # Sort by port, address, protocol, state, peer, process, pid, user, since, service, reach or queue; -NAME for descending order
    --no-header               # Leave out the line of column titles
    --numeric(-n)             # Show numbers, no service names
    --processes(-p)           # Accepted out of habit: owners are always shown
    --color: string@"nu-complete portwho color" # When to colour the output
    --verbose(-v)             # Say how the answer was found
    --source: string@"nu-complete portwho source" # Where to read from
    --owners: string@"nu-complete portwho owners" # How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]
    --from: path              # Replay a recording of "portwho capture"; "-" for standard input
    --help(-h)                # Print help (see more with '--help')
    --version(-V)             # Print version
    ...selectors: string      # What to show: a port, an address, a protocol, a process name ... (can be repeated)
  ]

  def "nu-complete portwho why color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete portwho why source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  def "nu-complete portwho why owners" [] {
    [ "auto" "bpf" "proc" ]
  }

  # Tell why a port is taken: by whom, what it is part of, and what to do
  export extern "portwho why" [
    --all-netns               # Look into every network namespace (root sees all of them)
    --no-runtime              # Ask no runtime (Docker, Podman) for the names of its containers
    --json                    # Print JSON
    --color: string@"nu-complete portwho why color" # When to colour the output
    --verbose(-v)             # Say how the answer was found
    --source: string@"nu-complete portwho why source" # Where to read from
    --owners: string@"nu-complete portwho why owners" # How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]
    --from: path              # Explain a recording of "portwho capture"
    --help(-h)                # Print help (see more with '--help')
    ...selectors: string      # A port, or another selector (can be repeated)
  ]

  def "nu-complete portwho check source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  def "nu-complete portwho check format" [] {
    [ "table" "json" "github" ]
  }

  def "nu-complete portwho check color" [] {
    [ "auto" "always" "never" ]
  }

  # Tell whether ports can be bound, and who is in the way
  export extern "portwho check" [
    --file: path              # Read specs from a file, one a line; "#" begins a comment
    --no-reuse-addr           # Judge for a TCP server that does not set SO_REUSEADDR
    --reuse-addr              # Judge for a UDP server that sets SO_REUSEADDR
    --reuse-port              # Judge for a server that sets SO_REUSEPORT to join a group
    --expect: string          # Ask whether the port is held, listening, by this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). Whoever starts a program chooses its name, so a name alone is no proof: add user=
    --probe                   # Confirm every verdict by a real bind
    --no-probe                # Bind nothing; what only a bind can tell stays unknown
    --source: string@"nu-complete portwho check source" # Where to read from
    --from: path              # Judge a recording of "portwho capture"; nothing is bound then
    --format: string@"nu-complete portwho check format" # Shape of the answer
    --json                    # Print JSON; the same as --format json
    --quiet(-q)               # Print nothing, only exit with a code
    --no-header               # Leave out the line of column titles
    --color: string@"nu-complete portwho check color" # When to colour the output
    --help(-h)                # Print help (see more with '--help')
    ...specs: string          # What a server would bind; "-" reads them from standard input (can be repeated)
  ]

  def "nu-complete portwho free source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  # Name free ports
  export extern "portwho free" [
    --count(-n): string       # How many ports
    --consecutive             # Only ports that follow each other
    --udp(-u)                 # UDP ports
    --sctp(-S)                # Find SCTP ports
    --address: string         # Address that the server would bind, instead of all
    --seed: string            # Choose the same ports for the same number
    --json                    # Print JSON
    --source: string@"nu-complete portwho free source" # Where to read from
    --exec: string            # Run a command with the port in PORT (all of them in PORTS), and exit with its code
    --help(-h)                # Print help (see more with '--help')
    range?: string            # Ports to choose from: 8000-8999, or a list
  ]

  def "nu-complete portwho wait color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete portwho wait source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  # Wait until something listens, or nothing does any more
  export extern "portwho wait" [
    --gone                    # Wait until nothing listens there, and no socket keeps the port without listening
    --timeout: string         # Give up after this time, with exit code 1
    --owner: string           # Count only this owner: name=NAME (the whole name), user=USER (of the process and of the socket), pid=PID (can be repeated). A name alone is no proof
    --fail-fast               # Give up at once when a stranger listens, or when the owner is hidden
    --quiet(-q)               # Print nothing, only exit with a code
    --json                    # Print JSON
    --color: string@"nu-complete portwho wait color" # When to colour the output
    --source: string@"nu-complete portwho wait source" # Where to read from
    --help(-h)                # Print help (see more with '--help')
    ...selectors: string      # What to wait for: a port, an address and port, an owner ... (all of them)
  ]

  def "nu-complete portwho conflicts level" [] {
    [ "info" "warning" "error" ]
  }

  def "nu-complete portwho conflicts color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete portwho conflicts source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  # Tell what on this machine will bite: listeners in each other's way
  export extern "portwho conflicts" [
    --level: string@"nu-complete portwho conflicts level" # Least severity to report
    --json                    # Print JSON
    --color: string@"nu-complete portwho conflicts color" # When to colour the output
    --source: string@"nu-complete portwho conflicts source" # Where to read from
    --from: path              # Judge a recording of "portwho capture"
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete portwho map format" [] {
    [ "text" "dot" "mermaid" "json" ]
  }

  def "nu-complete portwho map color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete portwho map source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  def "nu-complete portwho map owners" [] {
    [ "auto" "bpf" "proc" ]
  }

  # Tell who talks to whom: services, and the connections between them
  export extern "portwho map" [
    --format: string@"nu-complete portwho map format" # Shape of the answer
    --json                    # Print JSON; the same as --format json
    --all-netns               # Look into every network namespace (root sees all of them)
    --no-runtime              # Ask no runtime (Docker, Podman) for the names of its containers
    --color: string@"nu-complete portwho map color" # When to colour the output
    --source: string@"nu-complete portwho map source" # Where to read from
    --owners: string@"nu-complete portwho map owners" # How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]
    --from: path              # Map a recording of "portwho capture"
    --help(-h)                # Print help (see more with '--help')
    ...selectors: string      # Services to show, with what they talk to: a port, a process name ... (can be repeated)
  ]

  def "nu-complete portwho ephemeral format" [] {
    [ "table" "plain" "json" "ndjson" "csv" ]
  }

  def "nu-complete portwho ephemeral color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete portwho ephemeral source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  # Tell how full the ports for outgoing connections are, and because of whom
  export extern "portwho ephemeral" [
    --interval: string        # Count twice, so long apart, and tell how fast each fills
    --watch                   # Count again and again, on a terminal in place
    --fail-at: string         # Exit with code 1 when this part of a budget is used, or more
    --top: string             # How many budgets to tell of, the fullest first
    --quiet(-q)               # Print nothing, only exit with a code
    --format: string@"nu-complete portwho ephemeral format" # Shape of the answer
    --json                    # Print JSON; the same as --format json
    --no-header               # Leave out the line of column titles
    --color: string@"nu-complete portwho ephemeral color" # When to colour the output
    --source: string@"nu-complete portwho ephemeral source" # Where to read from
    --from: path              # Judge a recording of "portwho capture"
    --help(-h)                # Print help (see more with '--help')
    ...selectors: string      # Which budgets: peer=ADDRESS:PORT, a local address, name=NAME, state=STATE ... (can be repeated)
  ]

  def "nu-complete portwho capture source" [] {
    [ "auto" "native" "proc" "portable" ]
  }

  # Record what the readers saw, to be replayed with --from
  export extern "portwho capture" [
    --redact                  # Replace arguments, directories, addresses and names of users and of the host
    --all-netns               # Record every network namespace (root sees all of them)
    --force                   # Replace the file, or the link, that is there
    --source: string@"nu-complete portwho capture source" # Where to read from
    --help(-h)                # Print help (see more with '--help')
    file: path                # File to write, readable by you alone; "-" for standard output
  ]

  # Print the JSON Schema of --json
  export extern "portwho schema" [
    --help(-h)                # Print help
  ]

  def "nu-complete portwho completions shell" [] {
    [ "bash" "zsh" "fish" "powershell" "elvish" "nushell" ]
  }

  # Print a shell's completion script
  export extern "portwho completions" [
    --help(-h)                # Print help
    shell: string@"nu-complete portwho completions shell" # Shell to complete for
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "portwho help" [
  ]

  # Tell why a port is taken: by whom, what it is part of, and what to do
  export extern "portwho help why" [
  ]

  # Tell whether ports can be bound, and who is in the way
  export extern "portwho help check" [
  ]

  # Name free ports
  export extern "portwho help free" [
  ]

  # Wait until something listens, or nothing does any more
  export extern "portwho help wait" [
  ]

  # Tell what on this machine will bite: listeners in each other's way
  export extern "portwho help conflicts" [
  ]

  # Tell who talks to whom: services, and the connections between them
  export extern "portwho help map" [
  ]

  # Tell how full the ports for outgoing connections are, and because of whom
  export extern "portwho help ephemeral" [
  ]

  # Record what the readers saw, to be replayed with --from
  export extern "portwho help capture" [
  ]

  # Print the JSON Schema of --json
  export extern "portwho help schema" [
  ]

  # Print a shell's completion script
  export extern "portwho help completions" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "portwho help help" [
  ]

}

export use completions *

//! What the reader of an answer must know beside its rows.

/// Stable code of a note, part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteCode {
    /// A table of sockets could not be read: rows of it may be missing.
    TableUnknown,
    /// A table was read in part.
    TablePartial,
    /// A table was read by the second-best way; nothing is missing.
    TableFallback,
    /// Sockets that are bound without listening cannot be seen on this system.
    BoundUnseen,
    /// Sockets of a protocol that is not read are in use; the count is their number.
    ProtocolsUnread,
    /// Owners of listed sockets could not be seen; the count is the number of such sockets.
    OwnersHidden,
    /// No process has a descriptor of some of the sockets; the count is their number.
    OwnersNotFound,
    /// Processes could not be looked into; the count is their number.
    ProcessesRefused,
    /// Network namespaces may have been missed; the count is the number of processes that did not tell
    /// theirs.
    NamespacesRefused,
    /// Rules of the packet filter could not be read, or not all of them understood: they may send
    /// elsewhere what comes to a port.
    RulesUnread,
    /// An address that was asked for is none of this machine's; the count is the number of sockets that are
    /// connected to it.
    AddressElsewhere,
    /// The machine's addresses could not be read; the count is the number of sockets that may receive for
    /// an address that was asked for.
    AddressesUnknown,
    /// A name could not be looked up in the system's user database.
    UsersUnknown,
    /// Sockets belong to users without a number in the reader's user namespace; the count is the number of
    /// such sockets.
    UsersUnmapped,
    /// A BPF program, or a service of the load balancer for marked packets, may take what comes to any
    /// port.
    PortsSteered,
    /// Arguments and projects of processes that were not read, since reading them could take any time;
    /// the count is the number of such processes.
    DetailsLeftOut,
    /// Processes have more arguments than were read; the count is their number.
    ArgumentsCut,
    /// Projects of processes that were not sought to the end; the count is the number of processes.
    ProjectsLeftOut,
    /// How owners were found; nothing is missing.
    OwnersFoundBy,
    /// The system does not tell which ports it gives to outgoing connections.
    RangeUnknown,
    /// Closed connections that keep their ports cannot be seen on this system.
    TimeWaitUnseen,
    /// A socket may have a range of its own, which the system does not show.
    SocketRangesUnseen,
}

impl NoteCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TableUnknown => "table-unknown",
            Self::TablePartial => "table-partial",
            Self::TableFallback => "table-fallback",
            Self::BoundUnseen => "bound-unseen",
            Self::ProtocolsUnread => "protocols-unread",
            Self::OwnersHidden => "owners-hidden",
            Self::OwnersNotFound => "owners-not-found",
            Self::ProcessesRefused => "processes-refused",
            Self::NamespacesRefused => "namespaces-refused",
            Self::RulesUnread => "rules-unread",
            Self::PortsSteered => "ports-steered",
            Self::AddressElsewhere => "address-elsewhere",
            Self::AddressesUnknown => "addresses-unknown",
            Self::UsersUnknown => "users-unknown",
            Self::UsersUnmapped => "users-unmapped",
            Self::DetailsLeftOut => "details-left-out",
            Self::ArgumentsCut => "arguments-cut",
            Self::ProjectsLeftOut => "projects-left-out",
            Self::OwnersFoundBy => "owners-found-by",
            Self::RangeUnknown => "range-unknown",
            Self::TimeWaitUnseen => "time-wait-unseen",
            Self::SocketRangesUnseen => "socket-ranges-unseen",
        }
    }

    /// Whether it is told on standard error without being asked for.
    pub fn is_told(self) -> bool {
        matches!(
            self,
            Self::TableUnknown
                | Self::TablePartial
                | Self::OwnersHidden
                | Self::OwnersNotFound
                | Self::RangeUnknown
                | Self::TimeWaitUnseen
                | Self::NamespacesRefused
                | Self::PortsSteered
                | Self::UsersUnknown
                | Self::UsersUnmapped
                | Self::DetailsLeftOut
                | Self::AddressElsewhere
                | Self::AddressesUnknown
                | Self::ArgumentsCut
                | Self::ProjectsLeftOut
        )
    }

    /// Whether something is missing from the answer because of it.
    pub fn is_loss(self) -> bool {
        !matches!(
            self,
            Self::TableFallback
                | Self::OwnersFoundBy
                | Self::SocketRangesUnseen
                | Self::RulesUnread
                | Self::PortsSteered
                | Self::DetailsLeftOut
                | Self::AddressElsewhere
                | Self::ArgumentsCut
                | Self::ProjectsLeftOut
        )
    }
}

/// One remark on a snapshot. The message is portwho's own words, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub code: NoteCode,
    pub message: String,
    pub count: Option<u64>,
}

//! The state of a socket.

use serde::{Deserialize, Serialize};

/// TCP states by their names in RFC 9293, and the states of sockets that RFC does not speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Listen,
    /// UDP, UDP-Lite and raw: receives from anybody.
    Unconnected,
    /// TCP: bound to a port, neither listening nor connected.
    Bound,
    Established,
    SynSent,
    SynRecv,
    #[serde(rename = "fin_wait_1")]
    FinWait1,
    #[serde(rename = "fin_wait_2")]
    FinWait2,
    TimeWait,
    CloseWait,
    LastAck,
    Closing,
    Closed,
}

impl State {
    pub const ALL: [Self; 13] = [
        Self::Listen,
        Self::Unconnected,
        Self::Bound,
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::CloseWait,
        Self::LastAck,
        Self::Closing,
        Self::Closed,
    ];

    /// The name in JSON, in tables and in `state=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Unconnected => "unconnected",
            Self::Bound => "bound",
            Self::Established => "established",
            Self::SynSent => "syn_sent",
            Self::SynRecv => "syn_recv",
            Self::FinWait1 => "fin_wait_1",
            Self::FinWait2 => "fin_wait_2",
            Self::TimeWait => "time_wait",
            Self::CloseWait => "close_wait",
            Self::LastAck => "last_ack",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }

    /// Reads a state as people write it: any case, `-` for `_`, the short forms of `ss` and `netstat`.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '_' | '-'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let alias = match plain.as_str() {
            "listening" => "listen",
            "unconn" => "unconnected",
            "estab" | "connected" => "established",
            "synrcvd" | "synreceived" => "synrecv",
            "close" => "closed",
            other => other,
        };
        Self::ALL
            .into_iter()
            .find(|state| state.as_str().replace('_', "") == alias)
    }

    /// Whether the socket waits for strangers: a TCP listener, or a datagram socket without a peer.
    pub fn is_listening(self) -> bool {
        matches!(self, Self::Listen | Self::Unconnected)
    }
}

/// A set of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateSet(u16);

impl StateSet {
    pub const EMPTY: Self = Self(0);

    pub fn all() -> Self {
        State::ALL.into_iter().collect()
    }

    pub fn listening() -> Self {
        State::ALL
            .into_iter()
            .filter(|state| state.is_listening())
            .collect()
    }

    pub fn contains(self, state: State) -> bool {
        self.0 & (1 << state as u16) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn insert(&mut self, state: State) {
        self.0 |= 1 << state as u16;
    }

    pub fn iter(self) -> impl Iterator<Item = State> {
        State::ALL
            .into_iter()
            .filter(move |state| self.contains(*state))
    }
}

impl FromIterator<State> for StateSet {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        let mut set = Self::EMPTY;
        states.into_iter().for_each(|state| set.insert(state));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn habits_of_other_tools_are_read() {
        assert_eq!(State::from_name("TIME-WAIT"), Some(State::TimeWait));
        assert_eq!(State::from_name("ESTAB"), Some(State::Established));
        assert_eq!(State::from_name("fin-wait-2"), Some(State::FinWait2));
        assert_eq!(State::from_name("FIN_WAIT1"), Some(State::FinWait1));
        assert_eq!(State::from_name("nonsense"), None);
        assert_eq!(State::from_name(""), None);
    }
}

//! Which sockets have a card together: those of one port that the same processes hold, as servers with a
//! socket for each address or each worker have.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use crate::judge::Taken;
use crate::model::{OwnerStatus, ProcessKey, Protocol, Row, State};

/// Sockets of one card, and the connections through them.
pub struct Group<'a> {
    pub holders: Vec<&'a Row>,
    pub connections: Vec<&'a Row>,
}

/// What all sockets of a card have in common, their role apart.
type Alike = (
    (Protocol, State, Option<u16>, Option<u64>),
    Vec<ProcessKey>,
    (OwnerStatus, Option<u32>, bool),
);

/// `None` where that is not known: owners that were not seen may differ.
fn alike(row: &Row) -> Option<Alike> {
    let socket = &row.socket;
    socket.local.port?;
    if row.owners.is_empty() && !row.owner_status.is_none() {
        return None;
    }
    let place = (
        socket.protocol,
        socket.state,
        socket.local.port,
        socket.netns(),
    );
    let owners = row.owners.iter().map(|owner| owner.process.key).collect();
    let is_alive = socket.inode.map(NonZeroU64::get).is_some();
    Some((place, owners, (row.owner_status, socket.uid(), is_alive)))
}

/// The cards, in the order of the first of their sockets.
pub fn groups<'a>(cards: &[Taken<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: BTreeMap<Alike, Vec<usize>> = BTreeMap::new();
    for card in cards {
        let Some(holder) = card.holder else {
            groups.push(Group {
                holders: Vec::new(),
                connections: card.connections.clone(),
            });
            continue;
        };
        let same = alike(holder).map(|key| known.entry(key).or_default());
        let has_role = |at: &&usize| groups[**at].holders[0].role == holder.role;
        match same.as_ref().and_then(|same| same.iter().find(has_role)) {
            Some(at) => {
                let group = &mut groups[*at];
                group.holders.push(holder);
                group.connections.extend(&card.connections);
            }
            None => {
                if let Some(same) = same {
                    same.push(groups.len());
                }
                groups.push(Group {
                    holders: vec![holder],
                    connections: card.connections.clone(),
                });
            }
        }
    }
    groups
}

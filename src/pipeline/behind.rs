//! Finds who listens where rules of the packet filter lead, in other network namespaces.

use std::rc::Rc;

use super::{Survey, survey};
use crate::judge::listener_behind;
use crate::model::{Depth, Dnat, Namespaces, PortSet, Snapshot};
use crate::read::Source;
use crate::select::{Place, Query, View};

/// Names the listeners behind the rules that lead to no container, where every namespace is looked into.
pub fn find(source: &mut dyn Source, snapshot: &mut Snapshot, wanted: &Survey) {
    let is_bare = |rule: &Dnat| rule.container.is_none() && rule.to.is_some();
    let bare = snapshot.forwards.iter().filter(|rule| is_bare(rule));
    let places: Vec<Place> = bare
        .map(|rule| Place {
            protocol: Some(rule.protocol),
            addresses: None,
            ports: Some(PortSet::from_ranges([rule.target_ports()])),
        })
        .collect();
    if wanted.namespaces == Namespaces::Own || places.is_empty() {
        return;
    }
    let of_targets = Survey {
        query: Query {
            view: View::Listening,
            places,
            ..Query::default()
        },
        owners: true,
        depth: Some(Depth::Names),
        namespaces: wanted.namespaces,
        addresses: true,
        ..Survey::default()
    };
    let (found, _) = survey(source, &of_targets);
    for rule in snapshot.forwards.iter_mut().filter(|rule| is_bare(rule)) {
        let listener = listener_behind(rule, &found);
        rule.listener = listener.cloned().map(Rc::new);
    }
}

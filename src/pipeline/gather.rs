//! Makes rows of sockets as they come from the system, and of those alone that are wanted.

use super::Survey;
use crate::model::{Namespaces, Row, Scope};
use crate::normalize::{Gathering, sockets};
use crate::read::raw::{RawNamespace, RawSocket, RawSockets, RawTable};
use crate::read::{Source, Visitor};
use crate::select::Query;

/// Gives the rows of the scope that the query wants, and how their tables were read. Where the other
/// ends of connections are asked for, which nobody knows before all is read, it gives every row.
pub fn gather(source: &mut dyn Source, scope: &Scope, survey: &Survey) -> (Vec<Row>, RawSockets) {
    let query = (!survey.other_ends).then_some(&survey.query);
    let wants = |row: &Row| query.is_none_or(|query| query.wants(&row.socket));
    if scope.namespaces == Namespaces::All {
        // Other namespaces are read by a thread, which gives what it has at its end.
        let raw = source.sockets(scope);
        let tables = without_sockets(&raw);
        let mut rows = sockets(raw);
        rows.retain(wants);
        return (rows, tables);
    }
    let mut visitor = Wanted {
        query,
        gathering: Gathering::default(),
        kept: 0,
    };
    let raw = source.visit(scope, &mut visitor);
    let has_unseen = visitor.gathering.has_unseen();
    let mut rows = visitor.gathering.settle(&raw);
    if has_unseen {
        rows.retain(wants);
    }
    (rows, raw)
}

fn without_sockets(raw: &RawSockets) -> RawSockets {
    let table = |table: &RawTable| RawTable {
        protocol: table.protocol,
        family: table.family,
        via: table.via,
        outcome: table.outcome.clone(),
        unseen: table.unseen,
        sockets: Vec::new(),
    };
    let namespace = |namespace: &RawNamespace| RawNamespace {
        name: namespace.name.clone(),
        container: namespace.container.clone(),
        addresses: namespace.addresses.clone(),
        sockets: without_sockets(&namespace.sockets),
    };
    RawSockets {
        tables: raw.tables.iter().map(table).collect(),
        interfaces: raw.interfaces.clone(),
        network: raw.network.clone(),
        elsewhere: raw.elsewhere.iter().map(namespace).collect(),
        ..*raw
    }
}

/// Keeps what a query wants.
struct Wanted<'a> {
    query: Option<&'a Query>,
    gathering: Gathering,
    /// Rows of tables that have been read to their ends.
    kept: usize,
}

impl Visitor for Wanted<'_> {
    fn see(&mut self, socket: RawSocket) {
        let query = self.query;
        self.gathering.take(socket, |socket| {
            query.is_none_or(|query| query.wants(socket))
        });
    }

    fn forget(&mut self) {
        self.gathering.truncate(self.kept);
    }

    fn keep(&mut self) {
        self.kept = self.gathering.count();
    }
}

//! Lists of virtual services of any content: what is sent elsewhere was asked for.

use portwho::model::{Destinations, PortSet};
use portwho::read::linux::ipvs::decode;
use portwho::read::raw::RawForwards;

/// # Panics
/// Where packets are sent elsewhere that nothing was asked about.
pub fn hold(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count();
    let asked = Destinations {
        ports: PortSet::from_ranges([(80, 80), (443, 444)]),
        ..Destinations::everywhere()
    };
    let mut found = RawForwards::default();
    let _ = decode(&text, &asked, &mut found);
    assert!(found.forwards.len() <= 2 * lines && found.marks.len() <= lines);
    for one in &found.forwards {
        assert!(asked.ports.contains(one.ports.0) && asked.ports.contains(one.ports.1));
        assert!(one.address.is_some() && one.to.is_some(), "{one:?}");
    }
}

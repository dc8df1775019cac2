//! Selectors of any text: taken or refused; what is taken is printed and taken again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho::cli::{add_selector, parse_place};
use portwho::judge::claims;
use portwho::select::Query;

fuzz_target!(|text: &str| {
    if let Ok(place) = parse_place(text) {
        assert_eq!(parse_place(&place.to_string()).as_ref(), Ok(&place));
        let ports = place.ports.iter().flat_map(|ports| ports.ranges());
        ports.for_each(|(first, last)| assert!(1 <= *first && first <= last));
        if place
            .ports
            .as_ref()
            .is_some_and(|ports| ports.single().is_some())
        {
            let _ = claims(&place);
        }
    }
    let mut query = Query::default();
    match add_selector(&mut query, text) {
        Ok(()) => {
            query.scope();
        }
        Err(failure) => {
            let shown = failure.to_string();
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
            assert!(shown.lines().count() <= 2);
        }
    }
});

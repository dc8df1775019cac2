//! Files of `/proc` and `/etc/passwd` of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho::model::Protocol;
use portwho::normalize::full_name;
use portwho::read::linux::proc_net::decode_table;
use portwho::read::linux::proc_text as text;
use portwho::read::linux::wire::ByteOrder;
use portwho::render::Clean;

fuzz_target!(|bytes: &[u8]| {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for protocol in Protocol::ALL {
            decode_table(bytes, protocol, order);
        }
    }
    let stat = text::decode_stat(bytes);
    let command = text::decode_command(bytes);
    let comm = stat.as_ref().map(|stat| &stat.comm);
    let name = full_name(
        comm,
        command.as_ref().and_then(|words| words.first()),
        command.as_deref(),
    );
    let clean = Clean::new(name.unclean());
    assert!(!clean.as_str().chars().any(char::is_control));
    assert!(clean.cut(7).width() <= 7 && clean.cut_middle(7).width() <= 7);
    text::decode_socket_link(bytes);
    text::parse_passwd(bytes);
    text::parse_range(bytes);
    text::parse_ranges(bytes);
    text::hides_processes(bytes);
});

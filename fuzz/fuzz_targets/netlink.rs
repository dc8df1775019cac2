//! Datagrams of sock_diag of any content, as a kernel of either byte order would give them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho::model::Protocol;
use portwho::read::linux::inet_diag::decode_row;
use portwho::read::linux::sctp;
use portwho::read::linux::wire::{ByteOrder, Message, Messages};
use portwho::read::linux::{addresses, devices, routes};

fuzz_target!(|bytes: &[u8]| {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for message in Messages::new(bytes, 7, order) {
            if let Message::Row(body) = message {
                let _ = sctp::decode_rows(body, order);
                for protocol in Protocol::ALL {
                    if let Some(row) = decode_row(body, protocol, order) {
                        assert!(row.handle != 0 || row.uid.is_none());
                    }
                }
            }
        }
        addresses::decode(bytes, 7, order, &mut Vec::new());
        devices::decode(bytes, 7, order, &mut Vec::new());
        routes::decode(bytes, 7, order, &mut Vec::new());
    }
});

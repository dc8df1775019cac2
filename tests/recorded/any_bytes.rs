//! Whatever a kernel or a file gives: decoders answer or refuse, never panic, never claim too much.

use portwho::model::Protocol;
use portwho::read::linux::inet_diag::decode_row;
use portwho::read::linux::proc_net::decode_table;
use portwho::read::linux::proc_text as text;
use portwho::read::linux::sctp;
use portwho::read::linux::wire::{ByteOrder, Message, Messages};
use proptest::prelude::*;

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Reads bytes as datagrams and their rows as sockets; the rows may not outnumber what could hold them.
fn read_datagram(bytes: &[u8]) -> Result<(), TestCaseError> {
    for order in ORDERS {
        let mut rows = 0;
        for message in Messages::new(bytes, 7, order) {
            if let Message::Row(body) = message {
                rows += 1;
                let _ = sctp::decode_rows(body, order);
                for protocol in Protocol::ALL {
                    let row = decode_row(body, protocol, order);
                    let is_orphan = |row: &portwho::read::raw::RawSocket| row.handle == 0;
                    prop_assert!(
                        row.as_ref()
                            .is_none_or(|row| !is_orphan(row) || row.uid.is_none())
                    );
                }
            }
        }
        prop_assert!(rows <= bytes.len() / 16);
    }
    Ok(())
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn any_bytes_are_read_as_messages(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_datagram(&bytes)?;
    }

    #[test]
    fn a_damaged_dump_is_read(damage in prop::collection::vec((0_usize..2088, any::<u8>()), 1..6)) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raw/tcp-every-state.bin");
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        read_datagram(&bytes)?;
        read_datagram(&bytes[..bytes.len() / 2 + 1])?;
    }

    #[test]
    fn a_damaged_dump_of_sctp_is_read(damage in prop::collection::vec((0_usize..5936, any::<u8>()), 1..6)) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raw/sctp/sctp-ipv4-all.bin");
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        for message in Messages::new(&bytes, 1, ByteOrder::Little) {
            if let Message::Row(body) = message {
                let _ = sctp::decode_rows(body, ByteOrder::Little);
            }
        }
    }

    #[test]
    fn any_text_is_a_table_of_as_many_rows_as_lines(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for order in ORDERS {
            let (rows, skipped) = decode_table(&bytes, Protocol::Tcp, order);
            let lines = bytes.split(|byte| *byte == b'\n').count();
            prop_assert!(rows.len() + skipped < lines.max(1) + 1);
        }
    }

    #[test]
    fn a_name_of_any_bytes_is_whole(name in prop::collection::vec(1_u8.., 0..16)) {
        let mut stat = b"42 (".to_vec();
        stat.extend(&name);
        stat.extend(b") S 1 2 3 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 98765 0 0");
        let decoded = text::decode_stat(&stat).unwrap();
        prop_assert_eq!(decoded.comm.unclean(), String::from_utf8_lossy(&name));
        prop_assert_eq!((decoded.parent_pid, decoded.start), (1, 98765));
    }

    #[test]
    fn any_bytes_are_texts_of_proc(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = text::decode_stat(&bytes);
        let _ = text::decode_socket_link(&bytes);
        let _ = text::parse_passwd(&bytes);
        let _ = text::parse_range(&bytes);
        let _ = text::parse_ranges(&bytes);
        let _ = text::hides_processes(&bytes);
        let _ = text::covers_every_uid(&bytes);
        let _ = sctp::decode_eps(&bytes);
        let _ = sctp::decode_assocs(&bytes);
        let command = text::decode_command(&bytes);
        prop_assert!(command.is_none_or(|words| !words.is_empty()));
    }

    #[test]
    fn arguments_are_what_was_passed(words in prop::collection::vec("[^\0]{1,12}", 1..5)) {
        let text: String = words.iter().map(|word| format!("{word}\0")).collect();
        let decoded = text::decode_command(text.as_bytes()).unwrap();
        let decoded: Vec<&str> = decoded.iter().map(portwho::model::Foreign::unclean).collect();
        prop_assert_eq!(decoded, words);
    }

    #[test]
    fn inode_numbers_are_read_back(inode: u64) {
        prop_assert_eq!(text::decode_socket_link(format!("socket:[{inode}]").as_bytes()), Some(inode));
    }
}

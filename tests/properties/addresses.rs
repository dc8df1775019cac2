//! Datagrams of rtnetlink of any content, of a kernel of either byte order.

use portwho::read::linux::addresses::decode;
use portwho::read::linux::rtnetlink::attributes;
use portwho::read::linux::wire::ByteOrder;

/// # Panics
/// Where there are more addresses than the bytes can hold.
pub fn hold(bytes: &[u8]) {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut found = Vec::new();
        decode(bytes, 7, order, &mut found);
        // A message has 16 bytes of header, 8 of its own, and 8 for the shortest address.
        assert!(found.len() <= bytes.len() / 32);
        assert!(attributes(bytes, order).count() <= bytes.len() / 4);
    }
}

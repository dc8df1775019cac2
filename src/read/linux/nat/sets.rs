//! Sets and maps of nf_tables: what a set is made of, and its elements.

use super::{attribute, attributes, number};
use crate::read::linux::wire::ByteOrder;

/// `NFTA_SET_FLAGS`, `NFTA_SET_KEY_LEN`.
const SET_FLAGS: u16 = 3;
const SET_KEY_LENGTH: u16 = 5;
/// `NFT_SET_INTERVAL`.
const INTERVAL: u32 = 0x4;

/// `NFTA_SET_ELEM_LIST_ELEMENTS`, and in each element key, data, flags and last key.
const ELEMENTS: u16 = 3;
const KEY: u16 = 1;
const DATA: u16 = 2;
const FLAGS: u16 = 3;
const LAST_KEY: u16 = 10;
/// `NFT_SET_ELEM_INTERVAL_END` and `NFT_SET_ELEM_CATCHALL`.
const INTERVAL_END: u32 = 1;
const CATCH_ALL: u32 = 2;

const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;

/// What a set is, without its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub is_of_intervals: bool,
    /// Bytes of a key, where each field of several is filled up to four.
    pub key_length: usize,
}

/// What a key leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    Nothing,
    Value(Vec<u8>),
    Verdict(Verdict),
}

/// What a rule or an element of a map decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted, dropped or queued: no further rule of the chains at this hook is asked.
    End,
    Continue,
    /// The rule does not match.
    Break,
    Jump(Vec<u8>),
    Goto(Vec<u8>),
    Return,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// First and last key, inclusive, field by field; `None` for every key that has no other element.
    pub keys: Option<(Vec<u8>, Vec<u8>)>,
    pub data: Data,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    pub shape: Shape,
    pub elements: Vec<Element>,
}

/// An element as the kernel gives it.
#[derive(Debug, Clone)]
pub struct RawElement {
    key: Vec<u8>,
    last: Option<Vec<u8>>,
    flags: u32,
    data: Data,
}

/// Decodes the attributes of a set (`NFT_MSG_NEWSET`).
pub fn decode_shape(set: &[u8], order: ByteOrder) -> Option<Shape> {
    Some(Shape {
        is_of_intervals: number(set, SET_FLAGS, order).unwrap_or(0) & INTERVAL != 0,
        key_length: usize::try_from(number(set, SET_KEY_LENGTH, order)?).ok()?,
    })
}

/// Adds the elements in a message (`NFT_MSG_NEWSETELEM`); `None` where one is damaged.
pub fn decode_elements(body: &[u8], order: ByteOrder, found: &mut Vec<RawElement>) -> Option<()> {
    let Some(list) = attribute(body, ELEMENTS, order) else {
        return Some(());
    };
    for (_, element) in attributes(list, order) {
        let key = |kind| {
            let key = attribute(element, kind, order)?;
            Some(attribute(key, NFTA_DATA_VALUE, order)?.to_vec())
        };
        let flags = number(element, FLAGS, order).unwrap_or(0);
        found.push(RawElement {
            key: match flags & CATCH_ALL {
                0 => key(KEY)?,
                _ => Vec::new(),
            },
            last: key(LAST_KEY),
            flags,
            data: match attribute(element, DATA, order) {
                None => Data::Nothing,
                Some(data) => decode_data(data, order)?,
            },
        });
    }
    Some(())
}

/// `NFTA_DATA_*`: a value or a verdict.
pub fn decode_data(data: &[u8], order: ByteOrder) -> Option<Data> {
    if let Some(value) = attribute(data, NFTA_DATA_VALUE, order) {
        return Some(Data::Value(value.to_vec()));
    }
    decode_verdict(attribute(data, NFTA_DATA_VERDICT, order)?, order).map(Data::Verdict)
}

/// `NFTA_VERDICT_*`; the codes are those of linux/netfilter.h and `enum nft_verdicts`.
fn decode_verdict(verdict: &[u8], order: ByteOrder) -> Option<Verdict> {
    let chain = || {
        let name = attribute(verdict, NFTA_VERDICT_CHAIN, order)?;
        Some(name.strip_suffix(b"\0").unwrap_or(name).to_vec())
    };
    let code = number(verdict, NFTA_VERDICT_CODE, order)?.cast_signed();
    Some(match code {
        -1 => Verdict::Continue,
        -2 => Verdict::Break,
        -3 => Verdict::Jump(chain()?),
        -4 => Verdict::Goto(chain()?),
        -5 => Verdict::Return,
        _ => Verdict::End,
    })
}

/// Makes a set of its elements.
pub fn assemble(shape: Shape, mut raw: Vec<RawElement>) -> Set {
    if !shape.is_of_intervals || raw.iter().any(|one| one.last.is_some()) {
        let element = |one: RawElement| Element {
            keys: (one.flags & CATCH_ALL == 0).then(|| {
                let last = one.last.unwrap_or_else(|| one.key.clone());
                (one.key, last)
            }),
            data: one.data,
        };
        let elements = raw.into_iter().map(element).collect();
        return Set { shape, elements };
    }
    // Where one interval ends, the next may begin: an end goes before a beginning.
    raw.sort_by(|a, b| {
        let is_begin = |one: &RawElement| one.flags & INTERVAL_END == 0;
        (&a.key, is_begin(a)).cmp(&(&b.key, is_begin(b)))
    });
    let mut elements = Vec::with_capacity(raw.len());
    let mut rest = raw.into_iter().peekable();
    while let Some(one) = rest.next() {
        if one.flags & CATCH_ALL != 0 {
            elements.push(Element {
                keys: None,
                data: one.data,
            });
            continue;
        }
        if one.flags & INTERVAL_END != 0 {
            continue;
        }
        // Without an end it goes up to the last key.
        let last = match rest.peek() {
            Some(next) => before(&next.key),
            None => Some(vec![u8::MAX; one.key.len()]),
        };
        elements.extend(last.map(|last| Element {
            keys: Some((one.key, last)),
            data: one.data,
        }));
    }
    Set { shape, elements }
}

/// The key before this one, as a big-endian number.
fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (less, is_borrowed) = byte.overflowing_sub(1);
        *byte = less;
        if !is_borrowed {
            return Some(key);
        }
    }
    None
}

//! Reading what comes from strangers: the header, one question, and what EDNS says (RFC 1035 §4.1, RFC 6891).
//!
//! Names and header are read by `hickory-proto`. Records behind the question are passed over without reading them, since a
//! query needs none but OPT; names in them are not followed, so a message costs no more than its length. OPT is read here,
//! because a malformed option has to be refused, and that crate drops it with a line in the log.
//!
//! Nothing here fails: what can be read is kept, so that the refusal carries the question and EDNS where they were whole.

use hickory_proto::op::{Header, MessageType, OpCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, DecodeError};

use crate::subnet::{self, Subnet};

/// Length of a header; less cannot be answered.
pub(crate) const HEADER_LEN: usize = 12;
/// Longest name (RFC 1035 §2.3.4).
const MAX_NAME_LEN: usize = 255;

/// A query, as much of it as could be read.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) id: u16,
    pub(crate) op_code: OpCode,
    pub(crate) recursion_desired: bool,
    pub(crate) question: Option<Question>,
    pub(crate) edns: Option<Edns>,
    /// Something in it is malformed: FORMERR.
    pub(crate) is_malformed: bool,
}

/// The question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    /// As it was written, upper and lower case.
    pub(crate) name: Name,
    pub(crate) kind: RecordType,
    pub(crate) class: DNSClass,
}

/// What an OPT record says (RFC 6891 §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Edns {
    pub(crate) version: u8,
    /// Largest reply that the client takes over UDP, in bytes, as it was said.
    pub(crate) payload: u16,
    pub(crate) dnssec_ok: bool,
    pub(crate) subnet: Option<Subnet>,
}

/// Why a message is not answered at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unanswerable {
    /// It has no whole header.
    Short,
    /// It is a response: answering those makes loops.
    Response,
}

/// Reads a message.
pub(crate) fn read(message: &[u8]) -> Result<Query, Unanswerable> {
    let mut decoder = BinDecoder::new(message);
    let header = Header::read(&mut decoder).map_err(|_| Unanswerable::Short)?;
    if header.message_type == MessageType::Response {
        return Err(Unanswerable::Response);
    }
    let mut query = Query {
        id: header.id,
        op_code: header.op_code,
        recursion_desired: header.recursion_desired,
        question: None,
        edns: None,
        is_malformed: false,
    };
    let read = query.read_sections(&header, &mut decoder);
    query.is_malformed |= read.is_err() || !decoder.is_empty();
    Ok(query)
}

/// A message that is not as it has to be.
struct Malformed;

impl From<DecodeError> for Malformed {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

impl Query {
    fn read_sections(&mut self, header: &Header, decoder: &mut BinDecoder<'_>) -> Result<(), Malformed> {
        // RFC 9619: exactly one question. There are no answers in a query.
        if header.counts.queries != 1 || header.counts.answers != 0 {
            return Err(Malformed);
        }
        self.question = Some(read_question(decoder)?);
        for _ in 0..header.counts.authorities {
            if read_record(decoder)?.kind == RecordType::OPT {
                return Err(Malformed);
            }
        }
        for _ in 0..header.counts.additionals {
            let record = read_record(decoder)?;
            if record.kind == RecordType::OPT {
                self.read_opt(&record)?;
            }
        }
        Ok(())
    }

    fn read_opt(&mut self, record: &Record<'_>) -> Result<(), Malformed> {
        // RFC 6891 §6.1.1: one OPT, owned by the root.
        if self.edns.is_some() || !record.is_owned_by_root {
            return Err(Malformed);
        }
        let [_, version, flags, _] = record.ttl.to_be_bytes();
        let dnssec_ok = flags & 0x80 != 0;
        let edns = self.edns.insert(Edns { version, payload: record.class, dnssec_ok, subnet: None });
        // Options of another version may have another form.
        if version == 0 {
            edns.subnet = read_options(record.content)?;
        }
        Ok(())
    }
}

fn read_question(decoder: &mut BinDecoder<'_>) -> Result<Question, Malformed> {
    let name = Name::read(decoder)?;
    // There is nothing before the first name that it could point at (RFC 1035 §4.1.4).
    if decoder.index() - HEADER_LEN != wire_len(&name) {
        return Err(Malformed);
    }
    let kind = RecordType::from(decoder.read_u16()?.unverified());
    let class = DNSClass::from(decoder.read_u16()?.unverified());
    Ok(Question { name, kind, class })
}

/// Length of a name without compression.
fn wire_len(name: &Name) -> usize {
    name.iter().map(|label| label.len() + 1).sum::<usize>() + 1
}

/// A record, its content unread.
struct Record<'m> {
    is_owned_by_root: bool,
    kind: RecordType,
    class: u16,
    ttl: u32,
    content: &'m [u8],
}

fn read_record<'m>(decoder: &mut BinDecoder<'m>) -> Result<Record<'m>, Malformed> {
    let owner_len = pass_name(decoder)?;
    let kind = RecordType::from(decoder.read_u16()?.unverified());
    let class = decoder.read_u16()?.unverified();
    let ttl = decoder.read_u32()?.unverified();
    let len = usize::from(decoder.read_u16()?.unverified());
    let content = decoder.read_slice(len)?.unverified();
    Ok(Record { is_owned_by_root: owner_len == 1, kind, class, ttl, content })
}

/// Passes over a name without following it anywhere; returns its length.
fn pass_name(decoder: &mut BinDecoder<'_>) -> Result<usize, Malformed> {
    let mut passed = 0;
    loop {
        let length = decoder.pop()?.unverified();
        passed += 1;
        match length {
            0 => break,
            1..=63 => passed += decoder.read_slice(usize::from(length))?.unverified().len(),
            0xC0.. => {
                decoder.pop()?;
                passed += 1;
                break;
            }
            _ => return Err(Malformed),
        }
    }
    if passed > MAX_NAME_LEN { Err(Malformed) } else { Ok(passed) }
}

/// The one option that is understood; the others are passed over (RFC 6891 §6.1.2).
fn read_options(content: &[u8]) -> Result<Option<Subnet>, Malformed> {
    let mut decoder = BinDecoder::new(content);
    let mut subnet = None;
    while !decoder.is_empty() {
        let code = decoder.read_u16()?.unverified();
        let len = usize::from(decoder.read_u16()?.unverified());
        let option = decoder.read_slice(len)?.unverified();
        if code == subnet::CODE {
            if subnet.is_some() {
                return Err(Malformed);
            }
            subnet = Some(Subnet::read(option).ok_or(Malformed)?);
        }
    }
    Ok(subnet)
}

//! Replies, and their bytes.
//!
//! Names and the numbers around them are written by `hickory-proto`, which compresses names and keeps to a size. A reply that
//! is larger than the client takes carries nothing but the question and says so (TC): the client asks again over TCP.

use std::net::IpAddr;

use hickory_proto::ProtoError;
use hickory_proto::op::{Header, HeaderCounts, MessageType, Metadata, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, Place};

use crate::query::{Edns, Query, Question};
use crate::subnet;
use crate::zone::Zone;

/// Largest reply over UDP, in bytes: such a packet is fragmented nowhere (DNS Flag Day 2020).
pub const MAX_UDP_REPLY: u16 = 1232;
/// Largest reply to who does not know EDNS (RFC 1035 §4.2.1).
pub const MAX_PLAIN_REPLY: u16 = 512;
/// Largest piece of text in a TXT record (RFC 1035 §3.3).
const MAX_STRING: usize = 255;

/// The result of a query (RCODE), of those that are used here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Code {
    NoError,
    FormErr,
    ServFail,
    NxDomain,
    NotImp,
    Refused,
    BadVers,
}

impl Code {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 7] = [
        Self::NoError,
        Self::FormErr,
        Self::ServFail,
        Self::NxDomain,
        Self::NotImp,
        Self::Refused,
        Self::BadVers,
    ];

    /// As it is in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoError => "noerror",
            Self::FormErr => "formerr",
            Self::ServFail => "servfail",
            Self::NxDomain => "nxdomain",
            Self::NotImp => "notimp",
            Self::Refused => "refused",
            Self::BadVers => "badvers",
        }
    }

    fn number(self) -> ResponseCode {
        match self {
            Self::NoError => ResponseCode::NoError,
            Self::FormErr => ResponseCode::FormErr,
            Self::ServFail => ResponseCode::ServFail,
            Self::NxDomain => ResponseCode::NXDomain,
            Self::NotImp => ResponseCode::NotImp,
            Self::Refused => ResponseCode::Refused,
            Self::BadVers => ResponseCode::BADVERS,
        }
    }
}

/// What a reply carries besides the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// Nothing: a refusal.
    Nothing,
    /// Addresses of what was asked for, all of one family, to be kept for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// The zone's SOA record.
    Soa,
    /// The zone's NS records.
    NameServers,
    /// Texts of what was asked for.
    Texts(Vec<String>),
    /// That there is nothing, with the SOA record in the authority section (RFC 2308 §2).
    NotThere,
}

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) code: Code,
    pub(crate) content: Content,
    /// How many leading bits of the client's network decided.
    pub(crate) scope_prefix_len: u8,
}

/// A reply that cannot be written; nothing is sent then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unwritable;

impl Reply {
    /// A reply without records.
    pub(crate) fn refusal(code: Code) -> Self {
        Self { code, content: Content::Nothing, scope_prefix_len: 0 }
    }

    /// Writes the reply in place of what `out` holds, in `limit` bytes at most: whole, else truncated.
    pub(crate) fn write(
        &self,
        query: &Query,
        zone: &Zone,
        limit: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Unwritable> {
        match self.encode(query, zone, limit, false, out) {
            Err(ProtoError::MaxBufferSizeExceeded(_)) => self.write_truncated(query, zone, limit, out),
            written => written.map_err(|_| Unwritable),
        }
    }

    /// Writes the reply with the question alone, and TC set.
    pub(crate) fn write_truncated(
        &self,
        query: &Query,
        zone: &Zone,
        limit: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Unwritable> {
        let empty = Self { content: Content::Nothing, ..*self };
        empty.encode(query, zone, limit, true, out).map_err(|_| Unwritable)
    }

    fn encode(
        &self,
        query: &Query,
        zone: &Zone,
        limit: u16,
        is_truncated: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtoError> {
        out.clear();
        let mut encoder = BinEncoder::new(out);
        encoder.set_max_size(limit);
        self.header(query, zone, is_truncated).emit(&mut encoder)?;
        if let Some(question) = &query.question {
            question.name.emit(&mut encoder)?;
            question.kind.emit(&mut encoder)?;
            question.class.emit(&mut encoder)?;
            self.emit_content(question, zone, &mut encoder)?;
        }
        query.edns.as_ref().map_or(Ok(()), |edns| self.emit_opt(edns, &mut encoder))
    }

    fn header(&self, query: &Query, zone: &Zone, is_truncated: bool) -> Header {
        let mut metadata = Metadata::new(query.id, MessageType::Response, query.op_code);
        metadata.authoritative = matches!(self.code, Code::NoError | Code::NxDomain);
        metadata.truncation = is_truncated;
        metadata.recursion_desired = query.recursion_desired;
        metadata.response_code = self.code.number();
        let (answers, authorities) = match &self.content {
            Content::Nothing => (0, 0),
            Content::Addresses(addresses, _) => (addresses.len(), 0),
            Content::Soa => (1, 0),
            Content::NameServers => (zone.name_servers.len(), 0),
            Content::Texts(texts) => (texts.len(), 0),
            Content::NotThere => (0, 1),
        };
        let counts = HeaderCounts {
            queries: u16::from(query.question.is_some()),
            // More than fit into a message are truncated before anybody reads the count.
            answers: u16::try_from(answers).unwrap_or(u16::MAX),
            authorities,
            additionals: u16::from(query.edns.is_some()),
        };
        Header { metadata, counts }
    }

    fn emit_content(
        &self,
        question: &Question,
        zone: &Zone,
        encoder: &mut BinEncoder<'_>,
    ) -> Result<(), ProtoError> {
        let owner = &question.name;
        match &self.content {
            Content::Nothing => Ok(()),
            Content::Addresses(addresses, ttl) => {
                addresses.iter().try_for_each(|address| emit_address(owner, *address, *ttl, encoder))
            }
            Content::Soa => emit_soa(owner, zone, zone.record_ttl, encoder),
            Content::NotThere => emit_soa(zone.apex(), zone, zone.record_ttl.min(zone.negative_ttl), encoder),
            Content::NameServers => zone.name_servers.iter().try_for_each(|server| {
                emit_record(owner, RecordType::NS, zone.record_ttl, encoder, |encoder| server.emit(encoder))
            }),
            Content::Texts(texts) => {
                texts.iter().try_for_each(|text| emit_text(owner, text, zone.ttl, encoder))
            }
        }
    }

    /// The OPT record (RFC 6891 §6.1.2), with the client's network where it told one. A client that speaks another version
    /// hears nothing but the version that is spoken here.
    fn emit_opt(&self, edns: &Edns, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
        encoder.emit_u8(0)?;
        RecordType::OPT.emit(encoder)?;
        encoder.emit_u16(MAX_UDP_REPLY)?;
        let flags = if edns.dnssec_ok { 0x80 } else { 0 };
        encoder.emit_vec(&[self.code.number().high(), 0, flags, 0])?;
        let Some(subnet) = &edns.subnet else { return encoder.emit_u16(0) };
        let (content, len) = subnet.reply(self.scope_prefix_len);
        let place = encoder.place::<u16>()?;
        encoder.emit_u16(subnet::CODE)?;
        let option_len = encoder.place::<u16>()?;
        encoder.emit_vec(content.get(..len).unwrap_or(&[]))?;
        replace_len(option_len, encoder)?;
        replace_len(place, encoder)
    }
}

fn emit_address(
    owner: &Name,
    address: IpAddr,
    ttl: u32,
    encoder: &mut BinEncoder<'_>,
) -> Result<(), ProtoError> {
    match address {
        IpAddr::V4(v4) => {
            emit_record(owner, RecordType::A, ttl, encoder, |encoder| encoder.emit_vec(&v4.octets()))
        }
        IpAddr::V6(v6) => {
            emit_record(owner, RecordType::AAAA, ttl, encoder, |encoder| encoder.emit_vec(&v6.octets()))
        }
    }
}

fn emit_soa(owner: &Name, zone: &Zone, ttl: u32, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
    emit_record(owner, RecordType::SOA, ttl, encoder, |encoder| zone.soa.emit(encoder))
}

fn emit_text(owner: &Name, text: &str, ttl: u32, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
    emit_record(owner, RecordType::TXT, ttl, encoder, |encoder| {
        if text.is_empty() {
            return encoder.emit_u8(0);
        }
        text.as_bytes().chunks(MAX_STRING).try_for_each(|piece| encoder.emit_character_data(piece))
    })
}

/// A record of class IN (RFC 1035 §4.1.3).
fn emit_record(
    owner: &Name,
    kind: RecordType,
    ttl: u32,
    encoder: &mut BinEncoder<'_>,
    content: impl FnOnce(&mut BinEncoder<'_>) -> Result<(), ProtoError>,
) -> Result<(), ProtoError> {
    owner.emit(encoder)?;
    kind.emit(encoder)?;
    DNSClass::IN.emit(encoder)?;
    encoder.emit_u32(ttl)?;
    let place = encoder.place::<u16>()?;
    content(encoder)?;
    replace_len(place, encoder)
}

/// Writes how long it is what was written since a place was kept for that.
fn replace_len(place: Place<u16>, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
    let len = encoder.len_since_place(&place);
    let len = u16::try_from(len).map_err(|_| ProtoError::MaxBufferSizeExceeded(len))?;
    place.replace(encoder, len)
}

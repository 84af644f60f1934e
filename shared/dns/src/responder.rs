//! What is answered: from a query to its reply, by the rules of an authoritative server of one zone.
//!
//! Place in the flow: [`crate::udp`] and [`crate::tcp`] pass messages in and send what comes out. No sockets and no clock.
//!
//! Rules: RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 7871 (client subnet), RFC 8482 (ANY), RFC 9619 (one
//! question). Never recursion.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::OpCode;
use hickory_proto::rr::{DNSClass, RecordType};

use crate::outcome::{Asked, Outcome, Transport};
use crate::query::{self, Query, Question, Unanswerable};
use crate::records::{Client, Family, Found, Records};
use crate::reply::{Code, Content, MAX_PLAIN_REPLY, MAX_UDP_REPLY, Reply};
use crate::zone::{Place, Zone};

/// A query with its reply, not written yet.
pub(crate) struct Answer<'r> {
    zone: &'r Zone,
    query: Query,
    reply: Reply,
    limit: u16,
}

/// See the module.
pub(crate) struct Responder {
    zone: Zone,
    records: Arc<dyn Records>,
}

impl Responder {
    pub(crate) fn new(zone: Zone, records: Arc<dyn Records>) -> Self {
        Self { zone, records }
    }

    /// The answer to a message that came from `peer`.
    pub(crate) fn answer(
        &self,
        message: &[u8],
        peer: IpAddr,
        transport: Transport,
    ) -> Result<Answer<'_>, Unanswerable> {
        let query = query::read(message)?;
        let reply = self.reply(&query, peer.to_canonical());
        let limit = match (transport, query.edns) {
            (Transport::Tcp, _) => u16::MAX,
            (Transport::Udp, None) => MAX_PLAIN_REPLY,
            (Transport::Udp, Some(edns)) => edns.payload.clamp(MAX_PLAIN_REPLY, MAX_UDP_REPLY),
        };
        Ok(Answer { zone: &self.zone, query, reply, limit })
    }

    fn reply(&self, query: &Query, peer: IpAddr) -> Reply {
        if query.op_code != OpCode::Query {
            return Reply::refusal(Code::NotImp);
        }
        let Some(question) = query.question.as_ref().filter(|_| !query.is_malformed) else {
            return Reply::refusal(Code::FormErr);
        };
        if query.edns.is_some_and(|edns| edns.version != 0) {
            return Reply::refusal(Code::BadVers);
        }
        if question.class != DNSClass::IN || is_meta(question.kind) {
            return Reply::refusal(Code::Refused);
        }
        let resolver = Client { address: peer, prefix_len: if peer.is_ipv4() { 32 } else { 128 } };
        let subnet = query.edns.and_then(|edns| edns.subnet);
        let client = subnet.and_then(|subnet| subnet.client()).unwrap_or(resolver);
        match self.zone.place(&question.name) {
            None => Reply::refusal(Code::Refused),
            Some(Place::Host(host)) => self.host(&host, question, client),
            Some(Place::NameServer(addresses)) => self.name_server(addresses, question),
            Some(Place::Challenge(host)) => self.challenge(&host, question, client),
            Some(Place::Empty) => not_there(Code::NoError),
            Some(Place::Nothing) => not_there(Code::NxDomain),
        }
    }

    fn host(&self, host: &str, question: &Question, client: Client) -> Reply {
        match (host.is_empty(), question.kind) {
            (true, RecordType::SOA) => return positive(Content::Soa),
            (true, RecordType::NS) => return positive(Content::NameServers),
            _ => {}
        }
        let family = family(question.kind);
        let always = self.zone.always_has(host);
        if family.is_none() && always {
            return not_there(Code::NoError);
        }
        // Without a family it is only asked whether there is such a host.
        match self.records.addresses(host, client, family.unwrap_or(Family::V4)) {
            Found::NotReady => Reply::refusal(Code::ServFail),
            Found::NoHost if !always => not_there(Code::NxDomain),
            Found::NoHost => not_there(Code::NoError),
            Found::Host(found) => {
                let Some(family) = family else { return not_there(Code::NoError) };
                let reply = self.addresses(found.addresses.into_iter(), family, self.zone.ttl);
                Reply {
                    scope_prefix_len: if is_positive(&reply) { found.scope_prefix_len } else { 0 },
                    ..reply
                }
            }
        }
    }

    fn name_server(&self, addresses: &[IpAddr], question: &Question) -> Reply {
        let Some(family) = family(question.kind) else { return not_there(Code::NoError) };
        self.addresses(addresses.iter().copied(), family, self.zone.record_ttl)
    }

    fn addresses(&self, all: impl Iterator<Item = IpAddr>, family: Family, ttl: u32) -> Reply {
        let some: Vec<_> = all.filter(|address| family.has(*address)).take(self.zone.answers).collect();
        if some.is_empty() { not_there(Code::NoError) } else { positive(Content::Addresses(some, ttl)) }
    }

    fn challenge(&self, host: &str, question: &Question, client: Client) -> Reply {
        if question.kind == RecordType::TXT {
            let texts = self.records.challenges(host);
            if !texts.is_empty() {
                return positive(Content::Texts(texts));
            }
        }
        let is_there =
            self.zone.always_has(host) || self.records.addresses(host, client, Family::V4) != Found::NoHost;
        not_there(if is_there { Code::NoError } else { Code::NxDomain })
    }
}

impl Answer<'_> {
    /// Which reply it is.
    pub(crate) fn outcome(&self) -> Outcome {
        let asked = self.query.question.as_ref().map_or(Asked::Nothing, |question| Asked::of(question.kind));
        Outcome { asked, code: self.reply.code, is_positive: is_positive(&self.reply) }
    }

    /// Writes the reply in place of what `out` holds; false, and nothing is to be sent, if that cannot be.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> bool {
        self.reply.write(&self.query, self.zone, self.limit, out).is_ok()
    }

    /// The same, without records: the client is to ask again over TCP.
    pub(crate) fn write_truncated(&self, out: &mut Vec<u8>) -> bool {
        self.reply.write_truncated(&self.query, self.zone, self.limit, out).is_ok()
    }
}

fn family(kind: RecordType) -> Option<Family> {
    match kind {
        RecordType::A => Some(Family::V4),
        RecordType::AAAA => Some(Family::V6),
        _ => None,
    }
}

/// Types that are no records: transfers, ANY (RFC 8482) and others from 128 to 255 (RFC 6895 §3.1), OPT.
fn is_meta(kind: RecordType) -> bool {
    let number = u16::from(kind);
    (128..=255).contains(&number) || kind == RecordType::OPT
}

fn positive(content: Content) -> Reply {
    Reply { code: Code::NoError, content, scope_prefix_len: 0 }
}

/// There is nothing of this type, or of this name. Of no network (RFC 7871 §7.4: resolvers take it so whatever is said).
fn not_there(code: Code) -> Reply {
    Reply { code, content: Content::NotThere, scope_prefix_len: 0 }
}

fn is_positive(reply: &Reply) -> bool {
    !matches!(reply.content, Content::NotThere | Content::Nothing)
}

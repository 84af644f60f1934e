//! Messages for tests, byte by byte: made and read without the crate's own code, and without the library beneath it.

/// Type numbers.
pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const SOA: u16 = 6;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const OPT: u16 = 41;
pub(crate) const ANY: u16 = 255;

/// Results.
pub(crate) const NO_ERROR: u16 = 0;
pub(crate) const FORM_ERR: u16 = 1;
pub(crate) const SERV_FAIL: u16 = 2;
pub(crate) const NX_DOMAIN: u16 = 3;
pub(crate) const NOT_IMP: u16 = 4;
pub(crate) const REFUSED: u16 = 5;
pub(crate) const BAD_VERS: u16 = 16;

/// A name without compression.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A header: id, flags, and the number of questions, answers, authorities and additional records.
pub(crate) fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
}

/// A query with recursion desired, as resolvers' clients send it.
pub(crate) fn query(id: u16, host: &str, kind: u16) -> Vec<u8> {
    query_of_class(id, host, kind, 1)
}

pub(crate) fn query_of_class(id: u16, host: &str, kind: u16, class: u16) -> Vec<u8> {
    let mut bytes = header(id, 0x0100, [1, 0, 0, 0]);
    bytes.extend(name(host));
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes
}

/// Adds a record to the additional section.
pub(crate) fn with_record(
    mut message: Vec<u8>,
    owner: &[u8],
    kind: u16,
    class: u16,
    ttl: u32,
    content: &[u8],
) -> Vec<u8> {
    let count = u16::from_be_bytes([message[10], message[11]]) + 1;
    message[10..12].copy_from_slice(&count.to_be_bytes());
    message.extend_from_slice(owner);
    message.extend(kind.to_be_bytes());
    message.extend(class.to_be_bytes());
    message.extend(ttl.to_be_bytes());
    message.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    message.extend_from_slice(content);
    message
}

/// Adds an OPT record of version 0.
pub(crate) fn with_opt(message: Vec<u8>, payload: u16, options: &[u8]) -> Vec<u8> {
    with_record(message, &[0], OPT, payload, 0, options)
}

/// An option of EDNS.
pub(crate) fn option(code: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = code.to_be_bytes().to_vec();
    bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(content);
    bytes
}

/// An option with a client's network.
pub(crate) fn subnet(family: u16, source: u8, scope: u8, address: &[u8]) -> Vec<u8> {
    let mut content = family.to_be_bytes().to_vec();
    content.extend([source, scope]);
    content.extend_from_slice(address);
    option(8, &content)
}

/// A record of a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) owner: String,
    pub(crate) kind: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) content: Vec<u8>,
}

/// A reply, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// With the upper bits that EDNS brings.
    pub(crate) code: u16,
    pub(crate) question: Option<(String, u16, u16)>,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    /// Without OPT.
    pub(crate) additionals: Vec<Record>,
    pub(crate) opt: Option<Record>,
    pub(crate) len: usize,
}

impl Reply {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let mut at = 12;
        assert!(word(4) <= 1);
        let question = (word(4) == 1).then(|| {
            let owner = read_name(bytes, &mut at);
            at += 4;
            (owner, word(at - 4), word(at - 2))
        });
        let mut section = |count| (0..count).map(|_| read_record(bytes, &mut at)).collect::<Vec<_>>();
        let (answers, authorities) = (section(word(6)), section(word(8)));
        let (opts, additionals): (Vec<_>, Vec<_>) =
            section(word(10)).into_iter().partition(|one| one.kind == OPT);
        assert_eq!(at, bytes.len(), "nothing behind the last record");
        assert!(opts.len() <= 1);
        let opt = opts.into_iter().next();
        let upper = opt.as_ref().map_or(0, |opt| u16::try_from(opt.ttl >> 24).unwrap());
        let code = word(2) & 15 | upper << 4;
        let (id, flags, len) = (word(0), word(2), bytes.len());
        Self { id, flags, code, question, answers, authorities, additionals, opt, len }
    }

    pub(crate) fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub(crate) fn is_authoritative(&self) -> bool {
        self.flags & 0x0400 != 0
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    pub(crate) fn has_recursion(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// The contents of the answers.
    pub(crate) fn contents(&self) -> Vec<&[u8]> {
        self.answers.iter().map(|record| &record.content[..]).collect()
    }

    /// The options of EDNS, as they are.
    pub(crate) fn options(&self) -> Option<&[u8]> {
        self.opt.as_ref().map(|opt| &opt.content[..])
    }
}

fn read_name(bytes: &[u8], at: &mut usize) -> String {
    let mut text = String::new();
    let (mut here, mut jumps) = (*at, 0);
    loop {
        let len = usize::from(bytes[here]);
        if len & 0xC0 == 0xC0 {
            if jumps == 0 {
                *at = here + 2;
            }
            jumps += 1;
            assert!(jumps < 20);
            here = (len & 0x3F) << 8 | usize::from(bytes[here + 1]);
            continue;
        }
        if len == 0 {
            if jumps == 0 {
                *at = here + 1;
            }
            return text;
        }
        text.push_str(std::str::from_utf8(&bytes[here + 1..=here + len]).unwrap());
        text.push('.');
        here += 1 + len;
    }
}

fn read_record(bytes: &[u8], at: &mut usize) -> Record {
    let owner = read_name(bytes, at);
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (kind, class) = (word(*at), word(*at + 2));
    let ttl = u32::from(word(*at + 4)) << 16 | u32::from(word(*at + 6));
    let len = usize::from(word(*at + 8));
    let content = bytes[*at + 10..*at + 10 + len].to_vec();
    *at += 10 + len;
    Record { owner, kind, class, ttl, content }
}

//! What a query was about and how it ended: what limits and metrics tell apart.

use hickory_proto::rr::RecordType;

use crate::reply::Code;

/// What is asked for; a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    A,
    Aaaa,
    Any,
    Ns,
    Soa,
    Txt,
    Other,
    /// The question could not be read.
    Nothing,
}

impl Asked {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 8] =
        [Self::A, Self::Aaaa, Self::Any, Self::Ns, Self::Soa, Self::Txt, Self::Other, Self::Nothing];

    pub(crate) fn of(kind: RecordType) -> Self {
        match kind {
            RecordType::A => Self::A,
            RecordType::AAAA => Self::Aaaa,
            RecordType::ANY => Self::Any,
            RecordType::NS => Self::Ns,
            RecordType::SOA => Self::Soa,
            RecordType::TXT => Self::Txt,
            _ => Self::Other,
        }
    }

    /// As it is in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::Aaaa => "aaaa",
            Self::Any => "any",
            Self::Ns => "ns",
            Self::Soa => "soa",
            Self::Txt => "txt",
            Self::Other => "other",
            Self::Nothing => "none",
        }
    }
}

/// The way on which a query came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// Which reply a client is to be sent, for limits and metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) asked: Asked,
    pub(crate) code: Code,
    /// It says that there is something, not that there is nothing.
    pub(crate) is_positive: bool,
}

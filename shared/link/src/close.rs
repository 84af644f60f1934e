//! The reasons for closing a connection or a stream: every application code of the protocol (RFC 9000 §20.2).

/// Application error code of CONNECTION_CLOSE, RESET_STREAM and STOP_SENDING.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u32)]
pub enum CloseCode {
    /// Nothing is wrong: the work is done.
    Done = 0,
    /// The program stops.
    ShuttingDown = 1,
    /// The peer broke the protocol.
    Protocol = 2,
    /// The peer does not keep up even with the control stream.
    TooSlow = 3,
    /// The origin has as many edges as it takes.
    Full = 4,
    /// The feed was asked for without a client certificate.
    NotEnrolled = 5,
    /// The join token's secret was not proved.
    BadToken = 6,
    /// The peer sent nothing within the deadline.
    Deadline = 7,
    /// A segment was dropped from the queue: its stream ends here.
    Dropped = 8,
    /// A failure inside the program that closes.
    Internal = 9,
}

impl CloseCode {
    /// Every code.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::ShuttingDown,
        Self::Protocol,
        Self::TooSlow,
        Self::Full,
        Self::NotEnrolled,
        Self::BadToken,
        Self::Deadline,
        Self::Dropped,
        Self::Internal,
    ];

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> quinn::VarInt {
        quinn::VarInt::from_u32(self as u32)
    }

    /// The reason phrase on the wire.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ShuttingDown => "shutting down",
            Self::Protocol => "protocol violation",
            Self::TooSlow => "too slow",
            Self::Full => "too many edges",
            Self::NotEnrolled => "not enrolled",
            Self::BadToken => "bad token",
            Self::Deadline => "deadline passed",
            Self::Dropped => "dropped",
            Self::Internal => "internal error",
        }
    }

    /// The meaning of a code that a peer sent, if it is one of ours.
    #[must_use]
    pub fn from_code(code: quinn::VarInt) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_means_itself() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(code.code()), Some(code));
        }
        assert_eq!(CloseCode::from_code(quinn::VarInt::from_u32(77)), None);
    }
}

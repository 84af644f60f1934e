//! Flood control for a user: Owncast's limit of one message per two thirds of a second.

use std::time::{Duration, Instant};

use crate::bucket::{Bucket, Rate};

/// One message per two thirds of a second, with this burst for a connection or a user.
fn rate(burst: u32) -> Rate {
    Rate { burst, each: Duration::from_millis(667) }
}

/// Time for which a user over the rate limit is muted.
pub const MUTE: Duration = Duration::from_secs(10);

/// The decision on a chat message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Accepted.
    Heard,
    /// Rejected, and so are the user's next ones for [`MUTE`]; its author is told.
    Muted,
    /// Rejected, and its author was told already.
    StillMuted,
}

/// Counts chat messages. Sans-IO.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flood {
    lines: Bucket,
    muted_until: Option<Instant>,
}

impl Flood {
    /// Counts a message of a user, of which `burst` may come at once.
    pub fn line(&mut self, now: Instant, burst: u32) -> Verdict {
        if self.muted_until.is_some_and(|until| now < until) {
            return Verdict::StillMuted;
        }
        self.muted_until = None;
        if self.lines.take(rate(burst), now) {
            return Verdict::Heard;
        }
        self.muted_until = Some(now + MUTE);
        Verdict::Muted
    }

    /// Counts a message at that time on another edge.
    pub fn elsewhere(&mut self, at: Instant, burst: u32) {
        self.lines.take(rate(burst), at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_two_thirds_of_a_second_and_ten_seconds_of_silence_for_more() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(flood.line(at(0), 1), Verdict::Heard);
        assert_eq!(flood.line(at(667), 1), Verdict::Heard);
        assert_eq!(flood.line(at(1333), 1), Verdict::Muted);
        assert_eq!(flood.line(at(1400), 1), Verdict::StillMuted);
        assert_eq!(flood.line(at(11_332), 1), Verdict::StillMuted);
        assert_eq!(flood.line(at(11_333), 1), Verdict::Heard);
    }

    #[test]
    fn a_burst_is_allowed_where_it_is_said_and_comes_back_with_time() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!(flood.line(start, 3), Verdict::Heard);
        }
        let later = start + Duration::from_millis(667);
        assert_eq!(flood.line(later, 3), Verdict::Heard);
        assert_eq!(flood.line(later, 3), Verdict::Muted);
    }
}

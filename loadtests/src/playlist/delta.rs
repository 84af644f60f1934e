//! Delta updates undone (§6.2.5.1, §6.3.7): the client's copy fills in what was skipped.

use super::MediaPlaylist;

/// A delta update that does not fit the copy that a client has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MergeError {
    /// The delta skips segments that the copy does not have.
    #[error("the delta skips up to segment {wanted}, the copy has {have}")]
    Missing {
        /// Range of the copy.
        have: String,
        /// Last segment that is skipped.
        wanted: u64,
    },
    /// The delta skips segments older than the copy's first one.
    #[error("the delta begins at {begins}, before the copy's {first}")]
    TooEarly {
        /// EXT-X-MEDIA-SEQUENCE of the delta.
        begins: u64,
        /// The first media sequence number of the copy.
        first: u64,
    },
    /// The playlist is no delta, or the copy is one.
    #[error("nothing to merge")]
    NoDelta,
}

impl MediaPlaylist {
    /// The full playlist that this delta update stands for, given an older full copy.
    ///
    /// # Errors
    /// When the copy lacks a segment that the delta skips.
    pub fn merged(&self, copy: &Self) -> Result<Self, MergeError> {
        let (Some(skip), None) = (self.skip, copy.skip) else { return Err(MergeError::NoDelta) };
        let begins = self.media_sequence;
        if begins < copy.media_sequence {
            return Err(MergeError::TooEarly { begins, first: copy.media_sequence });
        }
        let wanted = begins..begins.saturating_add(skip.segments);
        let complete = copy.segments.iter().filter(|s| s.is_complete());
        let mut segments: Vec<_> = complete.filter(|s| wanted.contains(&s.msn)).cloned().collect();
        if u64::try_from(segments.len()) != Ok(skip.segments) {
            let end = copy.segments.last().map_or(copy.media_sequence, |s| s.msn);
            let have = format!("{}..={end}", copy.media_sequence);
            return Err(MergeError::Missing { have, wanted: wanted.end.saturating_sub(1) });
        }
        segments.extend(self.segments.iter().cloned());
        // Parts of skipped segments have left the playlist, whatever the copy listed.
        for segment in segments.iter_mut().filter(|s| wanted.contains(&s.msn)) {
            segment.parts.clear();
        }
        Ok(Self { skip: None, segments, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn parse(text: &str) -> MediaPlaylist {
        MediaPlaylist::parse(text).unwrap()
    }

    #[test]
    fn a_delta_and_an_older_copy_give_the_full_playlist() {
        for older in [5, 6, 7] {
            let merged = parse(&sample::delta(7)).merged(&parse(&sample::live(older))).unwrap();
            assert_eq!(merged, parse(&sample::live(7)), "copy of {older}");
        }
    }

    #[test]
    fn a_copy_that_is_too_old_or_too_new_is_refused() {
        let delta = parse(&sample::delta(20));
        assert!(matches!(delta.merged(&parse(&sample::live(5))), Err(MergeError::Missing { .. })));
        assert!(matches!(delta.merged(&parse(&sample::live(21))), Err(MergeError::TooEarly { .. })));
        assert_eq!(delta.merged(&delta), Err(MergeError::NoDelta));
    }
}

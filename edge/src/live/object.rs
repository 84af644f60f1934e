//! A media object as it is served.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::time::WallTime;

use super::traces::Listed;

/// Bytes of an object, in as many pieces as they came in: a segment is its parts, never copied together.
#[derive(Clone, Debug, Default)]
pub struct Object {
    chunks: VecDeque<Bytes>,
    len: u64,
    /// Closing time, if this is the newest part of its variant: its first byte ends the measured way.
    pub(crate) born: Option<WallTime>,
    /// The part that it is, if that is traced.
    pub(crate) traced: Option<Arc<Listed>>,
}

impl Object {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces.
    #[must_use]
    pub fn into_chunks(self) -> VecDeque<Bytes> {
        self.chunks
    }

    /// `len` bytes from `start` on, as far as there are so many, without copying.
    #[must_use]
    pub fn slice(&self, mut start: u64, mut len: u64) -> Self {
        let mut chunks = VecDeque::new();
        for chunk in &self.chunks {
            let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if start >= size {
                start -= size;
                continue;
            }
            let take = len.min(size - start);
            if take == 0 {
                break;
            }
            // Both are at most the chunk's length, which is a usize.
            let (from, to) = (usize::try_from(start), usize::try_from(start + take));
            if let (Ok(from), Ok(to)) = (from, to) {
                chunks.push_back(chunk.slice(from..to));
            }
            start = 0;
            len -= take;
        }
        Self { born: self.born, traced: self.traced.clone(), ..chunks.into_iter().collect() }
    }
}

impl FromIterator<Bytes> for Object {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let chunks: VecDeque<Bytes> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        let len = chunks.iter().map(|chunk| u64::try_from(chunk.len()).unwrap_or(u64::MAX)).sum();
        Self { chunks, len, born: None, traced: None }
    }
}

impl From<Bytes> for Object {
    fn from(bytes: Bytes) -> Self {
        std::iter::once(bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slice_is_the_slice_of_the_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5), 0..5),
            start in 0_usize..25, len in 0_usize..25,
        ) {
            let whole = pieces.concat();
            let object: Object = pieces.into_iter().map(Bytes::from).collect();
            prop_assert_eq!(object.len(), whole.len() as u64);
            let want = &whole[start.min(whole.len())..(start + len).min(whole.len())];
            let slice = object.slice(start as u64, len as u64);
            prop_assert_eq!(slice.len(), want.len() as u64);
            prop_assert_eq!(slice.into_chunks().into_iter().flatten().collect::<Vec<u8>>(), want);
        }
    }
}

use proptest::prelude::*;

use super::*;

/// Puts bytes in, in pieces of these sizes, and takes what is whole.
fn through(bytes: &[u8], pieces: &[usize]) -> (Vec<Vec<u8>>, Result<(), WrongLength>) {
    let (mut frames, mut taken, mut rest) = (Frames::new(), Vec::new(), bytes);
    let mut sizes = pieces.iter().copied().cycle();
    while !rest.is_empty() {
        let space = frames.space();
        assert!(!space.is_empty());
        let len = sizes.next().unwrap_or(1).clamp(1, space.len().min(rest.len()));
        space[..len].copy_from_slice(&rest[..len]);
        frames.came(len);
        rest = &rest[len..];
        loop {
            match frames.next() {
                Ok(Some(message)) => taken.push(message.to_vec()),
                Ok(None) => break,
                Err(wrong) => return (taken, Err(wrong)),
            }
        }
    }
    (taken, Ok(()))
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_split(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), HEADER_LEN..=MAX_QUERY), 0..6),
        pieces in proptest::collection::vec(1_usize..5000, 1..8),
    ) {
        let framed = |message: &Vec<u8>| {
            [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
        };
        let bytes: Vec<u8> = messages.iter().flat_map(framed).collect();
        prop_assert_eq!(through(&bytes, &pieces), (messages, Ok(())));
    }

    #[test]
    fn any_bytes_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..9000),
        pieces in proptest::collection::vec(1_usize..5000, 1..8),
    ) {
        let (taken, _) = through(&bytes, &pieces);
        prop_assert!(taken.iter().all(|message| (HEADER_LEN..=MAX_QUERY).contains(&message.len())));
    }
}

#[test]
fn a_length_that_no_query_has_is_refused_at_once() {
    for len in [0_u16, 11, 4097, u16::MAX] {
        assert_eq!(through(&len.to_be_bytes(), &[1]), (vec![], Err(WrongLength)), "{len}");
    }
}

#[test]
fn a_message_that_has_begun_is_told() {
    let mut frames = Frames::new();
    assert!(!frames.is_within());
    frames.space()[0] = 0;
    frames.came(1);
    assert!(frames.next() == Ok(None) && frames.is_within());
}

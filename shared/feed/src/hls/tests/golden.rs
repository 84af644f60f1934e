//! Playlists to the byte.

use std::time::Duration;

use super::feed::{Fate, Packager, Step, presentation};
use crate::feed::{FeedEvent, VideoRange};
use crate::hls::Form;
use crate::name::{Epoch, Msn, ObjectName, VariantId};
use crate::window::{Keep, Lookup, StreamWindow};

fn windows(packager: &Packager) -> StreamWindow {
    let mut windows = StreamWindow::new(presentation(1, false), Keep::Listed);
    packager.events.iter().for_each(|event| {
        windows.apply(event);
    });
    windows
}

const WHOLE: Step =
    Step::Segment { parts: 4, last_ms: 500, discontinuity: false, new_init: false, fate: Fate::Whole };

const HEADER: &str = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.500,CAN-SKIP-UNTIL=12.000
#EXT-X-PART-INF:PART-TARGET=0.500
";

#[test]
fn a_young_playlist() {
    let mut packager = Packager::new();
    packager.step(WHOLE);
    packager.segment(2, 500, true, Fate::Lost, false);
    let text = windows(&packager).render_media(VariantId(0), Form::Full).unwrap();
    let want = format!(
        "{HEADER}\
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI=\"1/init-0.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:00.000Z
#EXT-X-PART:DURATION=0.500,URI=\"1/100.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.500,URI=\"1/100.1.m4s\"
#EXT-X-PART:DURATION=0.500,URI=\"1/100.2.m4s\"
#EXT-X-PART:DURATION=0.500,URI=\"1/100.3.m4s\"
#EXTINF:2.000,
1/100.m4s
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:02.000Z
#EXT-X-PART:DURATION=0.500,URI=\"1/101.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.500,URI=\"1/101.1.m4s\"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/101.2.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../1/stream.m3u8\",LAST-MSN=101
"
    );
    assert_eq!(text, want);
}

#[test]
fn a_gap_and_the_hint_after_a_segment() {
    let mut packager = Packager::new();
    packager.step(WHOLE);
    packager.step(Step::Segment {
        parts: 2,
        last_ms: 250,
        discontinuity: false,
        new_init: false,
        fate: Fate::LostLate,
    });
    let text = windows(&packager).render_media(VariantId(1), Form::Full).unwrap();
    let tail = "\
#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:02.000Z
#EXT-X-PART:DURATION=0.500,URI=\"1/101.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.250,URI=\"1/101.1.m4s\",GAP=YES
#EXT-X-GAP
#EXTINF:0.750,
1/101.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/102.0.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../0/stream.m3u8\",LAST-MSN=101,LAST-PART=1
";
    assert!(text.ends_with(tail), "{text}");
}

#[test]
fn a_delta_update_and_an_ended_playlist() {
    let mut packager = Packager::new();
    (0..10).for_each(|_| packager.step(WHOLE));
    let delta = windows(&packager).render_media(VariantId(0), Form::Delta).unwrap();
    // Sixteen seconds are listed, 102 to 109; 103 ends twelve before the end, which is not beyond the boundary.
    let want = format!(
        "{}\
#EXT-X-MEDIA-SEQUENCE:102
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-SKIP:SKIPPED-SEGMENTS=1
#EXT-X-MAP:URI=\"1/init-0.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:06.000Z
#EXTINF:2.000,
1/103.m4s
",
        HEADER.replace("VERSION:6", "VERSION:9")
    );
    assert!(delta.starts_with(&want), "{delta}");

    packager.end();
    let windows = windows(&packager);
    let ended = windows.render_media(VariantId(0), Form::Delta).unwrap();
    assert!(ended.contains("#EXT-X-VERSION:6\n") && !ended.contains("SKIP:") && !ended.contains("HINT"));
    assert!(ended.contains("1/109.m4s\n#EXT-X-ENDLIST\n"), "{ended}");
}

#[test]
fn a_new_section_is_hinted_at_when_its_segment_begins() {
    let mut packager = Packager::new();
    packager.step(WHOLE);
    let before = packager.events.len();
    packager.step(Step::Segment {
        parts: 1,
        last_ms: 500,
        discontinuity: true,
        new_init: true,
        fate: Fate::Whole,
    });
    let first_part = packager.events[before..].iter().position(|e| matches!(e, FeedEvent::Part { .. }));
    packager.events.truncate(before + first_part.unwrap());
    let text = windows(&packager).render_media(VariantId(0), Form::Full).unwrap();
    let tail = "\
1/100.m4s
#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"1/init-1.mp4\"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1/101.0.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../1/stream.m3u8\",LAST-MSN=100,LAST-PART=3
";
    assert!(text.ends_with(tail), "{text}");
}

#[test]
fn a_multivariant_playlist_begins_with_the_variant_nearest_to_two_megabits() {
    let mut packager = Packager::new();
    packager.segment(1, 500, false, Fate::Whole, false);
    assert_eq!(
        windows(&packager).render_multivariant(None).unwrap(),
        "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=1200000,AVERAGE-BANDWIDTH=1200000,CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080,FRAME-RATE=29.970
1/stream.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=6000000,AVERAGE-BANDWIDTH=6000000,CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080,FRAME-RATE=29.970
0/stream.m3u8
"
    );
    packager.step(WHOLE);
    let text = windows(&packager).render_multivariant(None).unwrap();
    assert!(text.contains("BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4000000"), "measured: {text}");
}

#[test]
fn a_multivariant_playlist_with_a_pathway_tells_of_content_steering() {
    let mut packager = Packager::new();
    packager.segment(1, 500, false, Fate::Whole, false);
    let text = windows(&packager).render_multivariant(Some("e-fra")).unwrap();
    let plain = windows(&packager).render_multivariant(None).unwrap();
    let tag = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"steering.json\",PATHWAY-ID=\"e-fra\"\n#EXT-X-STREAM-INF";
    assert!(text.contains(tag), "{text}");
    for variant in [0, 1] {
        let entry =
            format!(",STABLE-VARIANT-ID=\"v{variant}\",PATHWAY-ID=\"e-fra\"\n{variant}/stream.m3u8\n");
        assert!(text.contains(&entry), "{text}");
    }
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&text), lines(&plain) + 1);
}

#[test]
fn segments_are_called_independent_where_all_are_and_in_the_multivariant_playlist_if_that_can_be_expected() {
    const TAG: &str = "#EXT-X-INDEPENDENT-SEGMENTS\n";
    let mut packager = Packager::new();
    // Segment 101 of variant 1 alone begins without a key frame; it is in the list, then not any more.
    (0..20).for_each(|_| packager.step(WHOLE));
    let mut windows = StreamWindow::new(presentation(1, false), Keep::Listed);
    let mut said = Vec::new();
    for mut event in packager.events {
        let opened = matches!(&event, FeedEvent::SegmentOpened { variant, .. } if variant.0 == 1);
        if let FeedEvent::SegmentOpened { variant, start, .. } = &mut event {
            start.independent = (variant.0, start.msn.0) != (1, 101);
        }
        windows.apply(&event);
        if opened && windows.get(VariantId(1)).is_some_and(|window| window.listed().count() > 0) {
            let of = |variant| windows.render_media(VariantId(variant), Form::Full).unwrap().contains(TAG);
            said.push((of(0), of(1), windows.render_multivariant(None).unwrap().contains(TAG)));
        }
    }
    said.dedup();
    assert_eq!(said, [(true, true, true), (true, false, false), (true, true, true)]);

    let irregular = crate::feed::Presentation { keyed: false, ..Clone::clone(&presentation(1, false)) };
    let mut windows = StreamWindow::new(std::sync::Arc::new(irregular), Keep::Listed);
    let mut packager = Packager::new();
    packager.step(WHOLE);
    for event in &packager.events[1..] {
        windows.apply(event);
    }
    assert!(windows.render_media(VariantId(0), Form::Full).unwrap().contains(TAG));
    assert!(!windows.render_multivariant(None).unwrap().contains(TAG));
}

#[test]
fn each_variant_says_its_range_where_one_is_not_sdr() {
    for (range, name) in [(VideoRange::Pq, "PQ"), (VideoRange::Hlg, "HLG")] {
        let mut packager = Packager::new();
        packager.segment(1, 500, false, Fate::Whole, false);
        for event in &mut packager.events {
            if let FeedEvent::Init { variant: VariantId(0), format, .. } = event {
                format.video_range = Some(range);
            }
        }
        let text = windows(&packager).render_multivariant(None).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
        assert!(lines[0].ends_with(",FRAME-RATE=29.970,VIDEO-RANGE=SDR"), "{text}");
        assert!(lines[1].ends_with(&format!(",VIDEO-RANGE={name}")), "{text}");
    }
}

#[test]
fn a_variant_that_never_starts_is_left_out_and_not_waited_for_for_ever() {
    let mut packager = Packager::new();
    packager.segment(4, 500, false, Fate::Dropped, true);
    assert!(!windows(&packager).is_settled());
    packager.segment(4, 500, false, Fate::Dropped, true);
    let windows = windows(&packager);
    assert!(windows.is_settled());
    assert!(!windows.render_multivariant(None).unwrap().contains("1/stream.m3u8"));
}

#[test]
fn a_segment_cut_short_by_a_restart_is_closed_and_skipped_numbers_are_gaps() {
    let mut packager = Packager::new();
    packager.step(WHOLE);
    packager.step(Step::Restart { continues: true, cut: Some(2), skip: 2 });
    let text = windows(&packager).render_media(VariantId(0), Form::Full).unwrap();
    let middle = "\
#EXTINF:1.000,
1/101.m4s
#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:03.000Z
#EXT-X-GAP
#EXTINF:2.000,
1/102.m4s
#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:05.000Z
#EXT-X-GAP
#EXTINF:2.000,
1/103.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"2/init-0.mp4\"
";
    assert!(text.contains(middle), "{text}");
}

#[test]
fn a_broadcast_that_does_not_continue_the_last_begins_anew() {
    let mut packager = Packager::new();
    packager.step(WHOLE);
    packager.step(Step::Restart { continues: false, cut: None, skip: 0 });
    let text = windows(&packager).render_media(VariantId(0), Form::Full).unwrap();
    assert!(
        text.contains("#EXT-X-MEDIA-SEQUENCE:101\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-DISCONTINUITY\n")
    );
    assert!(!text.contains("1/100"), "{text}");
}

#[test]
fn objects_stay_to_be_had_after_they_left_the_playlist() {
    let mut packager = Packager::new();
    (0..12).for_each(|_| packager.step(WHOLE));
    let windows = windows(&packager);
    let window = windows.get(VariantId(0)).unwrap();
    let lookup = |path: &str| window.lookup(&path.parse::<ObjectName>().unwrap());
    assert_eq!(windows.render_media(VariantId(0), Form::Full).unwrap().matches("#EXTINF").count(), 8);
    for present in ["0/1/100.m4s", "0/1/100.3.m4s", "0/1/111.3.m4s", "0/1/init-0.mp4"] {
        assert_eq!(lookup(present), Lookup::Present, "{present}");
    }
    assert_eq!(lookup("0/1/112.0.m4s"), Lookup::Pending);
    for absent in
        ["0/1/112.1.m4s", "0/1/112.m4s", "0/1/111.4.m4s", "0/1/99.m4s", "0/2/111.m4s", "0/1/init-1.mp4"]
    {
        assert_eq!(lookup(absent), Lookup::Absent, "{absent}");
    }
    assert!(
        window
            .segment(Epoch(1), Msn(100))
            .is_some_and(|segment| segment.duration() == Duration::from_secs(2))
    );
}

#[test]
fn what_leaves_the_window_is_forgotten_in_the_end() {
    let mut packager = Packager::new();
    (0..60).for_each(|_| packager.step(WHOLE));
    let windows = windows(&packager);
    let window = windows.get(VariantId(0)).unwrap();
    assert_eq!(window.lookup(&"0/1/100.m4s".parse().unwrap()), Lookup::Absent);
    assert_eq!(window.lookup(&"0/1/145.m4s".parse().unwrap()), Lookup::Present);
}

//! Pictures of a broadcast, made of what the real ffmpeg encoded and judged by what it decodes.

use std::collections::HashSet;
use std::path::Path;

use farcast_link::Picture;
use farcast_origin::pictures::{How, Metrics, Pictures, Tap};
use farcast_origin::transcode::Launch;
use prometheus::Registry;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;

fn launch(program: &str) -> How {
    How::Process(Launch { program: program.into(), memory_bytes: 2 << 30 })
}

/// Makes pictures of what is put in front of it.
struct Studio {
    pictures: Pictures,
    tap: Tap,
    registry: Registry,
    now: Instant,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Studio {
    fn new(how: How) -> Self {
        let (registry, stop) = (Registry::new(), CancellationToken::new());
        let (pictures, maker) = Pictures::new(how, Metrics::new(&registry).unwrap());
        let (tap, running) = (pictures.tap(false), tokio::spawn(maker.run(stop.clone())));
        Self { pictures, tap, registry, now: Instant::now(), stop, running }
    }

    /// Shows it a source up to its first key frame, after the time in which another picture is made.
    fn show(&mut self, events: &[MediaEvent]) {
        self.now += farcast_origin::pictures::EVERY;
        let is_key =
            |event: &&MediaEvent| matches!(event, MediaEvent::Frame(frame) if frame.track == Track::Video);
        let until = events.iter().position(|event| is_key(&event)).unwrap();
        events[..=until].iter().for_each(|event| self.tap.see(event, self.now));
    }

    fn count(&self, outcome: &str) -> u64 {
        let families = self.registry.gather();
        let metrics = families.iter().flat_map(|family| family.get_metric());
        let of = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().any(|label| label.value() == outcome)
        };
        metrics.filter(of).map(|metric| metric.get_counter().get_value() as u64).sum()
    }

    async fn until(&self, outcome: &str, count: u64) {
        let enough = async {
            while self.count(outcome) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, enough).await.is_ok(), "no {count} {outcome}");
    }

    async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

/// Size of the first picture of a file, and all of its pixels in red, green and blue, as ffmpeg decodes them.
fn decoded(file: &[u8], ending: &str) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture").with_extension(ending);
    std::fs::write(&path, file).unwrap();
    let size = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"])
        .arg(&path)
        .output()
        .unwrap();
    let pixels = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&path)
        // As many pictures as there are: a rate that is guessed of few would repeat them.
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap();
    assert!(
        pixels.status.success() && pixels.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&pixels.stderr)
    );
    (String::from_utf8(size.stdout).unwrap().trim().to_owned(), pixels.stdout)
}

/// How far two pictures are from each other, on average, in steps of 256.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 = one.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}

#[tokio::test]
async fn a_key_frame_becomes_a_still_and_a_preview_in_a_process_of_its_own_as_in_this_one() {
    let events = clip(Some("1920x1080"), false, 1);
    let mut made = Vec::new();
    for how in [How::Here, launch(env!("CARGO_BIN_EXE_farcast-origin"))] {
        let mut studio = Studio::new(how);
        assert_eq!(studio.pictures.get(Picture::Thumbnail), None);
        studio.show(&events);
        studio.until("made", 1).await;
        let picture = |picture| studio.pictures.get(picture).unwrap();
        made.push((picture(Picture::Thumbnail), picture(Picture::Preview)));
        studio.end().await;
    }
    assert!(made[0] == made[1], "the same bytes");
    let source = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=1", "-frames:v", "1"])
        .args(["-vf", "scale=1280:720:out_color_matrix=bt709,format=yuv420p,scale=in_color_matrix=bt709"])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap();
    let (size, pixels) = decoded(&made[0].0, "jpg");
    assert_eq!(size, "mjpeg,1280,720");
    let difference = difference(&pixels, &source.stdout);
    assert!(difference < 12.0, "{difference}");
    assert_eq!(decoded(&made[0].1, "gif").0, "gif,320,180");
}

#[tokio::test]
async fn a_preview_shows_the_last_ten_and_begins_anew_with_another_size() {
    let (wide, high) = (clip(Some("640x360"), false, 1), clip(Some("360x640"), false, 1));
    let mut studio = Studio::new(How::Here);
    let frames = |studio: &Studio| {
        let (size, pixels) = decoded(&studio.pictures.get(Picture::Preview).unwrap(), "gif");
        (size, pixels.len() / (320 * 180 * 3))
    };
    for shown in 1..=12 {
        studio.show(&wide);
        studio.until("made", shown).await;
        if shown == 3 {
            assert_eq!(frames(&studio), ("gif,320,180".to_owned(), 3));
        }
    }
    assert_eq!(frames(&studio).1, 10);
    studio.show(&high);
    studio.until("made", 13).await;
    assert_eq!(frames(&studio), ("gif,180,320".to_owned(), 1));
    studio.end().await;
}

#[tokio::test]
async fn what_cannot_be_decoded_leaves_the_picture_before_it() {
    let events = clip(Some("640x360"), false, 1);
    let garbled: Vec<_> = events
        .iter()
        .cloned()
        .map(|event| match event {
            MediaEvent::Frame(frame) => MediaEvent::Frame(Frame { data: vec![0xa5; 400].into(), ..frame }),
            event => event,
        })
        .collect();
    let mut studio = Studio::new(launch(env!("CARGO_BIN_EXE_farcast-origin")));
    studio.show(&events);
    studio.until("made", 1).await;
    let before = studio.pictures.get(Picture::Thumbnail);
    studio.show(&garbled);
    studio.until("failed", 1).await;
    assert_eq!(studio.pictures.get(Picture::Thumbnail), before);
    studio.show(&events);
    studio.until("made", 2).await;
    let (_, pixels) = decoded(&studio.pictures.get(Picture::Preview).unwrap(), "gif");
    assert_eq!(pixels.len(), 2 * 320 * 180 * 3, "the preview goes on");
    studio.end().await;
}

#[tokio::test]
async fn a_process_that_says_nothing_or_nonsense_or_is_not_there_makes_no_picture_and_stops_nothing() {
    let events = clip(Some("640x360"), false, 1);
    for program in ["/bin/false", "/bin/echo", "/nowhere/at/all"] {
        let mut studio = Studio::new(launch(program));
        studio.show(&events);
        studio.until("failed", 1).await;
        studio.show(&events);
        studio.until("failed", 2).await;
        assert_eq!(studio.pictures.get(Picture::Thumbnail), None, "{program}");
        studio.end().await;
    }
}

/// Processes of this program that decode pictures for this one.
fn developers(program: &Path) -> HashSet<i32> {
    let mine = |name: &str| -> Option<i32> {
        let status = std::fs::read_to_string(format!("/proc/{name}/status")).ok()?;
        let field = |field: &str| status.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
        let is_mine = field("PPid:")?.parse() == Ok(std::process::id()) && !field("State:")?.starts_with('Z');
        let arguments = std::fs::read_to_string(format!("/proc/{name}/cmdline")).ok()?;
        let is_of_program = std::fs::read_link(format!("/proc/{name}/exe")).ok()? == program;
        let is_developer = is_of_program && arguments.contains("picture-worker");
        (is_mine && is_developer).then(|| name.parse().ok())?
    };
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| mine(entry.file_name().to_str()?)).collect()
}

#[tokio::test]
async fn one_process_decodes_the_pictures_of_a_broadcast_and_another_those_of_the_next() {
    let events = clip(Some("640x360"), false, 1);
    // Under a name of its own, since other tests have such processes too.
    let built = Path::new(env!("CARGO_BIN_EXE_farcast-origin"));
    let folder = tempfile::tempdir_in(built.parent().unwrap()).unwrap();
    let program = folder.path().canonicalize().unwrap().join("farcast-origin");
    std::fs::hard_link(built, &program).unwrap();
    let now = || developers(&program);
    let mut studio = Studio::new(launch(program.to_str().unwrap()));
    studio.show(&events);
    studio.until("made", 1).await;
    let first = now();
    studio.show(&events);
    studio.until("made", 2).await;
    assert!(first.len() == 1 && now() == first, "{first:?} {:?}", now());
    studio.tap = studio.pictures.tap(false);
    studio.show(&events);
    studio.until("made", 3).await;
    assert!(now().is_disjoint(&first), "{first:?} {:?}", now());
    studio.end().await;
}

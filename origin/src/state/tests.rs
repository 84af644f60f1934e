use std::time::Duration;

use farcast_feed::name::Msn;
use farcast_feed::time::WallTime;

use super::cursor::sample;
use super::*;

/// Longer than any disk of a test machine takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

fn load(folder: &Path) -> Result<State, StateError> {
    State::load_or_create(folder)
}

#[test]
fn cursors_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = load(folder.path()).unwrap();
    assert_eq!(state.cursor(&StreamName::live()), None);
    state.set_cursor(StreamName::live(), sample(7));
    state.write().unwrap();
    drop(state);
    let state = load(folder.path()).unwrap();
    assert_eq!(state.cursor(&StreamName::live()), Some(&sample(7)));
}

#[test]
fn damage_is_found_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = load(folder.path()).unwrap();
    state.set_cursor(StreamName::live(), sample(7));
    state.write().unwrap();
    let path = state.path().to_owned();
    drop(state);
    let whole = std::fs::read_to_string(&path).unwrap();

    let half = &whole[..whole.len() / 2];
    let other_number = whole.replace("\"next_msn\": 7", "\"next_msn\": 6");
    assert_ne!(other_number, whole);
    for damaged in ["", half, &other_number, "{\"format\": 1}", "{\"format\": 2}"] {
        std::fs::write(&path, damaged).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("restore it from a copy"), "{damaged:?} gives {error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged, "it was overwritten");
    }
    std::fs::write(&path, "{\"format\": 9, \"new\": true}").unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, StateError::Newer { found: 9, known: 2, .. }), "{error}");
}

#[test]
fn a_saved_cursor_becomes_durable_and_the_newest_wins() {
    let folder = tempfile::tempdir().unwrap();
    let state = load(folder.path()).unwrap();
    let saver = Saver::start(state).unwrap();
    let live = StreamName::live();
    assert!(!saver.is_reserved(&live, Msn(0)));
    let mut cursor = sample(0);
    for msn in 0..200 {
        cursor.begin_segment(Msn(msn), WallTime(msn));
        saver.save(&live, cursor.clone());
    }
    assert!(saver.flush(PATIENCE));
    assert!(saver.is_reserved(&live, Msn(200)) && !saver.is_reserved(&live, Msn(201)));
    assert_eq!(saver.cursor(&live), Some(cursor.clone()));
    drop(saver);
    let state = load(folder.path()).unwrap();
    assert_eq!(state.cursor(&live), Some(&cursor));
}

#[test]
fn dropping_the_saver_writes_what_is_pending() {
    let folder = tempfile::tempdir().unwrap();
    let state = load(folder.path()).unwrap();
    let saver = Saver::start(state).unwrap();
    saver.save(&StreamName::live(), sample(9));
    drop(saver);
    let state = load(folder.path()).unwrap();
    assert_eq!(state.cursor(&StreamName::live()), Some(&sample(9)));
}

#[test]
fn a_disk_that_fails_reserves_nothing_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let state = load(&data).unwrap();
    let saver = Saver::start(state).unwrap();
    let away = folder.path().join("away");
    std::fs::rename(&data, &away).unwrap();
    saver.save(&StreamName::live(), sample(9));
    assert!(!saver.flush(Duration::from_millis(50)));
    assert!(!saver.is_reserved(&StreamName::live(), Msn(8)));
    std::fs::rename(&away, &data).unwrap();
    assert!(saver.flush(PATIENCE));
    assert!(saver.is_reserved(&StreamName::live(), Msn(8)));
}

#[test]
fn two_origins_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let state = load(folder.path()).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, StateError::InUse { .. }), "{error}");
    let clone = state.clone();
    drop(state);
    assert!(load(folder.path()).is_err());
    drop(clone);
    load(folder.path()).unwrap();
}

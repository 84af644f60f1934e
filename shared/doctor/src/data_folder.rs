//! The data folder: whether it can be written, and the space of its file system.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::Finding;

/// Space below which writing will soon fail, in bytes.
const LEAST_BYTES: u64 = 64 << 20;
/// Space below which somebody should look, in bytes.
const LOW_BYTES: u64 = 1 << 30;
/// One MiB.
const MIB: u64 = 1 << 20;

/// Writes a file and removes it. A folder that does not exist is not made; its parent is looked at.
#[must_use]
pub fn data_folder(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    let existing = folder.ancestors().find(|there| there.exists()).unwrap_or(Path::new("."));
    // A relative path without any folder of it: the current one.
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let written = match written(existing) {
        Ok(()) if existing == folder => Finding::ok("data folder", format!("{shown} can be written")),
        Ok(()) => Finding::ok("data folder", format!("{shown} does not exist yet and can be made")),
        Err(error) => Finding::problem(
            "data folder",
            format!("{} cannot be written: {error}", existing.display()),
            match error.kind() {
                ErrorKind::PermissionDenied => {
                    "run this as the service's user or as root; if it is that user, give it the folder with chown"
                }
                ErrorKind::ReadOnlyFilesystem => "choose a data_dir on a file system that can be written",
                ErrorKind::StorageFull => "free some space, or choose a data_dir on another disk",
                _ => "choose another data_dir, or mend what the error says",
            },
        ),
    };
    vec![written, space(existing)]
}

fn written(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".farcast-doctor-{}", std::process::id()));
    let result = fs::write(&path, b"written by doctor, to be removed");
    let _ = fs::remove_file(&path);
    result
}

fn space(folder: &Path) -> Finding {
    let Ok(system) = rustix::fs::statvfs(folder) else {
        return Finding::warning("disk", "the free space cannot be read", "look with df");
    };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let text = format!("{} MiB are free at {}", free / MIB, folder.display());
    match free {
        free if free < LEAST_BYTES => {
            Finding::problem("disk", text, "free some space: settings could not be saved")
        }
        free if free < LOW_BYTES => Finding::warning("disk", text, "free some space before it is full"),
        _ => Finding::ok("disk", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn a_folder_that_can_be_written_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(data_folder(folder.path())[0].verdict, Verdict::Ok);
        let missing = folder.path().join("a/b");
        let finding = &data_folder(&missing)[0];
        assert!(finding.verdict == Verdict::Ok && finding.text.contains("does not exist yet"), "{finding:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_its_place_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(data_folder(&file.join("data"))[0].verdict, Verdict::Problem);
    }
}

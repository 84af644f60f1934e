//! Whether the installed service, which is another user than the one who asks, can read a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// True if the mode of the file keeps the user `user` (and its group of the same name) from reading it; false where nobody
/// knows, or there is no such user.
pub(crate) fn is_kept_from(user: &str, file: &Path) -> bool {
    let (Some(uid), Ok(metadata)) = (id_in("/etc/passwd", user), fs::metadata(file)) else { return false };
    let group = id_in("/etc/group", user);
    let mode = metadata.mode();
    let bit = if metadata.uid() == uid {
        0o400
    } else if Some(metadata.gid()) == group {
        0o040
    } else {
        0o004
    };
    mode & bit == 0
}

/// The number of a user or a group: the third field (passwd(5), group(5)).
fn id_in(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let mut entries = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    entries.find(|fields| fields.first() == Some(&name)).and_then(|fields| fields.get(2)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_mode_without_the_users_bit_keeps_it_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, "x").unwrap();
        // Debian's user for nobody has a number of its own and no file of this one's.
        for (mode, kept) in [(0o600, true), (0o640, true), (0o644, false)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_kept_from("nobody", &file), kept, "{mode:o}");
        }
        assert!(!is_kept_from("no-such-user-at-all", &file));
    }
}

//! The host that a program runs on, as people know it.

/// Longest name, in characters: it goes into logs, metrics and records.
const MAX_CHARS: usize = 64;

/// The host's name without control characters, cut to 64 of them; none where it has none.
#[must_use]
pub fn name() -> Option<String> {
    let name = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

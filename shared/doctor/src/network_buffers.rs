//! The kernel's buffers for UDP, over which origin and edges talk (QUIC).

use std::fs;

use crate::Finding;

/// The buffer that Linux gives a socket by default, in bytes: enough for a part of the highest quality to arrive in a burst.
/// Where it is less, packets are lost and sent again.
const LEAST_BYTES: u64 = 212_992;

/// The settings of the kernel that are looked at.
const SETTINGS: [&str; 2] = ["net.core.rmem_default", "net.core.wmem_default"];

/// Looks at what a new socket has.
#[must_use]
pub fn network_buffers() -> Finding {
    let read = |name: &&str| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()
    };
    judged(&SETTINGS.each_ref().map(read))
}

fn judged(sizes: &[Option<u64>]) -> Finding {
    let known: Vec<u64> = sizes.iter().copied().flatten().collect();
    let Some(least) = known.iter().min() else {
        return Finding::warning(
            "UDP buffers",
            "the kernel does not say how large they are here",
            "in a container: look at the host's net.core.rmem_default",
        );
    };
    let text = format!("sockets have {} KiB", least / 1024);
    if *least >= LEAST_BYTES {
        return Finding::ok("UDP buffers", text);
    }
    let lines: Vec<String> = SETTINGS.iter().map(|name| format!("{name}={LEAST_BYTES}")).collect();
    Finding::warning(
        "UDP buffers",
        text,
        format!("sysctl -w {}, and write it to /etc/sysctl.d", lines.join(" ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn small_buffers_and_unknown_ones_are_warned_of() {
        assert_eq!(judged(&[Some(LEAST_BYTES), Some(LEAST_BYTES)]).verdict, Verdict::Ok);
        let small = judged(&[Some(LEAST_BYTES), Some(4096)]);
        assert_eq!((small.verdict, small.text.as_str()), (Verdict::Warning, "sockets have 4 KiB"));
        assert!(small.advice.unwrap().starts_with("sysctl -w net.core.rmem_default=212992 net.core.wmem"));
        assert_eq!(judged(&[None, None]).verdict, Verdict::Warning);
    }
}

//! Networks whose logos are known. The logos are drawn here: a disc in the network's colour with its initials, since the
//! networks' own are not ours to give.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Reply, reply};

/// The path of the logos.
const FOLDER: &str = "/img/platformlogos/";

/// Key, name, initials, colour.
const PLATFORMS: [(&str, &str, &str, &str); 24] = [
    ("bandcamp", "Bandcamp", "bc", "#1a7a96"),
    ("discord", "Discord", "Di", "#5865f2"),
    ("donate", "Donate", "\u{2665}", "#c2185b"),
    ("facebook", "Facebook", "Fb", "#1666d6"),
    ("follow", "Follow", "+", "#5a5f73"),
    ("github", "GitHub", "GH", "#24292f"),
    ("gitlab", "GitLab", "GL", "#c9461f"),
    ("instagram", "Instagram", "Ig", "#b5307a"),
    ("keyoxide", "Keyoxide", "Kx", "#6855c3"),
    ("kofi", "Ko-Fi", "Ko", "#c8453f"),
    ("lbry", "LBRY", "LB", "#2f7d5b"),
    ("liberapay", "Liberapay", "lp", "#8a7400"),
    ("linkedin", "LinkedIn", "in", "#0a66c2"),
    ("mastodon", "Mastodon", "Ma", "#563acc"),
    ("odysee", "Odysee", "Od", "#c0265c"),
    ("patreon", "Patreon", "Pa", "#c4423a"),
    ("paypal", "Paypal", "PP", "#003087"),
    ("snapchat", "Snapchat", "Sn", "#8a7a00"),
    ("soundcloud", "SoundCloud", "SC", "#c24400"),
    ("spotify", "Spotify", "Sp", "#147a3b"),
    ("tiktok", "TikTok", "TT", "#111111"),
    ("twitch", "Twitch", "Tw", "#7a3ee0"),
    ("twitter", "Twitter", "X", "#0f1419"),
    ("youtube", "YouTube", "YT", "#c4170c"),
];

#[derive(Serialize)]
struct Platform {
    platform: &'static str,
    icon: String,
}

/// The logo of a network that is known.
#[must_use]
pub fn icon(key: &str) -> Option<String> {
    PLATFORMS.iter().find(|(known, ..)| *known == key).map(|(key, ..)| format!("{FOLDER}{key}.svg"))
}

/// All of them, as `/api/socialplatforms` tells them.
#[must_use]
pub fn all() -> Reply {
    let all: BTreeMap<_, _> = PLATFORMS
        .iter()
        .map(|&(key, platform, ..)| (key, Platform { platform, icon: format!("{FOLDER}{key}.svg") }))
        .collect();
    reply::ok(&all)
}

/// The logo in a file of this name, as SVG, with what tells it from others.
#[must_use]
pub fn logo(file: &str) -> Option<(&'static str, String)> {
    let key = file.strip_suffix(".svg")?;
    let (key, _, initials, colour) = PLATFORMS.iter().find(|(known, ..)| *known == key)?;
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\"><circle cx=\"32\" cy=\"32\" r=\"32\" \
         fill=\"{colour}\"/><text x=\"32\" y=\"42\" font-family=\"sans-serif\" font-size=\"28\" font-weight=\"700\" \
         text-anchor=\"middle\" fill=\"#fff\">{initials}</text></svg>"
    );
    Some((key, svg))
}

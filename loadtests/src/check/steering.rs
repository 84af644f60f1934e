//! Rules of content steering (RFC 8216bis §4.4.6.2, §4.4.6.6, §7; C5): [`playlist`] judges the tags of a Multivariant
//! Playlist, [`manifest`] what a steering server answers.

use crate::check::{Breach, Rule};
use crate::http::url::Url;
use crate::playlist::{Multivariant, Stream};
use crate::steering::manifest::{Manifest, Member, PathwayClone, Unusable, is_pathway_id};
use crate::steering::pathways::Pathways;

/// The media types of manifests: what RFC 8216bis has registered, and plain JSON.
const TYPES: [&str; 2] = ["application/vnd.apple.steering-list", "application/json"];

/// The breaches of a Multivariant Playlist that concern steering. A playlist without its tags breaks none.
#[must_use]
pub fn playlist(playlist: &Multivariant) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |rule, detail: String| found.push(Breach::new(rule, detail));
    tag(playlist, &mut breach);
    let tagged = playlist.steering.iter().filter_map(|tag| tag.pathway_id.as_deref());
    let named = playlist.streams.iter().filter_map(|stream| stream.pathway_id.as_deref());
    for id in tagged.chain(named) {
        if !is_pathway_id(id) {
            breach(Rule::PathwayId, format!("`{id}` is no Pathway ID (§4.4.6.2)"));
        }
    }
    for id in playlist.streams.iter().filter_map(|s| s.stable_id.as_deref()).filter(|id| !is_stable_id(id)) {
        breach(Rule::StableId, format!("`{id}` is no STABLE-VARIANT-ID (§4.4.6.2)"));
    }
    for id in playlist.stable_rendition_ids.iter().filter(|id| !is_stable_id(id)) {
        breach(Rule::StableId, format!("`{id}` is no STABLE-RENDITION-ID (§4.4.6.1)"));
    }
    stable_ids(playlist, &mut breach);
    if !playlist.steering.is_empty() {
        same_variants(playlist, &mut breach);
    }
    found
}

fn tag(playlist: &Multivariant, breach: &mut impl FnMut(Rule, String)) {
    let Some(tag) = playlist.steering.first() else { return };
    if playlist.steering.len() > 1 {
        let count = playlist.steering.len();
        breach(Rule::SteeringTag, format!("EXT-X-CONTENT-STEERING is given {count} times (§4.4.6.6)"));
    }
    let any = Url { secure: false, host: "any".to_owned(), port: 80, path: "/".to_owned() };
    match tag.server_uri.as_deref() {
        None | Some("") => breach(Rule::SteeringTag, "SERVER-URI is missing (§4.4.6.6)".to_owned()),
        // A player may be given its first manifest in place of an address.
        Some(uri) if uri.starts_with("data:") || any.join(uri).is_ok() => {}
        Some(uri) => breach(Rule::SteeringTag, format!("SERVER-URI is no address: {uri} (§4.4.6.6)")),
    }
    if let Some(id) = tag.pathway_id.as_deref()
        && !playlist.streams.iter().any(|stream| stream.pathway() == id)
    {
        breach(Rule::PathwayUnknown, format!("PATHWAY-ID {id} of the tag is of no variant (§4.4.6.6)"));
    }
}

/// True for one or more of the characters that STABLE-VARIANT-ID and STABLE-RENDITION-ID may have.
fn is_stable_id(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+/=.-_".contains(&b);
    !text.is_empty() && text.bytes().all(legal)
}

/// A STABLE-VARIANT-ID names one variant of a Pathway, and variants that are alike on several.
fn stable_ids(playlist: &Multivariant, breach: &mut impl FnMut(Rule, String)) {
    let shape = |s: &Stream| (s.codecs.clone(), s.resolution, s.frame_rate.map(f64::to_bits));
    for (index, stream) in playlist.streams.iter().enumerate() {
        let Some(id) = stream.stable_id.as_deref() else { continue };
        let before = playlist.streams[..index].iter().filter(|other| other.stable_id.as_deref() == Some(id));
        for other in before {
            let (uri, first) = (&stream.uri, &other.uri);
            if other.pathway() == stream.pathway() {
                let detail = format!("{id} is the STABLE-VARIANT-ID of {first} and {uri} (§4.4.6.2)");
                breach(Rule::StableIdTwice, detail);
            } else if shape(other) != shape(stream) {
                let detail =
                    format!("{id} is the STABLE-VARIANT-ID of unlike variants: {first}, {uri} (§4.4.6.2)");
                breach(Rule::StableIdDiffers, detail);
            }
        }
    }
}

/// A player must find its variant on each Pathway.
fn same_variants(playlist: &Multivariant, breach: &mut impl FnMut(Rule, String)) {
    let of = |pathway: &str| {
        let own = playlist.streams.iter().filter(|stream| stream.pathway() == pathway);
        let mut ids: Vec<_> = own.map(|stream| stream.stable_id.as_deref()).collect();
        ids.sort_unstable();
        ids
    };
    let Some(first) = playlist.streams.first().map(Stream::pathway) else { return };
    let mut seen = vec![first];
    for pathway in playlist.streams.iter().map(Stream::pathway) {
        if seen.contains(&pathway) {
            continue;
        }
        seen.push(pathway);
        if of(pathway) != of(first) {
            let detail = format!("{pathway} has {:?}, {first} has {:?} (§7)", of(pathway), of(first));
            breach(Rule::PathwayVariants, detail);
        }
    }
}

/// The breaches of a steering server's answer: its Content-Type, and what became of its body. `known` are the Pathways
/// before it.
#[must_use]
pub fn manifest(content_type: &str, read: &Result<Manifest, Unusable>, known: &Pathways) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |rule, detail: String| found.push(Breach::new(rule, detail));
    let kind = content_type.split(';').next().unwrap_or("").trim();
    if !TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        breach(Rule::SteeringType, format!("Content-Type is `{content_type}` (§7)"));
    }
    let manifest = match read {
        Ok(manifest) => manifest,
        Err(error) => {
            let rule = match error {
                Unusable::Syntax(_) => Rule::SteeringSyntax,
                Unusable::Version(_) => Rule::SteeringVersion,
                Unusable::Priority(_) => Rule::SteeringPriority,
            };
            breach(rule, format!("{error} (§7)"));
            return found;
        }
    };
    for fault in &manifest.faults {
        let rule = match fault.member {
            Member::Ttl => Rule::SteeringTtl,
            Member::ReloadUri => Rule::SteeringReloadUri,
            Member::Priority => Rule::SteeringPriority,
            Member::Clones => Rule::CloneSyntax,
            Member::Host => Rule::CloneHost,
            Member::Params => Rule::CloneParams,
            Member::Uris => Rule::CloneUris,
        };
        breach(rule, format!("{} (§7)", fault.what));
    }
    clones(manifest, known, &mut breach);
    found
}

/// Clones by themselves, then what is known when they have been applied.
fn clones(manifest: &Manifest, known: &Pathways, breach: &mut impl FnMut(Rule, String)) {
    let mut after = known.clone();
    after.add(&manifest.clones);
    for (index, clone) in manifest.clones.iter().enumerate() {
        let PathwayClone { base_id, id, replacement } = clone;
        let mut before = known.declared().iter().map(|pathway| &pathway.id);
        let mut earlier = manifest.clones[..index].iter().map(|earlier| &earlier.id);
        if before.any(|other| other == id) || earlier.any(|other| other == id) {
            breach(Rule::CloneId, format!("there is a Pathway {id} already (§7)"));
        }
        let mut before = known.declared().iter().map(|pathway| &pathway.id);
        let mut earlier = manifest.clones[..index].iter().map(|earlier| &earlier.id);
        if !before.any(|other| other == base_id) && !earlier.any(|other| other == base_id) {
            breach(Rule::CloneBase, format!("{id} is a clone of {base_id}, which is no Pathway (§7)"));
        }
        let base = after.get(base_id);
        for key in replacement.variant_uris.keys() {
            let is = |stable_id: &Option<String>| stable_id.as_ref() == Some(key);
            if base.is_some_and(|base| !base.variants.iter().any(|variant| is(&variant.stable_id))) {
                breach(
                    Rule::CloneUris,
                    format!("{id}: no variant of {base_id} has the stable id {key} (§7)"),
                );
            }
        }
        for key in replacement.rendition_uris.keys() {
            if !known.stable_rendition_ids().contains(key) {
                breach(Rule::CloneUris, format!("{id}: no rendition has the stable id {key} (§7)"));
            }
        }
    }
    for id in manifest.priority.iter().filter(|id| after.get(id).is_none()) {
        breach(Rule::SteeringPriorityUnknown, format!("PATHWAY-PRIORITY has {id}, which is no Pathway (§7)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYLIST: &str = "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering\",PATHWAY-ID=\"fra\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",STABLE-RENDITION-ID=\"r+1\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=2x2,PATHWAY-ID=\"fra\",STABLE-VARIANT-ID=\"v/0\"\nfra/0\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=4x4,PATHWAY-ID=\"fra\",STABLE-VARIANT-ID=\"v/1\"\nfra/1\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=2x2,PATHWAY-ID=\"ams\",STABLE-VARIANT-ID=\"v/0\"\nams/0\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=4x4,PATHWAY-ID=\"ams\",STABLE-VARIANT-ID=\"v/1\"\nams/1\n";

    const MANIFEST: &str = r#"{"VERSION":1,"TTL":30,"RELOAD-URI":"/s","PATHWAY-PRIORITY":["par","fra","lon"],
        "PATHWAY-CLONES":[
        {"BASE-ID":"fra","ID":"par","URI-REPLACEMENT":{"HOST":"par.example","PARAMS":{"t":"1"}}},
        {"BASE-ID":"par","ID":"lon","URI-REPLACEMENT":{"HOST":"lon.example",
        "PER-VARIANT-URIS":{"v/1":"https://x/1"},"PER-RENDITION-URIS":{"r+1":"https://x/r"}}}]}"#;

    fn of_playlist(text: &str) -> Vec<Rule> {
        playlist(&Multivariant::parse(text).unwrap()).into_iter().map(|breach| breach.rule).collect()
    }

    fn of_manifest(content_type: &str, text: &str) -> Vec<Rule> {
        let base = "http://h/hls/stream.m3u8".parse().unwrap();
        let known = Pathways::declared_by(&Multivariant::parse(PLAYLIST).unwrap(), &base).unwrap();
        let found = manifest(content_type, &Manifest::parse(text), &known);
        found.into_iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn a_steered_playlist_and_one_that_is_not_break_nothing() {
        assert_eq!(of_playlist(PLAYLIST), []);
        assert_eq!(of_playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n0\n"), []);
        // The Pathway of variants without PATHWAY-ID is `.`, and an address may be that of another server.
        let alone = "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://s/x\",PATHWAY-ID=\".\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\n0\n";
        assert_eq!(of_playlist(alone), []);
    }

    #[test]
    fn each_rule_of_steering_tags_is_reported_when_it_is_broken() {
        let tag = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering\",PATHWAY-ID=\"fra\"\n";
        let last = ",PATHWAY-ID=\"ams\",STABLE-VARIANT-ID=\"v/1\"";
        for (from, to, rule) in [
            (tag, tag.repeat(2).as_str(), Rule::SteeringTag),
            ("SERVER-URI=\"/steering\",", "", Rule::SteeringTag),
            ("SERVER-URI=\"/steering\"", "SERVER-URI=\"\"", Rule::SteeringTag),
            ("SERVER-URI=\"/steering\"", "SERVER-URI=\"a b\"", Rule::SteeringTag),
            ("/steering\",PATHWAY-ID=\"fra\"", "/steering\",PATHWAY-ID=\"par\"", Rule::PathwayUnknown),
            ("PATHWAY-ID=\"ams\"", "PATHWAY-ID=\"a ms\"", Rule::PathwayId),
            ("v/0", "v 0", Rule::StableId),
            ("v/0", "", Rule::StableId),
            ("r+1", "r,1", Rule::StableId),
            ("v/0", "v/1", Rule::StableIdTwice),
            (last, ",PATHWAY-ID=\"ams\",STABLE-VARIANT-ID=\"v/2\"", Rule::PathwayVariants),
            (last, ",PATHWAY-ID=\"ams\"", Rule::PathwayVariants),
            ("RESOLUTION=4x4,PATHWAY-ID=\"ams\"", "RESOLUTION=8x8,PATHWAY-ID=\"ams\"", Rule::StableIdDiffers),
        ] {
            let broken = PLAYLIST.replace(from, to);
            assert_ne!(broken, PLAYLIST, "{from}");
            let found = of_playlist(&broken);
            assert!(found.contains(&rule), "{from} to {to}: {found:?}");
        }
    }

    #[test]
    fn a_manifest_with_clones_of_clones_breaks_nothing() {
        for content_type in ["application/json", "Application/JSON; charset=utf-8", TYPES[0]] {
            assert_eq!(of_manifest(content_type, MANIFEST), []);
        }
        // A server that repeats its clones says nothing new.
        let mut known =
            Pathways::declared_by(&Multivariant::parse(PLAYLIST).unwrap(), &"http://h/".parse().unwrap());
        let read = Manifest::parse(MANIFEST);
        known.as_mut().unwrap().add(&read.as_ref().unwrap().clones);
        assert_eq!(manifest("application/json", &read, &known.unwrap()), []);
    }

    #[test]
    fn each_rule_of_manifests_is_reported_when_it_is_broken() {
        for (from, to, rule) in [
            ("{\"VERSION\"", "\"VERSION\"", Rule::SteeringSyntax),
            ("\"VERSION\":1", "\"VERSION\":2", Rule::SteeringVersion),
            ("\"VERSION\":1,", "", Rule::SteeringVersion),
            ("\"TTL\":30", "\"TTL\":0", Rule::SteeringTtl),
            ("\"TTL\":30", "\"TTL\":-1", Rule::SteeringTtl),
            ("\"TTL\":30", "\"TTL\":\"30\"", Rule::SteeringTtl),
            ("\"RELOAD-URI\":\"/s\"", "\"RELOAD-URI\":7", Rule::SteeringReloadUri),
            ("\"RELOAD-URI\":\"/s\"", "\"RELOAD-URI\":\"\"", Rule::SteeringReloadUri),
            ("[\"par\",\"fra\",\"lon\"]", "[]", Rule::SteeringPriority),
            ("\"PATHWAY-PRIORITY\"", "\"PRIORITY\"", Rule::SteeringPriority),
            ("\"fra\",\"lon\"]", "\"par\"]", Rule::SteeringPriority),
            ("\"fra\",\"lon\"]", "\"f ra\"]", Rule::SteeringPriority),
            ("\"fra\",\"lon\"]", "\"rom\"]", Rule::SteeringPriorityUnknown),
            ("\"BASE-ID\":\"fra\"", "\"BASE-ID\":\"rom\"", Rule::CloneBase),
            ("\"BASE-ID\":\"fra\"", "\"BASE-ID\":\"lon\"", Rule::CloneBase),
            ("\"ID\":\"par\",", "\"ID\":\"ams\",", Rule::CloneId),
            ("\"ID\":\"lon\"", "\"ID\":\"par\"", Rule::CloneId),
            ("\"BASE-ID\":\"fra\",", "", Rule::CloneSyntax),
            ("par.example", "par.example:8443", Rule::CloneHost),
            ("par.example", "https://par.example", Rule::CloneHost),
            ("par.example", "", Rule::CloneHost),
            ("{\"t\":\"1\"}", "{\"t\":1}", Rule::CloneParams),
            ("\"v/1\"", "\"v/7\"", Rule::CloneUris),
            ("\"r+1\"", "\"r+7\"", Rule::CloneUris),
            ("https://x/1", "x/1", Rule::CloneUris),
        ] {
            let broken = MANIFEST.replacen(from, to, 1);
            assert_ne!(broken, MANIFEST, "{from}");
            let found = of_manifest("application/json", &broken);
            assert!(found.contains(&rule), "{from} to {to}: {found:?}");
        }
        for content_type in ["text/html", "", "application/jsonp"] {
            assert_eq!(of_manifest(content_type, MANIFEST), [Rule::SteeringType]);
        }
    }
}

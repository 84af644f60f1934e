//! The Pathways of a presentation (RFC 8216bis §7): those of the Multivariant Playlist, and the clones of Steering
//! Manifests, each with the addresses of its variants.

use crate::http::url::{InvalidUrl, Url};
use crate::playlist::{Multivariant, Stream};
use crate::steering::manifest::{PathwayClone, Replacement};

/// Most Pathways that a player knows of; further clones are ignored.
const MOST: usize = 256;

/// A variant on a Pathway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    /// Address of its Media Playlist.
    pub url: Url,
    /// STABLE-VARIANT-ID.
    pub stable_id: Option<String>,
}

/// A Pathway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pathway {
    /// Its ID.
    pub id: String,
    /// Its variants in the playlist's order; never empty.
    pub variants: Vec<Variant>,
}

/// All Pathways that a player knows of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pathways {
    list: Vec<Pathway>,
    /// The first so many are of the Multivariant Playlist.
    declared: usize,
    stable_rendition_ids: Vec<String>,
}

impl Pathways {
    /// Those of the playlist at `base`.
    ///
    /// # Errors
    /// When the URI of a variant is none.
    pub fn declared_by(playlist: &Multivariant, base: &Url) -> Result<Self, InvalidUrl> {
        Self::of(playlist, base, Stream::pathway)
    }

    /// One Pathway, `.`, with all variants of the playlist at `base`: what a player sees that knows nothing of steering.
    ///
    /// # Errors
    /// When the URI of a variant is none.
    pub fn unsteered(playlist: &Multivariant, base: &Url) -> Result<Self, InvalidUrl> {
        Self::of(playlist, base, |_| ".")
    }

    fn of(playlist: &Multivariant, base: &Url, of: impl Fn(&Stream) -> &str) -> Result<Self, InvalidUrl> {
        let mut list: Vec<Pathway> = Vec::new();
        for stream in &playlist.streams {
            let id = of(stream);
            let variant = Variant { url: base.join(&stream.uri)?, stable_id: stream.stable_id.clone() };
            match list.iter_mut().find(|pathway| pathway.id == id) {
                Some(pathway) => pathway.variants.push(variant),
                None => list.push(Pathway { id: id.to_owned(), variants: vec![variant] }),
            }
        }
        let stable_rendition_ids = playlist.stable_rendition_ids.clone();
        Ok(Self { declared: list.len(), list, stable_rendition_ids })
    }

    /// All, those of the playlist first.
    #[must_use]
    pub fn all(&self) -> &[Pathway] {
        &self.list
    }

    /// Those of the Multivariant Playlist.
    #[must_use]
    pub fn declared(&self) -> &[Pathway] {
        &self.list[..self.declared]
    }

    /// STABLE-RENDITION-ID of the playlist's renditions.
    #[must_use]
    pub fn stable_rendition_ids(&self) -> &[String] {
        &self.stable_rendition_ids
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Pathway> {
        self.list.iter().find(|pathway| pathway.id == id)
    }

    /// Adds clones. One whose base is not known, or whose ID is known already, is ignored.
    pub fn add(&mut self, clones: &[PathwayClone]) {
        for clone in clones {
            if self.get(&clone.id).is_some() || self.list.len() >= MOST {
                continue;
            }
            let Some(base) = self.get(&clone.base_id) else { continue };
            let variants = base.variants.iter().map(|variant| Variant {
                url: replaced(variant, &clone.replacement),
                stable_id: variant.stable_id.clone(),
            });
            let pathway = Pathway { id: clone.id.clone(), variants: variants.collect() };
            self.list.push(pathway);
        }
    }
}

impl Pathway {
    /// The variant that continues `other`, which is the `index`-th of its Pathway: the one with the same
    /// STABLE-VARIANT-ID, else the one at the same place, else the last.
    #[must_use]
    pub fn like(&self, other: Option<&Variant>, index: usize) -> Option<&Variant> {
        let stable_id = other.and_then(|other| other.stable_id.as_ref());
        let same =
            self.variants.iter().find(|own| stable_id.is_some() && own.stable_id.as_ref() == stable_id);
        same.or_else(|| self.variants.get(index)).or(self.variants.last())
    }
}

/// The address of a clone's variant. An entry of PER-VARIANT-URIS is taken as it is; elsewhere HOST replaces the host and
/// nothing else, and PARAMS are added in the order of their names.
fn replaced(variant: &Variant, replacement: &Replacement) -> Url {
    let own = variant.stable_id.as_ref().and_then(|id| replacement.variant_uris.get(id));
    if let Some(url) = own {
        return url.clone();
    }
    let host = replacement.host.as_deref();
    // HOST has been read with the same function, so it is one.
    let url = host.and_then(|host| variant.url.with_host(host).ok()).unwrap_or_else(|| variant.url.clone());
    if replacement.params.is_empty() {
        return url;
    }
    url.with_parameters(replacement.params.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playlist(pathways: &[&str]) -> Multivariant {
        let line = |id: &&str, v: usize| {
            format!(
                "#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"{id}\",STABLE-VARIANT-ID=\"v{v}\"\n{v}/{id}.m3u8?k=1\n"
            )
        };
        let lines: String = pathways.iter().flat_map(|id| [line(id, 0), line(id, 1)]).collect();
        Multivariant::parse(&format!("#EXTM3U\n{lines}")).unwrap()
    }

    fn base() -> Url {
        "http://fra.example:8080/hls/stream.m3u8".parse().unwrap()
    }

    fn clone(base_id: &str, id: &str, replacement: Replacement) -> PathwayClone {
        PathwayClone { base_id: base_id.to_owned(), id: id.to_owned(), replacement }
    }

    fn at(host: &str) -> Replacement {
        Replacement { host: Some(host.to_owned()), ..Replacement::default() }
    }

    fn urls(pathways: &Pathways, id: &str) -> Vec<String> {
        pathways.get(id).unwrap().variants.iter().map(|v| v.url.to_string()).collect()
    }

    #[test]
    fn a_clone_has_the_host_that_is_given_and_keeps_scheme_port_path_and_query() {
        let mut pathways = Pathways::declared_by(&playlist(&["fra"]), &base()).unwrap();
        pathways.add(&[clone("fra", "ams", at("ams.example"))]);
        assert_eq!(urls(&pathways, "ams")[1], "http://ams.example:8080/hls/1/fra.m3u8?k=1");
        assert_eq!(urls(&pathways, "fra")[1], "http://fra.example:8080/hls/1/fra.m3u8?k=1");
        assert_eq!((pathways.declared().len(), pathways.all().len()), (1, 2));
    }

    #[test]
    fn parameters_are_added_and_an_address_of_a_variant_is_taken_as_it_is() {
        let mut pathways = Pathways::declared_by(&playlist(&["fra"]), &base()).unwrap();
        let url: Url = "https://x.example/v1.m3u8".parse().unwrap();
        let replacement = Replacement {
            params: [("z", "1"), ("k", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            variant_uris: [("v1".to_owned(), url)].into(),
            ..at("ams.example")
        };
        pathways.add(&[clone("fra", "ams", replacement)]);
        let expected = ["http://ams.example:8080/hls/0/fra.m3u8?k=2&z=1", "https://x.example:443/v1.m3u8"];
        assert_eq!(urls(&pathways, "ams"), expected);
    }

    #[test]
    fn a_clone_may_be_cloned_and_neither_an_unknown_base_nor_a_known_id_is_obeyed() {
        let mut pathways = Pathways::declared_by(&playlist(&["fra", "ams"]), &base()).unwrap();
        let before = pathways.clone();
        pathways.add(&[clone("par", "x", at("x")), clone("fra", "ams", at("x"))]);
        assert_eq!(pathways, before);
        pathways.add(&[clone("fra", "par", at("par")), clone("par", "lon", at("lon"))]);
        assert_eq!(urls(&pathways, "lon")[0], "http://lon:8080/hls/0/fra.m3u8?k=1");
    }

    #[test]
    fn the_variant_goes_on_by_its_stable_id_or_its_place() {
        let pathways = Pathways::declared_by(&playlist(&["fra", "ams"]), &base()).unwrap();
        let (fra, ams) = (&pathways.all()[0], &pathways.all()[1]);
        assert_eq!(ams.like(Some(&fra.variants[1]), 0), Some(&ams.variants[1]));
        assert_eq!(ams.like(None, 1), Some(&ams.variants[1]));
        assert_eq!(ams.like(None, 7), Some(&ams.variants[1]));
    }

    #[test]
    fn without_steering_all_variants_are_alike() {
        let pathways = Pathways::unsteered(&playlist(&["fra", "ams"]), &base()).unwrap();
        assert_eq!(pathways.all().len(), 1);
        assert_eq!(pathways.get(".").unwrap().variants.len(), 4);
    }
}

//! Multivariant Playlists (§4.4.6).

use super::ParseError;
use super::attributes::{Attributes, integer};

/// A Multivariant Playlist.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Multivariant {
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// Variants in order.
    pub streams: Vec<Stream>,
    /// All EXT-X-CONTENT-STEERING tags in order; more than one is a fault, and players obey the first.
    pub steering: Vec<SteeringTag>,
    /// STABLE-RENDITION-ID of the EXT-X-MEDIA tags that have one, in order.
    pub stable_rendition_ids: Vec<String>,
}

/// EXT-X-CONTENT-STEERING (§4.4.6.6).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SteeringTag {
    /// SERVER-URI as written.
    pub server_uri: Option<String>,
    /// PATHWAY-ID as written.
    pub pathway_id: Option<String>,
}

/// EXT-X-STREAM-INF (§4.4.6.2).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stream {
    /// URI as written.
    pub uri: String,
    /// BANDWIDTH in bits per second.
    pub bandwidth_bps: u64,
    /// AVERAGE-BANDWIDTH in bits per second.
    pub average_bandwidth_bps: Option<u64>,
    /// CODECS.
    pub codecs: Option<String>,
    /// RESOLUTION.
    pub resolution: Option<(u64, u64)>,
    /// FRAME-RATE.
    pub frame_rate: Option<f64>,
    /// PATHWAY-ID as written.
    pub pathway_id: Option<String>,
    /// STABLE-VARIANT-ID as written.
    pub stable_id: Option<String>,
}

impl Stream {
    /// The Pathway that the variant belongs to: `.` where the tag names none (§4.4.6.2).
    #[must_use]
    pub fn pathway(&self) -> &str {
        self.pathway_id.as_deref().unwrap_or(".")
    }
}

impl Multivariant {
    /// Parses a playlist.
    ///
    /// # Errors
    /// The first line that has no meaning.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut playlist = Self::default();
        let mut pending: Option<Stream> = None;
        for (index, line) in text.lines().enumerate() {
            let fail = |what: String| ParseError { line: index + 1, what };
            if index == 0 && line != "#EXTM3U" {
                return Err(fail("no #EXTM3U".to_owned()));
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name {
                "#EXT-X-VERSION" => playlist.version = integer(value),
                "#EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent_segments = true,
                "#EXT-X-STREAM-INF" => pending = Some(stream(value).map_err(fail)?),
                "#EXT-X-CONTENT-STEERING" => playlist.steering.push(steering(value).map_err(fail)?),
                "#EXT-X-MEDIA" => {
                    let list = Attributes::parse(value).map_err(fail)?;
                    let id = list.quoted("STABLE-RENDITION-ID").map_err(fail)?;
                    playlist.stable_rendition_ids.extend(id.map(str::to_owned));
                }
                "#EXTINF" | "#EXT-X-TARGETDURATION" => {
                    return Err(fail("this is a Media Playlist".to_owned()));
                }
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => {
                    let mut stream =
                        pending.take().ok_or_else(|| fail("a URI without EXT-X-STREAM-INF".to_owned()))?;
                    line.clone_into(&mut stream.uri);
                    playlist.streams.push(stream);
                }
            }
        }
        if pending.is_some() || playlist.streams.is_empty() {
            let line = text.lines().count();
            return Err(ParseError { line, what: "no variant with a URI".to_owned() });
        }
        Ok(playlist)
    }
}

fn stream(value: &str) -> Result<Stream, String> {
    let list = Attributes::parse(value)?;
    let resolution = list.plain("RESOLUTION")?.map(|text| {
        let sides = text.split_once('x').and_then(|(w, h)| Some((integer(w)?, integer(h)?)));
        sides.ok_or_else(|| format!("RESOLUTION is `{text}`"))
    });
    let frame_rate = list
        .plain("FRAME-RATE")?
        .map(|text| text.parse::<f64>().map_err(|_| format!("FRAME-RATE is `{text}`")));
    Ok(Stream {
        uri: String::new(),
        bandwidth_bps: list.integer("BANDWIDTH")?.ok_or("BANDWIDTH is missing")?,
        average_bandwidth_bps: list.integer("AVERAGE-BANDWIDTH")?,
        codecs: list.quoted("CODECS")?.map(str::to_owned),
        resolution: resolution.transpose()?,
        frame_rate: frame_rate.transpose()?,
        pathway_id: list.quoted("PATHWAY-ID")?.map(str::to_owned),
        stable_id: list.quoted("STABLE-VARIANT-ID")?.map(str::to_owned),
    })
}

fn steering(value: &str) -> Result<SteeringTag, String> {
    let list = Attributes::parse(value)?;
    let quoted = |name: &str| Ok::<_, String>(list.quoted(name)?.map(str::to_owned));
    Ok(SteeringTag { server_uri: quoted("SERVER-URI")?, pathway_id: quoted("PATHWAY-ID")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_keep_their_order_and_attributes() {
        let text = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4000000,CODECS=\"avc1.64,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000\n\
            0/stream.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=100\n1/stream.m3u8\n";
        let playlist = Multivariant::parse(text).unwrap();
        assert_eq!(playlist.streams.len(), 2);
        assert_eq!(playlist.streams[0].resolution, Some((1280, 720)));
        assert_eq!(playlist.streams[1].uri, "1/stream.m3u8");
    }

    #[test]
    fn pathways_and_stable_ids_are_read_and_absent_where_they_are_not_written() {
        let text = "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering?a=1\",PATHWAY-ID=\"e-fra\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",STABLE-RENDITION-ID=\"en\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"e-fra\",STABLE-VARIANT-ID=\"720p\"\n0/stream.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\n1/stream.m3u8\n";
        let playlist = Multivariant::parse(text).unwrap();
        let tag =
            SteeringTag { server_uri: Some("/steering?a=1".into()), pathway_id: Some("e-fra".to_owned()) };
        assert_eq!(playlist.steering, [tag]);
        assert_eq!(playlist.stable_rendition_ids, ["en"]);
        let [first, second] = &playlist.streams[..] else { panic!("{playlist:?}") };
        assert_eq!((first.pathway(), first.stable_id.as_deref()), ("e-fra", Some("720p")));
        assert_eq!((second.pathway(), second.stable_id.as_deref()), (".", None));
        assert!(Multivariant::parse(&text.replace("\"e-fra\"", "e-fra")).is_err(), "not quoted");
    }

    #[test]
    fn a_media_playlist_and_an_empty_one_are_refused() {
        assert!(Multivariant::parse("#EXTM3U\n#EXT-X-TARGETDURATION:2\n").is_err());
        assert!(Multivariant::parse("#EXTM3U\n").is_err());
        assert!(Multivariant::parse("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n").is_err());
    }
}

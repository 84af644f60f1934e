//! Pictures: the logo and the emoji, loaded from the store once and kept; and those of the broadcast, requested from
//! the origin on demand, at most once in [`FRESH`].

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_api::{Reply, reply};
use farcast_feed::time::WallTime;
use farcast_link::Picture;
use farcast_pages::picture::{self, FOR_A_DAY, ICON, LOGO, own};
use farcast_settings::{Asset, AssetHash, OperatorSettings, load_asset};
use farcast_store::{Store, StoreError};
use http::{HeaderMap, StatusCode};
use moka::future::Cache;
use sha2::{Digest as _, Sha256};

use farcast_link::receiver::Fetcher;

/// Memory for pictures.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Farcast's own logo for places that cannot draw SVG.
const OWN_PNG: &[u8] = include_bytes!("logo.png");

/// The stand-in for the broadcast's own picture: Farcast's logo on its ground. Made of `logo.png` by ffmpeg 5.1, for all
/// three with `-map_metadata -1 -flags bitexact -fflags bitexact -frames:v 1`: here `color=0x1b1f2e:s=1280x720`, the logo at
/// 320 × 320 in the middle, `-q:v 6`.
const OWN_THUMBNAIL: &[u8] = include_bytes!("thumbnail.jpg");
/// The same of 480 × 270 with the logo at 120 × 120, 32 colours.
const OWN_PREVIEW: &[u8] = include_bytes!("preview.gif");
/// Time for which caches keep pictures of the broadcast.
const FOR_A_MOMENT: &str = "public, max-age=5";
/// Time for which a picture of the broadcast is served before the origin is asked for another, which it makes every
/// five seconds.
const FRESH: Duration = Duration::from_secs(4);

/// The state on which a picture of the broadcast depends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) runtime: &'a OperatorSettings,
    /// True if there is a broadcast.
    pub(super) is_live: bool,
    /// Start of the broadcast: another one has other pictures.
    pub(super) since: Option<WallTime>,
}

/// The result of [`Stills::newest`].
pub type StillFuture = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

/// The source of the broadcast's pictures: the origin.
pub trait Stills: Send + Sync + std::fmt::Debug + 'static {
    /// The newest of this kind, if there is one. The future may be dropped at any time.
    fn newest(&self, picture: Picture) -> StillFuture;
}

impl Stills for Fetcher {
    fn newest(&self, picture: Picture) -> StillFuture {
        let fetcher = self.clone();
        Box::pin(async move { fetcher.picture(picture).await.ok() })
    }
}

/// A picture of the broadcast with its tag.
type Tagged = Option<(Bytes, Arc<str>)>;

/// Pictures by the hash of their content, and the newest ones of the broadcast.
#[derive(Debug)]
pub(super) struct Pictures {
    assets: Cache<AssetHash, Bytes>,
    stills: Cache<(Picture, Option<WallTime>), Tagged>,
    origin: Arc<dyn Stills>,
}

impl Pictures {
    pub(super) fn new(origin: Arc<dyn Stills>) -> Self {
        let weight = |_: &AssetHash, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self {
            assets: Cache::builder().max_capacity(CACHE_BYTES).weigher(weight).build(),
            stills: Cache::builder().max_capacity(4).time_to_live(FRESH).build(),
            origin,
        }
    }

    pub(super) async fn logo(&self, store: &Store, runtime: &OperatorSettings, headers: &HeaderMap) -> Reply {
        match &runtime.logo {
            Some(logo) => self.asset(store, logo, headers, FOR_A_DAY).await,
            None => own("image/svg+xml", LOGO, headers, FOR_A_DAY),
        }
    }

    /// `/favicon.ico`: the logo where every browser can draw it.
    pub(super) async fn icon(&self, store: &Store, runtime: &OperatorSettings, headers: &HeaderMap) -> Reply {
        match &runtime.logo {
            Some(logo) if logo.content_type != "image/svg+xml" => {
                self.asset(store, logo, headers, FOR_A_DAY).await
            }
            _ => own("image/x-icon", ICON, headers, FOR_A_DAY),
        }
    }

    /// `/thumbnail.jpg`: of the broadcast while there is one. Else the logo stands in where it is a JPEG, which the address
    /// promises, or a neutral picture.
    pub(super) async fn thumbnail(&self, store: &Store, shown: Shown<'_>, headers: &HeaderMap) -> Reply {
        match self.still(Picture::Thumbnail, shown).await {
            Some((bytes, tag)) => picture::answer("image/jpeg", &tag, bytes, headers, FOR_A_MOMENT),
            None => self.stand_in(store, shown.runtime, headers, ("image/jpeg", OWN_THUMBNAIL)).await,
        }
    }

    /// `/preview.gif`: the same as GIF.
    pub(super) async fn preview(&self, store: &Store, shown: Shown<'_>, headers: &HeaderMap) -> Reply {
        match self.still(Picture::Preview, shown).await {
            Some((bytes, tag)) => picture::answer("image/gif", &tag, bytes, headers, FOR_A_MOMENT),
            None => self.stand_in(store, shown.runtime, headers, ("image/gif", OWN_PREVIEW)).await,
        }
    }

    /// The picture with its tag; none if the origin has none or sends no picture. The origin is asked again after
    /// [`FRESH`], not for each request.
    async fn still(&self, picture: Picture, shown: Shown<'_>) -> Tagged {
        if !shown.is_live {
            return None;
        }
        let asking = async {
            let bytes = self.origin.newest(picture).await?;
            let tag = Sha256::digest(&bytes).iter().take(8).fold("\"".to_owned(), |mut tag, byte| {
                // Writing to a string does not fail.
                let _ = write!(tag, "{byte:02x}");
                tag
            });
            Some((bytes, format!("{tag}\"").into()))
        };
        self.stills.get_with((picture, shown.since), asking).await
    }

    async fn stand_in(
        &self,
        store: &Store,
        runtime: &OperatorSettings,
        headers: &HeaderMap,
        (content_type, bytes): (&'static str, &'static [u8]),
    ) -> Reply {
        match &runtime.logo {
            Some(logo) if logo.content_type == content_type => {
                self.asset(store, logo, headers, FOR_A_MOMENT).await
            }
            _ => own(content_type, bytes, headers, FOR_A_MOMENT),
        }
    }

    pub(super) async fn logo_external(
        &self,
        store: &Store,
        runtime: &OperatorSettings,
        headers: &HeaderMap,
    ) -> Reply {
        match &runtime.logo {
            Some(logo) if logo.content_type != "image/svg+xml" => {
                self.asset(store, logo, headers, FOR_A_DAY).await
            }
            _ => own("image/png", OWN_PNG, headers, FOR_A_DAY),
        }
    }

    pub(super) async fn emoji(
        &self,
        store: &Store,
        runtime: &OperatorSettings,
        file: &str,
        headers: &HeaderMap,
    ) -> Reply {
        match runtime.emoji.iter().find(|emoji| emoji.asset.file == file) {
            Some(emoji) => self.asset(store, &emoji.asset, headers, FOR_A_DAY).await,
            None => reply::empty(StatusCode::NOT_FOUND),
        }
    }

    async fn asset(
        &self,
        store: &Store,
        asset: &Asset,
        headers: &HeaderMap,
        cache_control: &'static str,
    ) -> Reply {
        let loading = async {
            let lost = || StoreError::Unavailable("a picture is not in the store".to_owned());
            load_asset(store, asset).await?.ok_or_else(lost)
        };
        let loaded: Result<Bytes, Arc<StoreError>> = self.assets.try_get_with(asset.hash, loading).await;
        let known = picture::known_type(&asset.content_type);
        match (loaded, known) {
            (Ok(bytes), Some(content_type)) => {
                picture::answer(content_type, &format!("\"{}\"", asset.hash), bytes, headers, cache_control)
            }
            (Ok(_), None) => reply::empty(StatusCode::NOT_FOUND),
            (Err(_), _) => reply::unavailable("the picture cannot be loaded now"),
        }
    }
}

/// A picture that is drawn here, for a day.
pub(super) fn drawn(content_type: &'static str, etag: &str, bytes: Bytes, headers: &HeaderMap) -> Reply {
    picture::answer(content_type, etag, bytes, headers, FOR_A_DAY)
}

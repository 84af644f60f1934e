//! Pictures: the logo and the emoji, loaded from the store once and kept; and what stands where pictures of the broadcast
//! are looked for.

use std::sync::Arc;

use bytes::Bytes;
use farcast_pages::picture::{self, FOR_A_DAY, ICON, LOGO, own};
use farcast_shared::api::{Reply, reply};
use farcast_shared::runtime::{Asset, AssetHash, Runtime, load_asset};
use farcast_shared::store::{Store, StoreError};
use http::{HeaderMap, StatusCode};
use moka::future::Cache;

/// Memory for pictures.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Farcast's own logo for places that cannot draw SVG.
const OWN_PNG: &[u8] = include_bytes!("logo.png");

/// What is shown for the broadcast's own picture: Farcast's logo on its ground. Made of `logo.png` by ffmpeg 5.1, for all three
/// with `-map_metadata -1 -flags bitexact -fflags bitexact -frames:v 1`: here `color=0x1b1f2e:s=1280x720`, the logo at
/// 320 × 320 in the middle, `-q:v 6`.
const OWN_THUMBNAIL: &[u8] = include_bytes!("thumbnail.jpg");
/// The same of 480 × 270 with the logo at 120 × 120, 32 colours.
const OWN_PREVIEW: &[u8] = include_bytes!("preview.gif");
/// How long caches keep pictures of the broadcast, as Owncast has it.
const FOR_A_MOMENT: &str = "public, max-age=20";

/// Pictures by the hash of their content.
#[derive(Debug)]
pub(super) struct Pictures(Cache<AssetHash, Bytes>);

impl Pictures {
    pub(super) fn new() -> Self {
        let weight = |_: &AssetHash, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(CACHE_BYTES).weigher(weight).build())
    }

    pub(super) async fn logo(&self, store: &Store, runtime: &Runtime, headers: &HeaderMap) -> Reply {
        match &runtime.logo {
            Some(logo) => self.asset(store, logo, headers, FOR_A_DAY).await,
            None => own("image/svg+xml", LOGO, headers, FOR_A_DAY),
        }
    }

    /// `/favicon.ico`: the logo where every browser can draw it.
    pub(super) async fn icon(&self, store: &Store, runtime: &Runtime, headers: &HeaderMap) -> Reply {
        match &runtime.logo {
            Some(logo) if logo.content_type != "image/svg+xml" => {
                self.asset(store, logo, headers, FOR_A_DAY).await
            }
            _ => own("image/x-icon", ICON, headers, FOR_A_DAY),
        }
    }

    /// `/thumbnail.jpg`. Nothing makes pictures of the broadcast: the logo stands in where it is a JPEG, which the address
    /// promises, else a neutral picture.
    pub(super) async fn thumbnail(&self, store: &Store, runtime: &Runtime, headers: &HeaderMap) -> Reply {
        self.stand_in(store, runtime, headers, ("image/jpeg", OWN_THUMBNAIL)).await
    }

    /// `/preview.gif`: the same as GIF.
    pub(super) async fn preview(&self, store: &Store, runtime: &Runtime, headers: &HeaderMap) -> Reply {
        self.stand_in(store, runtime, headers, ("image/gif", OWN_PREVIEW)).await
    }

    async fn stand_in(
        &self,
        store: &Store,
        runtime: &Runtime,
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

    pub(super) async fn logo_external(&self, store: &Store, runtime: &Runtime, headers: &HeaderMap) -> Reply {
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
        runtime: &Runtime,
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
        let loaded: Result<Bytes, Arc<StoreError>> = self.0.try_get_with(asset.hash, loading).await;
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

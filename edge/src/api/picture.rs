//! Pictures: the logo and the emoji, loaded from the store once and kept.

use std::sync::Arc;

use bytes::Bytes;
use farcast_shared::api::{Reply, reply};
use farcast_shared::runtime::{Asset, AssetHash, Runtime, load_asset};
use farcast_shared::store::{Store, StoreError};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use moka::future::Cache;

/// Memory for pictures.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Farcast's own logo.
const OWN_SVG: &[u8] = include_bytes!("logo.svg");
/// The same for places that cannot draw SVG.
const OWN_PNG: &[u8] = include_bytes!("logo.png");

/// A picture of somebody's is no page: SVG runs nothing and loads nothing.
const PICTURE_ONLY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Media types that are pictures; anything else is not shown as one.
const TYPES: [&str; 5] = ["image/svg+xml", "image/png", "image/gif", "image/jpeg", "image/webp"];

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
            Some(logo) => self.asset(store, logo, headers).await,
            None => own("image/svg+xml", OWN_SVG, headers),
        }
    }

    pub(super) async fn logo_external(&self, store: &Store, runtime: &Runtime, headers: &HeaderMap) -> Reply {
        match &runtime.logo {
            Some(logo) if logo.content_type != "image/svg+xml" => self.asset(store, logo, headers).await,
            _ => own("image/png", OWN_PNG, headers),
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
            Some(emoji) => self.asset(store, &emoji.asset, headers).await,
            None => reply::empty(StatusCode::NOT_FOUND),
        }
    }

    async fn asset(&self, store: &Store, asset: &Asset, headers: &HeaderMap) -> Reply {
        let loading = async {
            let lost = || StoreError::Unavailable("a picture is not in the store".to_owned());
            load_asset(store, asset).await?.ok_or_else(lost)
        };
        let loaded: Result<Bytes, Arc<StoreError>> = self.0.try_get_with(asset.hash, loading).await;
        let known = TYPES.iter().find(|known| **known == asset.content_type);
        match (loaded, known) {
            (Ok(bytes), Some(content_type)) => {
                reply(content_type, &format!("\"{}\"", asset.hash), bytes, headers)
            }
            (Ok(_), None) => reply::empty(StatusCode::NOT_FOUND),
            (Err(_), _) => reply::unavailable("the picture cannot be loaded now"),
        }
    }
}

fn own(content_type: &'static str, bytes: &'static [u8], headers: &HeaderMap) -> Reply {
    reply(
        content_type,
        concat!("\"farcast-", env!("CARGO_PKG_VERSION"), "\""),
        Bytes::from_static(bytes),
        headers,
    )
}

/// A picture, or that the caller has it.
pub(super) fn reply(content_type: &'static str, etag: &str, bytes: Bytes, headers: &HeaderMap) -> Reply {
    let has = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let has = has.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/") == etag
    });
    let mut reply = if has { reply::empty(StatusCode::NOT_MODIFIED) } else { reply::empty(StatusCode::OK) };
    if !has {
        *reply.body_mut() = bytes;
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_ONLY));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    reply
}

//! The fields of a record that are read: in the form of GeoIP2 and DB-IP, or flat, as the files of
//! ip-location-db are (`country_code`, `state1`, `timezone`).

use std::net::IpAddr;

use farcast_routing::Coordinates;
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

use super::Place;

/// The region where the file has no subdivision.
const UNKNOWN_REGION: &str = "Unknown";

#[derive(Deserialize)]
struct City<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    subdivisions: Option<Vec<Subdivision<'a>>>,
    #[serde(borrow)]
    location: Option<Location<'a>>,
    traits: Option<Traits>,
    country_code: Option<&'a str>,
    state1: Option<&'a str>,
    timezone: Option<&'a str>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Subdivision<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize)]
struct Location<'a> {
    time_zone: Option<&'a str>,
}

#[derive(Deserialize)]
struct Traits {
    is_anonymous_proxy: Option<bool>,
}

/// The place of an address.
///
/// # Errors
/// When the record is damaged.
pub(super) fn place(reader: &Reader<Vec<u8>>, address: IpAddr) -> Result<Option<Place>, MaxMindDbError> {
    if address.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok(None);
    }
    let Some(city) = reader.lookup(address)?.decode::<City<'_>>()? else { return Ok(None) };
    if city.traits.and_then(|traits| traits.is_anonymous_proxy) == Some(true) {
        return Ok(None);
    }
    let given = |text: &&str| !text.is_empty();
    let country = city.country.and_then(|country| country.iso_code).or(city.country_code).filter(given);
    let Some(country) = country else { return Ok(None) };
    let subdivisions = city.subdivisions.unwrap_or_default();
    let names = subdivisions.first().and_then(|first| first.names.as_ref());
    let region = names.and_then(|names| names.en).or(city.state1.filter(given));
    let zone = city.location.and_then(|location| location.time_zone).or(city.timezone);
    Ok(Some(Place {
        country_code: country.to_owned(),
        region_name: region.unwrap_or(UNKNOWN_REGION).to_owned(),
        time_zone: zone.unwrap_or_default().to_owned(),
    }))
}

#[derive(Deserialize)]
struct Located {
    location: Option<Point>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

#[derive(Deserialize)]
struct Point {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// The coordinates of an address: of GeoIP2 and DB-IP, or flat.
///
/// # Errors
/// When the record is damaged.
pub(super) fn coordinates(
    reader: &Reader<Vec<u8>>,
    address: IpAddr,
) -> Result<Option<Coordinates>, MaxMindDbError> {
    if address.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok(None);
    }
    let Some(found) = reader.lookup(address)?.decode::<Located>()? else { return Ok(None) };
    let flat = Point { latitude: found.latitude, longitude: found.longitude };
    let Point { latitude, longitude } = found.location.unwrap_or(flat);
    Ok(latitude.zip(longitude).and_then(|(latitude, longitude)| Coordinates::new(latitude, longitude).ok()))
}

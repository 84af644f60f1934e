//! Places on the globe, and how far they are from each other.
//!
//! A position is kept as a [`Direction`], a vector from the globe's centre in whole numbers: the distance of two is then
//! three multiplications, and the same on every machine.

use serde::{Deserialize, Serialize};

/// Mean radius of the Earth.
const EARTH_KM: f64 = 6371.0;

/// A [`Direction`]'s length.
const UNIT: f64 = (1_u32 << 30) as f64;

/// A point of the globe in degrees: latitude −90 (south) to 90, longitude −180 (west) to 180.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Degrees")]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

/// What stands in a record, not yet checked.
#[derive(Deserialize)]
struct Degrees {
    latitude: f64,
    longitude: f64,
}

/// Numbers that are no point of the globe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a latitude lies between -90 and 90 degrees, a longitude between -180 and 180")]
pub struct InvalidCoordinates;

impl Coordinates {
    /// Degrees north and degrees east.
    ///
    /// # Errors
    /// [`InvalidCoordinates`].
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidCoordinates> {
        // Not a number is in no range.
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidCoordinates);
        }
        Ok(Self { latitude, longitude })
    }

    /// Degrees north.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// Along a great circle, in kilometres, within one kilometre.
    #[must_use]
    pub fn km(self, other: Self) -> f64 {
        let cosine = self.direction().cosine(other.direction()) as f64 / (UNIT * UNIT);
        cosine.clamp(-1.0, 1.0).acos() * EARTH_KM
    }

    pub(crate) fn direction(self) -> Direction {
        let (latitude, longitude) = (self.latitude.to_radians(), self.longitude.to_radians());
        let flat = latitude.cos();
        let axes = [flat * longitude.cos(), flat * longitude.sin(), latitude.sin()];
        Direction(axes.map(|axis| (axis * UNIT).round() as i32))
    }
}

impl TryFrom<Degrees> for Coordinates {
    type Error = InvalidCoordinates;

    fn try_from(degrees: Degrees) -> Result<Self, InvalidCoordinates> {
        Self::new(degrees.latitude, degrees.longitude)
    }
}

/// A vector of length 2³⁰ from the globe's centre.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Direction([i32; 3]);

impl Direction {
    /// The cosine of the angle between two, times 2⁶⁰: the greater the nearer. Three products of at most 2⁶⁰ fit.
    pub(crate) fn cosine(self, other: Self) -> i64 {
        let product = |axis: usize| i64::from(self.0[axis]) * i64::from(other.0[axis]);
        product(0) + product(1) + product(2)
    }
}

/// The least [`Direction::cosine`] of places that are at most so far from each other.
pub(crate) fn cosine_of_km(km: u32) -> i64 {
    ((f64::from(km) / EARTH_KM).cos() * UNIT * UNIT) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(latitude: f64, longitude: f64) -> Coordinates {
        Coordinates::new(latitude, longitude).unwrap()
    }

    #[test]
    fn distances_are_those_of_an_atlas() {
        let frankfurt = at(50.03, 8.57);
        for (name, place, km) in [
            ("Frankfurt", frankfurt, 0.0),
            ("Ashburn, Virginia", at(39.04, -77.49), 6_540.0),
            ("Singapore", at(1.36, 103.99), 10_270.0),
            ("São Paulo", at(-23.43, -46.47), 9_790.0),
        ] {
            let measured = frankfurt.km(place);
            assert!((measured - km).abs() < 40.0, "{name}: {measured}");
            assert!((place.km(frankfurt) - measured).abs() < 1.0, "{name}");
        }
        assert!((at(0.0, 179.9).km(at(0.0, -179.9)) - 22.2).abs() < 1.0, "over the date line");
        assert!((at(90.0, 0.0).km(at(90.0, 123.0))).abs() < 1.0, "the pole is one place");
        assert!((at(0.0, 0.0).km(at(0.0, 180.0)) - 20_015.0).abs() < 1.0);
    }

    #[test]
    fn what_lies_outside_the_globe_is_refused() {
        for (latitude, longitude) in
            [(90.1, 0.0), (-90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)]
        {
            assert_eq!(Coordinates::new(latitude, longitude), Err(InvalidCoordinates));
        }
    }

    proptest! {
        #[test]
        fn a_cosine_and_kilometres_agree_about_what_is_nearer(
            a in (-90.0..=90.0, -180.0..=180.0), b in (-90.0..=90.0, -180.0..=180.0), km in 1u32..20_000
        ) {
            let (a, b) = (at(a.0, a.1), at(b.0, b.1));
            let distance = a.km(b);
            prop_assume!((distance - f64::from(km)).abs() > 1.0);
            prop_assert_eq!(a.direction().cosine(b.direction()) >= cosine_of_km(km), distance < f64::from(km));
        }
    }
}

//! The cookie of a login: it exempts its bearer from the rate limit that others' failures cause, and is no login
//! itself.
//!
//! A successful login is answered with it; it is used beside the password, never in place of it. So a thief of one can
//! only guess without waiting for others ([`crate::brake`] counts per cookie), and a page of another site gains nothing
//! by having it sent along. It ends with the password: it is signed under a key that is made of the password's hash
//! ([`crate::credentials`]), so it outlives the origin's restarts and nothing has to be stored.
//!
//! Its form (RFC 6265): base64url of its time (8 bytes), its id (16) and an HMAC-SHA256 of both (32).

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farcast_api::login;
use farcast_feed::time::WallTime;
use http::{HeaderMap, HeaderValue};

/// The cookie's name.
const NAME: &str = "farcast_login";
/// Validity of a cookie.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// A login with a cookie older than this is given a new one.
const RENEWED_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Bytes of its time and its id.
const SIGNED_BYTES: usize = 24;

/// A successful login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exemption {
    /// The id that distinguishes it from others.
    pub(super) id: [u8; 16],
    made_at_s: u64,
}

impl Exemption {
    /// A new cookie, issued now.
    pub(super) fn new(now: WallTime) -> Self {
        Self { id: rand::random(), made_at_s: now.since(WallTime(0)).as_secs() }
    }

    /// The one whose cookie a request carries.
    pub(super) fn read(headers: &HeaderMap, key: &[u8; 32], now: WallTime) -> Option<Self> {
        login::cookies(headers, NAME)
            .filter_map(|value| Self::verify(value, key))
            .find(|exemption| exemption.age(now) < LIFETIME)
    }

    /// True if the cookie is so old that a new one is due.
    pub(super) fn is_old(self, now: WallTime) -> bool {
        self.age(now) >= RENEWED_AFTER
    }

    /// The value of `Set-Cookie`. Not `Secure`, since origins are reached by HTTP too, and the password goes the same
    /// way.
    pub(super) fn set(self, key: &[u8; 32]) -> Option<HeaderValue> {
        let mut bytes = self.signed().to_vec();
        bytes.extend_from_slice(hmac::sign(&signing(key), &self.signed()).as_ref());
        let (value, seconds) = (URL_SAFE_NO_PAD.encode(bytes), LIFETIME.as_secs());
        let cookie =
            format!("{NAME}={value}; Path=/api/admin/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
        HeaderValue::from_str(&cookie).ok()
    }

    fn verify(value: &str, key: &[u8; 32]) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (signed, signature) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        hmac::verify(&signing(key), signed, signature).ok()?;
        let (made_at_s, id) = signed.split_first_chunk::<8>()?;
        Some(Self { id: id.try_into().ok()?, made_at_s: u64::from_be_bytes(*made_at_s) })
    }

    fn signed(self) -> [u8; SIGNED_BYTES] {
        let mut bytes = [0; SIGNED_BYTES];
        bytes[..8].copy_from_slice(&self.made_at_s.to_be_bytes());
        bytes[8..].copy_from_slice(&self.id);
        bytes
    }

    /// One of the future is new: clocks are set back.
    fn age(self, now: WallTime) -> Duration {
        now.since(WallTime(self.made_at_s.saturating_mul(1_000_000)))
    }
}

fn signing(key: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    const KEY: [u8; 32] = [1; 32];
    const NOW: WallTime = WallTime(1_800_000_000_000_000);

    fn request(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|text| (COOKIE, HeaderValue::from_str(text).unwrap())).collect()
    }

    fn cookie(exemption: Exemption) -> String {
        let set = exemption.set(&KEY).unwrap().to_str().unwrap().to_owned();
        assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Strict"), "{set}");
        set.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_cookie_is_read_back_among_others() {
        let exemption = Exemption::new(NOW);
        let own = cookie(exemption);
        let forged = format!("{NAME}=AAAA");
        for cookies in
            [vec![own.as_str()], vec!["a=b; c=d", &format!("x; {own};y=z")], vec![&forged, &forged, &own]]
        {
            assert_eq!(Exemption::read(&request(&cookies), &KEY, NOW), Some(exemption), "{cookies:?}");
        }
    }

    #[test]
    fn it_ends_with_the_password_and_with_time_and_cannot_be_forged() {
        let exemption = Exemption::new(NOW);
        let own = cookie(exemption);
        let read = |text: &str, key: &[u8; 32], now| Exemption::read(&request(&[text]), key, now);
        assert_eq!(read(&own, &[2; 32], NOW), None);
        assert_eq!(read(&own, &KEY, NOW.after(LIFETIME)), None);
        let almost = NOW.after(LIFETIME - Duration::from_secs(1));
        assert!(read(&own, &KEY, almost).is_some_and(|exemption| exemption.is_old(almost)));
        assert!(!exemption.is_old(NOW));
        let value = own.split_once('=').unwrap().1;
        let bytes = URL_SAFE_NO_PAD.decode(value).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let text = format!("{NAME}={}", URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(read(&text, &KEY, NOW), None, "byte {index}");
        }
        for wrong in ["", "=", NAME, &format!("{NAME}="), &format!("{NAME}={}", &value[..40])] {
            assert_eq!(read(wrong, &KEY, NOW), None, "{wrong}");
        }
    }
}

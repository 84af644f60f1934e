//! The address for publishers: `rtmp://host:port/app/key`.

use std::fmt;
use std::str::FromStr;

/// RTMP's registered port.
const DEFAULT_PORT: u16 = 1935;

/// An RTMP address with application and stream key. The key is a secret: [`fmt::Display`] leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Host and port.
    pub authority: String,
    /// Application.
    pub app: String,
    /// Stream key.
    pub key: String,
}

/// A text that is no RTMP address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not of the form rtmp://host[:port]/app/key")]
pub struct InvalidTarget;

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let rest = text.strip_prefix("rtmp://").ok_or(InvalidTarget)?;
        let mut pieces = rest.splitn(3, '/');
        let (Some(authority), Some(app), Some(key)) = (pieces.next(), pieces.next(), pieces.next()) else {
            return Err(InvalidTarget);
        };
        if authority.is_empty() || app.is_empty() || key.is_empty() {
            return Err(InvalidTarget);
        }
        let port_given = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if port_given { authority.to_owned() } else { format!("{authority}:{DEFAULT_PORT}") };
        Ok(Self { authority, app: app.to_owned(), key: key.to_owned() })
    }
}

impl Target {
    /// The whole address with the key, for an encoder's command line.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rtmp://{}/{}/{}", self.authority, self.app, self.key)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtmp://{}/{}/…", self.authority, self.app)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_may_be_left_out_and_the_key_is_not_shown() {
        let target: Target = "rtmp://host/live/secret".parse().unwrap();
        assert_eq!(target.url(), "rtmp://host:1935/live/secret");
        assert!(!format!("{target} {target:?}").contains("secret"));
        assert_eq!("rtmp://[::1]:7/a/b".parse::<Target>().unwrap().authority, "[::1]:7");
    }

    #[test]
    fn other_addresses_are_refused() {
        for bad in ["http://h/a/k", "rtmp://h/a", "rtmp:///a/k", "rtmp://h//k", "rtmp://h/a/"] {
            assert_eq!(bad.parse::<Target>(), Err(InvalidTarget), "{bad}");
        }
    }
}

//! What the network is like, as JSON says it: hosts, each in a namespace and at a place, and the ways between places.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// Most hosts: each has a thread, and those who test with more want another program.
const MAX_HOSTS: usize = 64;
/// Longest delay of a way: nothing on Earth is farther.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// The network.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Map {
    /// The hosts. Each is reached by its address from all others.
    pub(crate) hosts: Vec<Host>,
    /// The ways between places. Each pair of places that are not the same has one.
    pub(crate) ways: Vec<Way>,
    /// Largest packet in bytes.
    #[serde(default = "default_mtu")]
    pub(crate) mtu: u16,
}

/// One host.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    /// Its name, in orders and figures.
    pub(crate) name: String,
    /// Its network namespace, as `ip netns` calls it. It exists already.
    pub(crate) namespace: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// Its place.
    pub(crate) place: String,
}

/// How packets go between two places, in both directions.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Way {
    /// The places; twice the same for the way between hosts of one place.
    pub(crate) between: [String; 2],
    /// Time that a packet takes in one direction, in milliseconds: half of a round trip.
    pub(crate) delay_ms: f64,
    /// Share of the packets that are lost, 0 to 1.
    #[serde(default)]
    pub(crate) loss: f64,
}

/// The quality of a way in one direction.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Quality {
    /// Time on the way.
    pub(crate) delay: Duration,
    /// Share of the packets that are lost.
    pub(crate) loss: f64,
}

fn default_mtu() -> u16 {
    1500
}

impl Map {
    /// Reads and checks a map.
    ///
    /// # Errors
    /// When it is no JSON of this form, or names what is not there or cannot be.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let map: Self = serde_json::from_str(text).context("the map cannot be read")?;
        ensure!(map.hosts.len() <= MAX_HOSTS, "more than {MAX_HOSTS} hosts");
        // What IPv4 asks of every way.
        ensure!(map.mtu >= 576, "the MTU is less than 576");
        let names: BTreeSet<_> = map.hosts.iter().map(|host| &host.name).collect();
        let addresses: BTreeSet<_> = map.hosts.iter().map(|host| host.address).collect();
        ensure!(names.len() == map.hosts.len(), "two hosts have one name");
        ensure!(addresses.len() == map.hosts.len(), "two hosts have one address");
        for way in &map.ways {
            ensure!((0.0..=1.0).contains(&way.loss), "the loss of {:?} is not 0 to 1", way.between);
            let delay = Duration::try_from_secs_f64(way.delay_ms / 1000.0);
            ensure!(delay.is_ok_and(|delay| delay <= MAX_DELAY), "the delay of {:?}", way.between);
        }
        map.qualities()?;
        Ok(map)
    }

    /// The quality from each host to each, by their numbers.
    ///
    /// # Errors
    /// Names two places between which there is no way.
    pub(crate) fn qualities(&self) -> anyhow::Result<Vec<Vec<Quality>>> {
        let mut ways = BTreeMap::new();
        for way in &self.ways {
            let [one, other] = way.between.each_ref().map(String::as_str);
            let delay = Duration::from_secs_f64(way.delay_ms / 1000.0);
            let quality = Quality { delay, loss: way.loss };
            ways.insert((one, other), quality);
            ways.insert((other, one), quality);
        }
        let between = |one: &Host, other: &Host| {
            let found = ways.get(&(one.place.as_str(), other.place.as_str())).copied();
            let found = found.or_else(|| (one.place == other.place).then(Quality::default));
            found.with_context(|| format!("there is no way between {} and {}", one.place, other.place))
        };
        let from = |one| self.hosts.iter().map(|other| between(one, other)).collect();
        self.hosts.iter().map(from).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn host(name: &str, last: u8, place: &str) -> Value {
        json!({ "name": name, "namespace": name, "address": format!("10.0.0.{last}"), "place": place })
    }

    fn parsed(hosts: &[Value], ways: &Value) -> Result<Map, String> {
        Map::parse(&json!({ "hosts": hosts, "ways": ways }).to_string()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_way_leads_in_both_directions_and_there_is_none_within_a_place_unless_it_is_named() {
        let hosts = [host("a", 1, "x"), host("b", 2, "y"), host("c", 3, "x")];
        let ways = json!([
            { "between": ["x", "y"], "delay_ms": 80, "loss": 0.25 },
            { "between": ["y", "y"], "delay_ms": 0.5 },
        ]);
        let map = parsed(&hosts, &ways).unwrap();
        let far = Quality { delay: Duration::from_millis(80), loss: 0.25 };
        let qualities = map.qualities().unwrap();
        assert_eq!(qualities[0], [Quality::default(), far, Quality::default()]);
        assert_eq!((qualities[1][0], qualities[1][1].delay), (far, Duration::from_micros(500)));
        assert_eq!(map.mtu, 1500);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let way =
            |delay_ms: f64, loss: f64| json!([{ "between": ["x", "y"], "delay_ms": delay_ms, "loss": loss }]);
        let hosts = [host("a", 1, "x"), host("b", 2, "y")];
        assert!(parsed(&hosts, &json!([])).unwrap_err().contains("no way between x and y"));
        assert!(parsed(&hosts, &way(5.0, 1.5)).unwrap_err().contains("loss"));
        assert!(parsed(&hosts, &way(-5.0, 0.0)).unwrap_err().contains("delay"));
        assert!(
            parsed(&[host("a", 1, "x"), host("a", 2, "x")], &json!([])).unwrap_err().contains("one name")
        );
        assert!(
            parsed(&[host("a", 1, "x"), host("b", 1, "x")], &json!([])).unwrap_err().contains("one address")
        );
    }
}

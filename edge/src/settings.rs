//! The edge's settings: what is in the file, the environment and the flags.
//!
//! An edge needs a join token and nothing else. Place in the flow: read once by `main`, handed to
//! `app` as a plain struct.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use farcast_api::budget::MIN_BUDGET;
use farcast_config::settings;
use farcast_config::{ByteSize, Checks, Networks, Secret, StoreAddress, Validate};
use farcast_edge_directory::{DnsSettings, Hosts, NameServers, Position, PublicAddresses, PublicUrls};
use farcast_routing::MAX_REGION_CHARS;
use farcast_service::access;
use farcast_service::host;
use farcast_service::log;
use farcast_trace::{Endpoint, Share};

/// Smallest cache: the window of a ladder of a few variants fits, with room for what is being fetched.
pub(crate) const MIN_CACHE: ByteSize = ByteSize::from_mebibytes(16);
/// Longest name, in characters; it is a label of metrics and logs at the origin.
const MAX_NAME_CHARS: usize = 64;
/// Name of an edge whose host has none.
const NAMELESS: &str = "edge";

settings! {
    /// The edge's settings.
    pub struct Settings {
        /// Folder for the edge's certificate, which it gets when it joins.
        pub data_dir: PathBuf = "./data/edge",
        /// Join token that the origin printed; needed at the first start only. A flag is visible to other
        /// users of the machine: prefer join_token_file or the environment.
        pub join_token: Option<Secret>,
        /// File that holds the join token, such as the origin's join-token.
        pub join_token_file: Option<PathBuf>,
        /// Listening address for viewers, HTTP.
        pub http_listen: SocketAddr = "0.0.0.0:8080",
        /// Listening address for viewers, HTTPS. Without tls_cert and tls_key it uses the certificate that the origin has for all
        /// edges (its acme_domains).
        pub https_listen: Option<SocketAddr>,
        /// Certificate chain for HTTPS, PEM; with tls_key, read again when it changes.
        pub tls_cert: Option<PathBuf>,
        /// Private key for HTTPS, PEM.
        pub tls_key: Option<PathBuf>,
        /// Send viewers who come by HTTP to HTTPS, at the port of https_listen; not the answers to ACME's challenges, nor health.
        pub https_redirect: bool = "false",
        /// Listening address of /metrics, /healthz and /readyz; not for the public.
        pub metrics_listen: SocketAddr = "127.0.0.1:9191",
        /// Memory for media; the live window takes what it needs of it, the rest keeps older segments. Without it 512MiB, or
        /// three eighths of the memory that the machine has or the container or unit may have, where that is less.
        pub cache_size: Option<ByteSize>,
        /// Most connections of viewers at once, 20 KiB or so each; seven tenths of them may be of the chat. Without it 20000, or
        /// as many as fit into a quarter of that memory. Fewer where the process may not open so many files.
        pub max_connections: Option<u32>,
        /// Most connections of one network (IPv4 address, IPv6 /64), except of this machine and of trusted_proxies; 0 is no
        /// limit. Never more than three quarters of max_connections. A viewer has one or two by HTTPS, up to seven by HTTP.
        pub max_connections_per_network: u32 = "2000",
        /// Turn new viewers away, or lead them to other edges, while this one is near a limit: of max_connections,
        /// egress_capacity_mbit, the memory of its control group, or when it cannot keep up. Those who watch go on.
        pub shed_newcomers: bool = "true",
        /// Memory for the bodies of requests, all together; one network may take a quarter. Beyond it they are answered 503.
        pub request_body_memory: ByteSize = "32MiB",
        /// Lines of the chat a second from one network (an IPv4 address, the /64 of an IPv6 address), and six times as many at
        /// once; a network that goes far beyond that is slowed down for a minute. 0 is no limit.
        pub chat_lines_per_network: u32 = "20",
        /// Lines of the chat a second from all together, and four times as many at once. 0 is no limit.
        pub chat_lines: u32 = "50",
        /// The store of the shared state: origin (over the link to it), or foundationdb:<cluster file>, as the origin's
        /// setting.
        pub store: StoreAddress = "origin",
        /// Forward requests that only the origin can answer (/admin, /api/admin/, /api/integrations/), so that
        /// everything is under one host name.
        pub forward_admin: bool = "false",
        /// Proxies whose X-Forwarded-For says who a viewer is, and X-Forwarded-User what a chatter is called: addresses and
        /// networks, comma-separated.
        pub trusted_proxies: Networks = "",
        /// Proxies that pass viewers' connections on and tell whose they are by the PROXY protocol, version 2 (HAProxy's
        /// send-proxy-v2): addresses and networks, comma-separated. Each of their connections has to begin with its header, before
        /// TLS; those of all others are served as ever.
        pub proxy_protocol: Networks = "",
        /// The pages that may show the viewer page in a frame: 'self', 'none', or origins such as https://example.org,
        /// separated by spaces. With 'self', /embed/video and /embed/chat/readonly may be shown by everybody.
        pub frame_ancestors: String = "'self'",
        /// Folder from which the pages are read instead of from the program, such as shared/web/dist: for their developers.
        pub web_dir: Option<PathBuf>,
        /// Time for which browsers that came by https_listen must use HTTPS only (HSTS); 0s: no such header. It cannot be taken
        /// back from browsers that have heard it.
        pub hsts_max_age: Duration = "0s",
        /// GeoIP file (MaxMind DB: GeoLite2-City, GeoIP2-City, DB-IP City) with the places of chatters; read again when it
        /// changes. Without it no place is known.
        pub geoip_database: Option<PathBuf>,
        /// Name of this edge in the origin's logs and metrics; without it the host's.
        pub name: Option<String>,
        /// Addresses at which viewers reach this edge, such as https://fra.example.org: scheme, host and port, the best first,
        /// comma-separated. Viewers are led to other edges, and from others to this one, only by these.
        pub public_urls: PublicUrls = "",
        /// IP addresses at which viewers reach this edge, for answers of DNS; comma-separated.
        pub public_addresses: PublicAddresses = "",
        /// Region in which this edge stands, in words of your own, such as eu-central; viewers see it.
        pub region: Option<String>,
        /// Place of this edge, as latitude and longitude in degrees, such as 50.11,8.68. Without it that of the first of
        /// public_addresses which geoip_database knows.
        pub coordinates: Option<Position>,
        /// Bit rate that this machine can send, in Mbit/s: from 70 % of it on, new viewers are led to others where there are
        /// any. Without it only connections count.
        pub egress_capacity_mbit: Option<u32>,
        /// Listening address of the DNS server, UDP and TCP, which leads viewers to the nearest edges: such as 0.0.0.0:53. Needs
        /// dns_zone and dns_name_servers.
        pub dns_listen: Option<SocketAddr>,
        /// Zone of that server, such as live.example.org: its name and its hosts have the addresses of edges.
        pub dns_zone: Option<String>,
        /// Name servers of the zone with their addresses, the same on all of them: such as
        /// ns1.live.example.org=192.0.2.7+2001:db8::7, comma-separated.
        pub dns_name_servers: NameServers = "",
        /// Hosts of the zone that lead to the nearest edges, besides its own name; comma-separated. Each edge has a host of its own
        /// name anyway.
        pub dns_hosts: Hosts = "www",
        /// File to which a line is added for each request that was answered, or - for standard output; without it there is no such
        /// log. Values of queries and logins are left out. A file that is renamed gets a successor within a second.
        pub access_log: Option<access::Target>,
        /// Format of these lines: combined, as Apache and nginx write them, or json.
        pub access_log_format: access::Format = "combined",
        /// Collector of OpenTelemetry traces (OTLP over HTTP), such as http://127.0.0.1:4318: of some parts of the broadcast, how
        /// long each step took from the encoder's message to the first byte to a viewer. Without it there are no traces.
        pub otlp_endpoint: Option<Endpoint>,
        /// Share of the parts that are traced, 0 to 1; the same at the origin and at all edges.
        pub otlp_sample: Share = "0.01",
        /// The log level or filter.
        pub log: log::Filter = "info",
        /// Format of the log.
        pub log_format: log::Format = "text",
    }
}

impl Settings {
    /// The configured name, or the host's.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.clone().or_else(host::name).unwrap_or_else(|| NAMELESS.to_owned())
    }

    /// The settings of the DNS server.
    #[must_use]
    pub fn dns(&self) -> DnsSettings<'_> {
        DnsSettings {
            listen: self.dns_listen,
            zone: self.dns_zone.as_deref(),
            name_servers: &self.dns_name_servers,
            hosts: &self.dns_hosts,
        }
    }
}

impl Validate for Settings {
    fn validate(&self, checks: &mut Checks<'_>) {
        if self.join_token.is_some() && self.join_token_file.is_some() {
            checks.problem("join_token_file", "is given beside join_token: give one of them");
        }
        if self.store == StoreAddress::Embedded {
            checks.problem(
                "store",
                "is \"embedded\", which is for the origin: origin or foundationdb:<cluster file>",
            );
        }
        if self.tls_cert.is_none() && self.tls_key.is_some() {
            checks.problem("tls_cert", "is missing: tls_key needs it");
        }
        if self.tls_key.is_none() && self.tls_cert.is_some() {
            checks.problem("tls_key", "is missing: tls_cert needs it");
        }
        if self.https_redirect && self.https_listen.is_none() {
            checks.problem("https_redirect", "needs https_listen");
        }
        if let Err((key, fault)) = self.dns().zone() {
            checks.problem(key, fault);
        }
        self.check_listeners(checks);
        if self.max_connections == Some(0) {
            checks.problem("max_connections", "is 0");
        }
        let in_policy = |c: char| c.is_ascii_graphic() && !matches!(c, ';' | ',') || c == ' ';
        if self.frame_ancestors.trim().is_empty() || !self.frame_ancestors.chars().all(in_policy) {
            checks.problem(
                "frame_ancestors",
                "is not 'self', 'none' or a list of origins such as https://example.org, separated by spaces",
            );
        }
        if self.request_body_memory < MIN_BUDGET {
            checks.problem(
                "request_body_memory",
                format!("{} is less than {MIN_BUDGET}", self.request_body_memory),
            );
        }
        let region = self.region.as_deref().unwrap_or_default();
        if region.chars().count() > MAX_REGION_CHARS || region.chars().any(char::is_control) {
            checks.problem(
                "region",
                format!("is longer than {MAX_REGION_CHARS} characters or has control characters"),
            );
        }
        if self.egress_capacity_mbit == Some(0) {
            checks.problem("egress_capacity_mbit", "is 0");
        }
        if let Some(size) = self.cache_size.filter(|size| *size < MIN_CACHE) {
            checks.problem("cache_size", format!("{size} is less than {MIN_CACHE}"));
        }
        let wrong = |name: &String| {
            name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control)
        };
        if self.name.as_ref().is_some_and(wrong) {
            checks.problem(
                "name",
                format!("is empty, longer than {MAX_NAME_CHARS} characters or has control characters"),
            );
        }
    }
}

impl Settings {
    fn check_listeners(&self, checks: &mut Checks<'_>) {
        let mut taken: Vec<(&str, SocketAddr)> = vec![("http_listen", self.http_listen)];
        for (key, address) in
            [("https_listen", self.https_listen), ("metrics_listen", Some(self.metrics_listen))]
        {
            let Some(address) = address else { continue };
            if let Some((other, _)) = taken.iter().find(|(_, at)| *at == address && at.port() != 0) {
                checks.problem(key, format!("{address} is also {other}"));
            }
            taken.push((key, address));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use farcast_config::{Outcome, Problems, Program, load};

    use super::*;

    const PROGRAM: Program =
        Program { name: "farcast-edge", version: "0.0.0", about: "test", settings_file: "", commands: &[] };

    fn read(args: &[&str]) -> Result<Settings, Problems> {
        match load(&PROGRAM, args.iter().map(OsString::from), [])? {
            Outcome::Run(loaded) => Ok(loaded.settings),
            Outcome::Print(text) => panic!("printed {text}"),
        }
    }

    #[test]
    fn an_edge_needs_no_more_than_a_token() {
        let settings = read(&["--join-token", "secret"]).unwrap();
        assert_eq!((settings.cache_size, settings.max_connections), (None, None));
        assert!(!settings.name().is_empty());
        assert!(!format!("{settings:?}").contains("secret\""), "{settings:?}");
    }

    #[test]
    fn broken_rules_are_reported_together() {
        let text = read(&[
            "--join-token=a",
            "--join-token-file=b",
            "--https-listen=127.0.0.1:9191",
            "--tls-key=k",
            "--cache-size=1MiB",
            "--name=",
            "--store=embedded",
            "--request-body-memory=1MiB",
            "--frame-ancestors='self'; script-src *",
            "--egress-capacity-mbit=0",
            "--region=a\u{7}",
        ])
        .unwrap_err()
        .to_string();
        for expected in [
            "--join-token-file: is given beside join_token",
            "tls_cert: is missing",
            "metrics_listen: 127.0.0.1:9191 is also https_listen",
            "--cache-size: 1MiB is less than 16MiB",
            "--name: is empty",
            "--store: is \"embedded\", which is for the origin",
            "--request-body-memory: 1MiB is less than 16MiB",
            "--frame-ancestors: is not 'self'",
            "--egress-capacity-mbit: is 0",
            "--region: is longer than 64",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
        assert_eq!(text.lines().count(), 11, "{text}");
    }
}

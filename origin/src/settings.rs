//! The origin's settings: what is in the file, the environment and the flags.
//!
//! Only process settings. What operators change while the program runs is not here. Place in the
//! flow: read once by `main`, handed to `app` as a plain struct.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use farcast_api::budget::MIN_BUDGET;
use farcast_certificates::{Domain, Domains};
use farcast_config::{ByteSize, Checks, Form, HostPort, InvalidValue, Secret, StoreAddress, Validate, Value};
use farcast_config::{choice, settings};
use farcast_edge_directory::{DnsSettings, Hosts, NameServers};
use farcast_service::access;
use farcast_service::log;
use farcast_trace::{Endpoint, Share};

use crate::acme::{self, ChallengeKind, ChallengeKinds};
use crate::transcode::{KeyFrames, MAX_CONFIGURED_VARIANTS, VariantSpec};

/// Fewest characters of a stream key, unless short ones are allowed.
pub const MIN_KEY_CHARS: usize = 8;
/// Longest stream key in bytes that ingest looks at.
const MAX_KEY_BYTES: usize = 1024;
/// Longest grace: a broadcast that is away for longer has ended.
const MAX_GRACE: Duration = Duration::from_secs(600);

/// Least memory that transcoding may be limited to. Stacks of threads count, 8 MiB each, of which a variant has up to eight.
const MIN_TRANSCODER_MEMORY: ByteSize = ByteSize::from_mebibytes(512);

/// Fewest pixels that encoders may be limited to; less is a mistake.
const MIN_PIXELS: u32 = 320 * 240;

/// Least time between two backups.
const MIN_BACKUP_EVERY: Duration = Duration::from_secs(60);
/// How many backups may be kept.
const BACKUPS_KEPT: std::ops::RangeInclusive<u32> = 1..=10_000;

settings! {
    /// The origin's settings.
    pub struct Settings {
        /// Folder for the origin's state: the store, certificates, sequence numbers, join token, emoji.
        pub data_dir: PathBuf = "./data",
        /// Key that a publisher must give, taken at the first start only; without one, a random key is
        /// made and printed once. A flag is visible to other users of the machine: prefer the
        /// environment.
        pub stream_key: Option<Secret>,
        /// Allow stream keys of fewer than 8 characters, here and in the admin API: for one that is imported.
        pub allow_short_keys: bool = "false",
        /// The store of the shared state: embedded (a file in data_dir), or foundationdb:<cluster file>.
        pub store: StoreAddress = "embedded",
        /// Listening address for RTMP publishers.
        pub rtmp_listen: SocketAddr = "0.0.0.0:1935",
        /// Listening address for RTMPS publishers; needs tls_cert and tls_key, or acme_domains.
        pub rtmps_listen: Option<SocketAddr>,
        /// Names for which to obtain a certificate by ACME, for the HTTPS of all edges that have no other, and for RTMPS and HTTPS
        /// here: such as live.example.org, fra.live.example.org; comma-separated, *.live.example.org by dns-01 only. With it you
        /// agree to the authority's terms of service.
        pub acme_domains: Domains = "",
        /// E-mail address to which the authority writes, if it does.
        pub acme_email: Option<String>,
        /// ACME directory of the authority; without it Let's Encrypt's.
        pub acme_directory: String = "https://acme-v02.api.letsencrypt.org/directory",
        /// Ways of proving that the names are yours, tried one after the other: http-01 (all edges at port 80 of the names),
        /// tls-alpn-01 (at port 443), dns-01 (where the DNS server of origin or edges serves the zone).
        pub acme_challenges: ChallengeKinds = "http-01, tls-alpn-01",
        /// PEM file of the authority that the ACME directory's own certificate is of, where that is a private one.
        pub acme_root: Option<PathBuf>,
        /// Id of the account that some authorities give to their customers (external account binding).
        pub acme_eab_key_id: Option<String>,
        /// HMAC key of that account, in base64url.
        pub acme_eab_hmac_key: Option<Secret>,
        /// Certificate chain for RTMPS and HTTPS, PEM; with tls_key, read again when it changes.
        pub tls_cert: Option<PathBuf>,
        /// Private key for RTMPS and HTTPS, PEM.
        pub tls_key: Option<PathBuf>,
        /// Listening address of the HTTP API and the admin page, without encryption: passwords go through it, so by
        /// default only on this machine.
        pub http_listen: SocketAddr = "127.0.0.1:8090",
        /// Listening address of both over TLS; needs tls_cert and tls_key, or acme_domains.
        pub https_listen: Option<SocketAddr>,
        /// Folder from which the admin page is read instead of from the program, such as shared/web/dist: for its developers.
        pub web_dir: Option<PathBuf>,
        /// GeoIP file (MaxMind DB: GeoLite2-City, GeoIP2-City, DB-IP City) for the explanation of where viewers are led; read
        /// again when it changes. Edges, which lead them, have one of their own.
        pub geoip_database: Option<PathBuf>,
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
        /// Decode and encode in a separate process, which may do nothing else and is restarted when it crashes: codecs
        /// read the bytes of unauthenticated clients.
        pub transcoder_process: bool = "true",
        /// Most memory of that process, unless it uses a hardware encoder; without it three quarters of the machine's, or of
        /// what its container may have.
        pub transcoder_memory: Option<ByteSize>,
        /// Make pictures of the broadcast, for pages and links to it: a key frame every 5 s is decoded for them.
        pub thumbnails: bool = "true",
        /// Memory for the bodies of requests, all together; one network may take a quarter. Beyond it they are answered 503.
        pub request_body_memory: ByteSize = "32MiB",
        /// Listening address for edges, QUIC over UDP; [::] takes IPv4 too.
        pub quic_listen: SocketAddr = "[::]:4433",
        /// Host and port that edges dial, written into the join token; without it 127.0.0.1 and the port
        /// of quic_listen, which only edges on this machine can use.
        pub quic_advertise: Option<HostPort>,
        /// Time for which the join token in data_dir lets edges in; then a new one takes its place. Edges that have joined need
        /// none any more. 0s: until it is revoked.
        pub join_token_lifetime: Duration = "30d",
        /// Listening address of /metrics, /healthz and /readyz; not for the public.
        pub metrics_listen: SocketAddr = "127.0.0.1:9190",
        /// Show the metrics of all edges that are connected at /metrics/edges of metrics_listen, asked for over their links: for
        /// a Prometheus that does not reach the edges themselves.
        pub edge_metrics: bool = "false",
        /// Latency against robustness: 0 is the shortest latency, 4 the longest.
        pub latency_level: Level = "2",
        /// Video encoder: auto tries the hardware first and falls back to libx264.
        pub video_codec: VideoEncoder = "auto",
        /// Time for which a broadcast waits for its publisher to come back before it ends.
        pub reconnect_grace: Duration = "15s",
        /// Most pixels of the encoder's picture, width times height. A larger one is refused before it is decoded.
        pub max_pixels: u32 = "9437184",
        /// Directory in which the server is listed, once that is turned on through the admin API.
        pub directory: String = "https://directory.owncast.online",
        /// Allow webhooks at addresses of this machine and of local networks. Anybody who may make webhooks then
        /// reaches the services there.
        pub webhook_private_addresses: bool = "false",
        /// File to which a line is added for each request that was answered, or - for standard output; without it there is no such
        /// log. Values of queries and logins are left out. A file that is renamed gets a successor within a second.
        pub access_log: Option<access::Target>,
        /// Format of these lines: combined, as Apache and nginx write them, or json.
        pub access_log_format: access::Format = "combined",
        /// Time from one backup to the next, which the origin makes by itself; 0s: none.
        pub backup_every: Duration = "0s",
        /// Backups of the schedule that are kept; the oldest goes when a new one is there and whole.
        pub backup_keep: u32 = "7",
        /// Folder for them; without one backups in data_dir. Better on another disk.
        pub backup_dir: Option<PathBuf>,
        /// Collector of OpenTelemetry traces (OTLP over HTTP), such as http://127.0.0.1:4318: of some parts of the broadcast, how
        /// long each step took from the encoder's message to the first byte to a viewer. Without it there are no traces.
        pub otlp_endpoint: Option<Endpoint>,
        /// Share of the parts that are traced, 0 to 1; the same at the origin and at all edges.
        pub otlp_sample: Share = "0.01",
        /// The log level or filter.
        pub log: log::Filter = "info",
        /// Format of the log.
        pub log_format: log::Format = "text",
        ;
        /// One quality that viewers can choose, in the order of the ladder. Without any there are two:
        /// the source as it is, and 480p.
        pub variants: Vec<Variant>,
    }
}

settings! {
    /// One quality of the ladder, as written in the file. The numbers mean what they mean in Owncast.
    pub struct Variant {
        /// Name for people; made from the other values when empty.
        pub name: String = "",
        /// Copy the source's video; every other video setting but `keyframes` is then ignored.
        pub video_passthrough: bool = "false",
        /// The source of key frames when video is passed through. "insert" re-encodes it after all, like the source but
        /// with a key frame where each segment begins: for encoders whose key frames lie too far apart.
        pub keyframes: Keyframes = "source",
        /// Copy the source's audio.
        pub audio_passthrough: bool = "false",
        /// Video bit rate in kbps; 0 is 1200.
        pub video_bitrate: u32 = "0",
        /// Audio bit rate in kbps; 0 copies the source's audio.
        pub audio_bitrate: u32 = "0",
        /// Width in pixels; 0 follows the height, or is the source's.
        pub scaled_width: u32 = "0",
        /// Height in pixels; 0 follows the width, or is the source's.
        pub scaled_height: u32 = "0",
        /// Highest frame rate; 0 is 24.
        pub framerate: u32 = "0",
        /// 0 takes the least CPU, 4 gives the best picture.
        pub cpu_usage_level: Level = "2",
    }
}

choice! {
    /// The source of key frames when video is passed through.
    pub enum Keyframes: "source or insert" {
        /// Key frames of the source.
        Source = "source",
        /// Key frames inserted by re-encoding.
        Insert = "insert",
    }
}

choice! {
    /// The H.264 encoder.
    pub enum VideoEncoder: "auto, libx264, h264_nvenc, h264_vaapi, h264_qsv, h264_v4l2m2m or h264_videotoolbox" {
        /// The first that works of the hardware's, else libx264.
        Auto = "auto",
        /// Software.
        Libx264 = "libx264",
        /// NVIDIA.
        Nvenc = "h264_nvenc",
        /// VA-API (Intel, AMD).
        Vaapi = "h264_vaapi",
        /// Intel Quick Sync.
        Qsv = "h264_qsv",
        /// Video4Linux memory-to-memory (small boards).
        V4l2m2m = "h264_v4l2m2m",
        /// Apple.
        VideoToolbox = "h264_videotoolbox",
    }
}

/// A level from 0 to 4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Level(u8);

impl Level {
    /// Highest level.
    pub const MAX: u8 = 4;
    /// The level that both kinds of levels default to.
    pub const MIDDLE: Self = Self(2);

    /// The level as a number, 0 to [`Level::MAX`].
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Value for Level {
    const EXPECTS: &'static str = "a level from 0 to 4";
    const FORM: Form = Form::Number;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text.parse() {
            Ok(level @ 0..=Self::MAX) => Ok(Self(level)),
            _ => Err(InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS))),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Validate for Settings {
    fn validate(&self, checks: &mut Checks<'_>) {
        self.check_tls(checks);
        self.check_acme(checks);
        self.check_listeners(checks);
        if let Err((key, fault)) = self.dns().zone() {
            checks.problem(key, fault);
        }
        let unusable = |key: &Secret| {
            let key = key.expose();
            key.len() > MAX_KEY_BYTES
                || key.starts_with('/')
                || key.ends_with('/')
                || !key.chars().all(in_a_url)
        };
        if self.stream_key.as_ref().is_some_and(unusable) {
            checks.problem(
                "stream_key",
                format!("cannot be the end of an RTMP address: at most {MAX_KEY_BYTES} bytes, no spaces, no / at its ends"),
            );
        }
        let chars = self.stream_key.as_ref().map(|key| key.expose().chars().count());
        if chars.is_some_and(|chars| chars < MIN_KEY_CHARS && (chars == 0 || !self.allow_short_keys)) {
            checks.problem(
                "stream_key",
                format!("has fewer than {MIN_KEY_CHARS} characters, which is soon guessed: choose a longer one; allow_short_keys permits it"),
            );
        }
        if self.store == StoreAddress::Origin {
            checks.problem(
                "store",
                "is \"origin\", which is for edges: embedded or foundationdb:<cluster file>",
            );
        }
        if let Some(memory) = self.transcoder_memory.filter(|memory| *memory < MIN_TRANSCODER_MEMORY) {
            checks.problem("transcoder_memory", format!("{memory} is less than {MIN_TRANSCODER_MEMORY}"));
        }
        if self.request_body_memory < MIN_BUDGET {
            checks.problem(
                "request_body_memory",
                format!("{} is less than {MIN_BUDGET}", self.request_body_memory),
            );
        }
        if self.reconnect_grace > MAX_GRACE {
            checks.problem("reconnect_grace", "is longer than 10m");
        }
        if self.max_pixels < MIN_PIXELS {
            checks.problem("max_pixels", format!("is less than {MIN_PIXELS}, a picture of 320 by 240"));
        }
        if !self.backup_every.is_zero() && self.backup_every < MIN_BACKUP_EVERY {
            checks.problem("backup_every", "is less than 1m");
        }
        if !BACKUPS_KEPT.contains(&self.backup_keep) {
            let (least, most) = (BACKUPS_KEPT.start(), BACKUPS_KEPT.end());
            checks.problem("backup_keep", format!("is not {least} to {most}"));
        }
        if self.variants.len() > MAX_CONFIGURED_VARIANTS {
            checks.problem("variants", format!("are more than {MAX_CONFIGURED_VARIANTS}"));
        }
        let mut names = BTreeSet::new();
        for name in self.variants.iter().map(|v| v.name.as_str()).filter(|name| !name.is_empty()) {
            if !names.insert(name) {
                checks.problem("variants", format!("two are named {name:?}"));
            }
        }
    }
}

impl Settings {
    /// The certificate that is to be obtained, where one is.
    #[must_use]
    pub fn acme(&self) -> Option<acme::Config> {
        if self.acme_domains.0.is_empty() {
            return None;
        }
        let external = self.acme_eab_key_id.clone().zip(self.acme_eab_hmac_key.clone());
        Some(acme::Config {
            domains: self.acme_domains.clone(),
            directory: self.acme_directory.clone(),
            email: self.acme_email.clone(),
            challenges: self.acme_challenges.clone(),
            root: self.acme_root.clone(),
            external: external.map(|(key_id, hmac_key)| acme::External { key_id, hmac_key }),
        })
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

    fn check_tls(&self, checks: &mut Checks<'_>) {
        let listens = self.rtmps_listen.is_some() || self.https_listen.is_some();
        let needs = listens && self.acme_domains.0.is_empty();
        if self.tls_cert.is_none() && (needs || self.tls_key.is_some()) {
            checks.problem(
                "tls_cert",
                "is missing: rtmps_listen and https_listen need it, or acme_domains, and tls_key needs it",
            );
        }
        if self.tls_key.is_none() && (needs || self.tls_cert.is_some()) {
            checks.problem(
                "tls_key",
                "is missing: rtmps_listen and https_listen need it, or acme_domains, and tls_cert needs it",
            );
        }
    }

    fn check_acme(&self, checks: &mut Checks<'_>) {
        if !self.acme_directory.starts_with("https://") || self.acme_directory.parse::<http::Uri>().is_err() {
            checks.problem("acme_directory", "is no address that begins with https://");
        }
        let is_address = |email: &String| {
            let graphic = |c: char| c.is_ascii_graphic() && !matches!(c, ',' | '?' | '&');
            email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
                && email.chars().all(graphic)
        };
        if self.acme_email.as_ref().is_some_and(|email| !is_address(email)) {
            checks.problem("acme_email", "is no e-mail address");
        }
        if self.acme_domains.0.iter().any(Domain::is_wildcard)
            && !self.acme_challenges.0.contains(&ChallengeKind::Dns01)
        {
            checks.problem(
                "acme_challenges",
                "lacks dns-01, by which alone names that begin with *. are proved",
            );
        }
        if self.acme_eab_key_id.is_some() != self.acme_eab_hmac_key.is_some() {
            checks.problem("acme_eab_key_id", "and acme_eab_hmac_key are given together or not at all");
        }
    }

    fn check_listeners(&self, checks: &mut Checks<'_>) {
        let mut taken: Vec<(&str, SocketAddr)> = vec![("rtmp_listen", self.rtmp_listen)];
        let others = [
            ("rtmps_listen", self.rtmps_listen),
            ("http_listen", Some(self.http_listen)),
            ("https_listen", self.https_listen),
            ("metrics_listen", Some(self.metrics_listen)),
        ];
        for (key, address) in others {
            let Some(address) = address else { continue };
            if let Some((other, _)) = taken.iter().find(|(_, at)| *at == address && at.port() != 0) {
                checks.problem(key, format!("{address} is also {other}"));
            }
            taken.push((key, address));
        }
    }
}

impl Validate for Variant {
    fn validate(&self, checks: &mut Checks<'_>) {
        for problem in VariantSpec::from(self).problems() {
            checks.problem(problem.key, problem.what);
        }
    }
}

impl From<&Variant> for VariantSpec {
    fn from(variant: &Variant) -> Self {
        Self {
            name: variant.name.clone(),
            video_passthrough: variant.video_passthrough,
            keyframes: match variant.keyframes {
                Keyframes::Source => KeyFrames::Source,
                Keyframes::Insert => KeyFrames::Insert,
            },
            audio_passthrough: variant.audio_passthrough,
            video_bitrate: variant.video_bitrate,
            audio_bitrate: variant.audio_bitrate,
            scaled_width: variant.scaled_width,
            scaled_height: variant.scaled_height,
            framerate: variant.framerate,
            cpu_usage_level: variant.cpu_usage_level.get(),
        }
    }
}

fn in_a_url(c: char) -> bool {
    !c.is_whitespace() && !c.is_control()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use farcast_config::{Outcome, Problems, Program, load};

    use super::*;

    const PROGRAM: Program =
        Program { name: "farcast-origin", version: "0.0.0", about: "test", settings_file: "", commands: &[] };

    fn read(file: &str, args: &[&str]) -> Result<Settings, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("origin.toml");
        std::fs::write(&path, file).unwrap();
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        args.extend(["--config".into(), path.into()]);
        match load(&PROGRAM, args, [])? {
            Outcome::Run(loaded) => Ok(loaded.settings),
            Outcome::Print(text) => panic!("printed {text}"),
        }
    }

    #[test]
    fn the_defaults_are_valid() {
        let settings = read("", &[]).unwrap();
        assert_eq!(settings.latency_level.get(), 2);
        assert_eq!(settings.reconnect_grace, Duration::from_secs(15));
        assert_eq!(settings.video_codec, VideoEncoder::Auto);
        assert!(settings.variants.is_empty());
    }

    #[test]
    fn a_ladder_is_read_in_order() {
        let settings = read(
            "[[variants]]\nname = 'Source'\nvideo_passthrough = true\naudio_passthrough = true\n\
             [[variants]]\nname = '480p'\nscaled_height = 480\nvideo_bitrate = 1200\ncpu_usage_level = 0\n",
            &[],
        )
        .unwrap();
        let names: Vec<_> = settings.variants.iter().map(|v| v.name.as_str()).collect();
        assert_eq!(names, ["Source", "480p"]);
        assert_eq!(settings.variants[1].cpu_usage_level.get(), 0);
        assert!(settings.variants[0].video_passthrough && !settings.variants[1].audio_passthrough);
    }

    #[test]
    fn broken_rules_are_reported_together() {
        let text = read(
            "rtmps_listen = '0.0.0.0:1936'\n[[variants]]\nname = 'a'\nvideo_bitrate = 1200000\n\
             scaled_height = 481\n[[variants]]\nname = 'b'\ncpu_usage_level = 5\n",
            &["--http-listen=127.0.0.1:9190", "--reconnect-grace", "1h"],
        )
        .unwrap_err()
        .to_string();
        for expected in
            ["origin.toml:4: video_bitrate", "origin.toml:5: scaled_height", "cpu_usage_level: \"5\""]
        {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
        let text = read(
            "rtmps_listen = '0.0.0.0:1936'\n[[variants]]\nname = 'a'\n[[variants]]\nname = 'a'\n",
            &["--http-listen=127.0.0.1:9190", "--reconnect-grace", "1h", "--store=origin"],
        )
        .unwrap_err()
        .to_string();
        for expected in [
            "--store: is \"origin\", which is for edges",
            "tls_cert: is missing",
            "tls_key: is missing",
            "metrics_listen: 127.0.0.1:9190 is also http_listen",
            "--reconnect-grace: is longer than 10m",
            "origin.toml:2: variants: two are named \"a\"",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_key_that_no_encoder_could_send_is_refused_without_being_shown() {
        for key in ["hunter 2", "/hunter2", "hunter2/"] {
            let text = read("", &["--stream-key", key]).unwrap_err().to_string();
            assert!(text.contains("--stream-key: cannot be") && !text.contains("hunter"), "{text}");
        }
        read("", &["--stream-key", "hunter/2"]).unwrap();
    }

    #[test]
    fn a_key_that_is_soon_guessed_is_refused_unless_short_ones_are_allowed() {
        for key in ["abc123", "x9", "äöüäöüä"] {
            let text = read("", &["--stream-key", key]).unwrap_err().to_string();
            assert!(text.contains("--stream-key: has fewer than 8 characters"), "{text}");
            assert!(text.contains("allow_short_keys") && !text.contains(key), "{text}");
            read("allow_short_keys = true", &["--stream-key", key]).unwrap();
        }
        read("", &["--stream-key", "äöüäöüäö"]).unwrap();
        assert!(read("allow_short_keys = true", &["--stream-key", ""]).is_err(), "none is no key");
    }

    #[test]
    fn the_api_is_for_this_machine_unless_said_otherwise_and_tls_needs_a_certificate() {
        assert!(read("", &[]).unwrap().http_listen.ip().is_loopback());
        let text = read("https_listen = '127.0.0.1:9190'\n", &[]).unwrap_err().to_string();
        for expected in ["tls_cert: is missing", "tls_key: is missing", "9190 is also https_listen"] {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_share_is_a_number_of_the_file_whole_or_not_and_no_text() {
        for (share, number) in [("0.25", 0.25), ("1", 1.0), ("1_0.0e-2", 0.1)] {
            let settings = read(&format!("otlp_sample = {share}\n"), &[]).unwrap();
            assert!((settings.otlp_sample.get() - number).abs() < f64::EPSILON, "{share}");
        }
        for wrong in ["1.5", "nan", "'0.5'"] {
            assert!(read(&format!("otlp_sample = {wrong}\n"), &[]).is_err(), "{wrong}");
        }
        let text = read("max_pixels = 1.5\n", &[]).unwrap_err().to_string();
        assert!(text.contains("max_pixels: \"1.5\""), "{text}");
    }

    #[test]
    fn port_zero_may_be_given_to_every_listener() {
        let zero = "127.0.0.1:0";
        read("", &["--rtmp-listen", zero, "--http-listen", zero, "--metrics-listen", zero]).unwrap();
    }
}

//! The command `doctor`: whether this edge can work here, in plain words.
//!
//! Place in the flow: [`crate::program`], and the end of [`crate::join`]. The checks are [`farcast_doctor`]'s; that the origin
//! is reached is [`farcast_link::receiver::reach`]'s.

use std::ffi::OsString;
use std::net::SocketAddr;

use farcast_config::{Command, Program, Switch};
use farcast_doctor::{Finding, Port, Read, Report, Running, Transport};
use farcast_link::JoinToken;
use farcast_link::receiver::identity::IdentityFile;
use farcast_link::receiver::reach::{NotReached, Origin, reach};
use farcast_service::listen::Purpose;
use farcast_service::memory::limit;
use farcast_service::program::{BAD_SETTINGS, print};

use crate::app::join_token_of;
use crate::memory::Memory;
use crate::settings::Settings;

/// The flag that asks for JSON.
pub(crate) const JSON: &str = "--json";

/// The command, for the help.
pub(crate) const COMMAND: Command = Command {
    name: "doctor",
    operands: &[],
    switches: &[Switch { flag: JSON, about: "Print the report as JSON, for tools." }],
    about: "Check whether this edge can work here, and say what to do where it cannot: settings, data folder, disk, ports, \
            open files, clock, network buffers, certificate, and whether the origin answers. Without --config it looks at \
            the installed service. Status 1 if there is a problem.",
};

/// The number of files that an edge opens besides those of its viewers' connections.
const OWN_FILES: u64 = 500;

/// Checks and prints. Returns the exit status: 0, 1 when there is a problem.
pub(crate) fn run(program: &Program, arguments: &[OsString], as_json: bool) -> u8 {
    let findings = match farcast_doctor::settings::<Settings>(program, arguments) {
        Read::Print(text) => {
            print(&text);
            return 0;
        }
        Read::Wrong(findings) => findings,
        Read::Settings(settings, mut findings) => match check(program, &settings) {
            Ok(found) => {
                findings.extend(found);
                findings
            }
            Err(error) => {
                eprintln!("{} doctor: {error}", program.name);
                return BAD_SETTINGS;
            }
        },
    };
    let report = Report::new(program.name, program.version, findings);
    print(&if as_json { report.to_json() } else { report.to_text() });
    report.exit_status()
}

/// The findings about these settings.
fn check(program: &Program, settings: &Settings) -> std::io::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let running = Running::find(program.name, settings.metrics_listen);
    let mut findings = farcast_doctor::data_folder(&settings.data_dir);
    findings.extend(farcast_doctor::ports(&listeners(settings), running.as_ref()));
    let needed = u64::from(Memory::of(settings, limit()).connections) + OWN_FILES;
    findings.push(farcast_doctor::open_files(program.name, needed, running.as_ref()));
    findings.push(farcast_doctor::clock());
    findings.push(farcast_doctor::network_buffers());
    if let (Some(chain), Some(key)) = (&settings.tls_cert, &settings.tls_key) {
        let names = https_names(settings);
        findings.extend(farcast_doctor::certificate(chain, key, &names, program.name));
    }
    if let Some(cluster) = settings.store.cluster() {
        findings.extend(farcast_doctor::cluster(&cluster.file, program.name));
    }
    findings.extend(runtime.block_on(origin(settings)));
    findings.extend(running.map(|running| running_edge(&running)));
    Ok(findings)
}

fn listeners(settings: &Settings) -> Vec<Port> {
    let (tcp, both) = (Transport::Tcp, Transport::Both);
    let port = |protocol, setting, transport, address: Option<SocketAddr>| {
        let purpose = Purpose::new(protocol, setting);
        address.map(|address| Port { purpose, transport, address })
    };
    let all = [
        port("HTTP", "http_listen", tcp, Some(settings.http_listen)),
        port("HTTPS", "https_listen", tcp, settings.https_listen),
        port("metrics", "metrics_listen", tcp, Some(settings.metrics_listen)),
        port("DNS", "dns_listen", both, settings.dns_listen),
    ];
    all.into_iter().flatten().collect()
}

/// The names by which viewers reach this edge over TLS.
fn https_names(settings: &Settings) -> Vec<String> {
    let urls = settings.public_urls.0.iter().filter(|url| url.to_string().starts_with("https:"));
    urls.map(|url| url.host().to_owned()).collect()
}

/// Whether the edge has joined, or can, and whether its origin answers at one of its addresses.
async fn origin(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "origin";
    let identity = IdentityFile::new(&settings.data_dir).load();
    let token = match (join_token_of(settings), &identity) {
        (Ok(token), _) => token,
        // It needs none any more.
        (Err(_), Some(_)) => None,
        (Err(error), None) => return vec![unjoined(&error.to_string())],
    };
    let mut findings = vec![match (&identity, &token) {
        (Some(identity), _) => {
            let name = identity.name().unwrap_or_default();
            Finding::ok(CHECK, format!("this edge has joined as {name}"))
        }
        (None, Some(_)) => Finding::ok(CHECK, "there is a join token; this edge joins when it starts"),
        (None, None) => return vec![unjoined("there is no join token")],
    }];
    // The token is the newer word on where the origin is.
    let Some(origin) = token.as_ref().map(Origin::from).or(identity.as_ref().map(Origin::from)) else {
        return findings;
    };
    let mut failures = Vec::new();
    for address in &origin.addresses {
        match reach(address, origin.fingerprint).await {
            Ok(reached) => {
                let ms = reached.handshake.as_millis();
                findings.push(Finding::ok(
                    CHECK,
                    format!("{address} answers over UDP in {ms} ms ({})", reached.at),
                ));
                return findings;
            }
            Err(error) => failures.push(not_reached(address, &error)),
        }
    }
    findings.extend(failures);
    findings
}

fn unjoined(why: &str) -> Finding {
    let advice = "on the origin: farcast-origin join-command; run here what it prints";
    Finding::problem("origin", format!("this edge has not joined: {why}"), advice)
}

fn not_reached(address: &str, error: &NotReached) -> Finding {
    const CHECK: &str = "origin";
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    match error {
        NotReached::Name(_) => Finding::problem(
            CHECK,
            format!("the name {host} cannot be resolved"),
            "check quic_advertise of the origin, and this machine's DNS (/etc/resolv.conf)",
        ),
        NotReached::Silent(at) => Finding::problem(
            CHECK,
            format!("UDP port {port} of {host} does not answer ({at})"),
            "open it in the firewall, and see whether the origin runs: systemctl status farcast-origin",
        ),
        NotReached::Other { source, .. } => Finding::problem(
            CHECK,
            format!("{error}: {source}"),
            "check this machine's clock, and take a new token from that origin: farcast-origin join-command",
        ),
        NotReached::Unusable(..) => {
            Finding::problem(CHECK, error.to_string(), "check this machine's routes: ip route get ADDRESS")
        }
    }
}

fn running_edge(running: &Running) -> Finding {
    match &running.ready {
        (true, _) => Finding::ok("running", "the edge runs, is linked to its origin and takes viewers"),
        (false, says) => Finding::problem(
            "running",
            format!("the edge runs, but is not ready: {}", says.replace('\n', "; ")),
            "the log says why: journalctl -u farcast-edge -n 50",
        ),
    }
}

/// The origin of a token, in words.
pub(crate) fn origin_of(token: &JoinToken) -> String {
    token.addresses.join(", ")
}

#[cfg(test)]
mod tests {
    use farcast_config::{Outcome, load};
    use farcast_doctor::Verdict;

    use super::*;

    fn settings(arguments: &[&str]) -> Settings {
        let program =
            Program { name: "farcast-edge", version: "0", about: "", settings_file: "", commands: &[] };
        match load(&program, arguments.iter().map(OsString::from), []).unwrap() {
            Outcome::Run(loaded) => loaded.settings,
            Outcome::Print(text) => panic!("printed {text}"),
        }
    }

    #[tokio::test]
    async fn an_edge_without_a_token_is_told_how_to_join() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = format!("--data-dir={}", folder.path().display());
        let missing = format!("--join-token-file={}/join-token", folder.path().display());
        for arguments in [&[data_dir.as_str()][..], &[&data_dir, &missing]] {
            let findings = origin(&settings(arguments)).await;
            assert_eq!((findings.len(), findings[0].verdict), (1, Verdict::Problem), "{findings:?}");
            assert!(findings[0].advice.as_ref().unwrap().contains("farcast-origin join-command"));
        }
    }

    #[tokio::test]
    async fn an_origin_whose_name_is_unknown_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (addresses, fingerprint, secret) = (vec!["origin.invalid:4433".to_owned()], [1; 32], [2; 32]);
        let token = JoinToken { addresses, fingerprint, secret };
        let data_dir = format!("--data-dir={}", folder.path().display());
        let findings = origin(&settings(&[&data_dir, "--join-token", &token.to_string()])).await;
        assert_eq!(findings[1].text, "the name origin.invalid cannot be resolved");
    }

    #[test]
    fn a_silent_port_says_what_to_open() {
        let finding =
            not_reached("origin.example.org:4433", &NotReached::Silent("192.0.2.1:4433".parse().unwrap()));
        assert_eq!(finding.text, "UDP port 4433 of origin.example.org does not answer (192.0.2.1:4433)");
        assert!(finding.advice.unwrap().starts_with("open it in the firewall"));
    }

    #[test]
    fn names_of_https_addresses_are_looked_for_in_the_certificate() {
        let settings = settings(&["--public-urls", "https://fra.example.org:8443,http://plain.example.org"]);
        assert_eq!(https_names(&settings), ["fra.example.org"]);
        assert_eq!(listeners(&settings).len(), 2);
    }
}

//! The command `doctor`: whether this origin can work here, in plain words.
//!
//! Place in the flow: [`crate::program`]. The checks are [`farcast_doctor`]'s; encoders are tried as at every start.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use farcast_config::{Command, Program, Switch};
use farcast_doctor::{Finding, Port, Read, Report, Running, Transport};
use farcast_service::listen::Purpose;
use farcast_service::program::{BAD_SETTINGS, print};

use crate::settings::{Settings, VideoEncoder};
use crate::transcode::{self, ProbeOutcome};

/// The flag that asks for JSON.
pub(crate) const JSON: &str = "--json";

/// The command, for the help.
pub(crate) const COMMAND: Command = Command {
    name: "doctor",
    operands: &[],
    switches: &[Switch { flag: JSON, about: "Print the report as JSON, for tools." }],
    about: "Check whether this origin can work here, and say what to do where it cannot: settings, data folder, disk, ports, \
            open files, clock, network buffers, certificate, encoders, the address that edges dial. Without --config it \
            looks at the installed service. Status 1 if there is a problem.",
};

/// The number of files that an origin opens when it is busy: encoders, edges, admins, the store.
const FILES: u64 = 4096;

/// The software encoder: the last resort.
const SOFTWARE: &str = "libx264";

/// Devices of hardware encoders, each with the encoders that use them.
const DEVICES: [(&str, &[&str]); 3] = [
    ("/dev/nvidia0", &["h264_nvenc"]),
    ("/dev/dri/renderD128", &["h264_vaapi", "h264_qsv"]),
    ("/dev/video11", &["h264_v4l2m2m"]),
];

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
    findings.push(farcast_doctor::open_files(program.name, FILES, running.as_ref()));
    findings.push(farcast_doctor::clock());
    findings.push(farcast_doctor::network_buffers());
    if let (Some(chain), Some(key)) = (&settings.tls_cert, &settings.tls_key) {
        findings.extend(farcast_doctor::certificate(chain, key, &[], program.name));
    }
    if let Some(cluster) = settings.store.cluster() {
        findings.extend(farcast_doctor::cluster(&cluster.file, program.name));
    }
    findings.extend(match runtime.block_on(transcode::probe_libav()) {
        Ok(probed) => encoders(settings.video_codec, &probed, |device| Path::new(device).exists()),
        Err(error) => {
            let text = format!("trying the encoders failed: {error}");
            vec![Finding::problem("encoders", text, "reinstall libavcodec and the drivers of the GPU")]
        }
    });
    findings.push(runtime.block_on(advertised(settings)));
    findings.extend(running.map(|running| running_origin(&running)));
    Ok(findings)
}

fn listeners(settings: &Settings) -> Vec<Port> {
    let (tcp, udp, both) = (Transport::Tcp, Transport::Udp, Transport::Both);
    let port = |protocol, setting, transport, address: Option<SocketAddr>| {
        let purpose = Purpose::new(protocol, setting);
        address.map(|address| Port { purpose, transport, address })
    };
    let all = [
        port("RTMP", "rtmp_listen", tcp, Some(settings.rtmp_listen)),
        port("RTMPS", "rtmps_listen", tcp, settings.rtmps_listen),
        port("HTTP", "http_listen", tcp, Some(settings.http_listen)),
        port("HTTPS", "https_listen", tcp, settings.https_listen),
        port("QUIC", "quic_listen", udp, Some(settings.quic_listen)),
        port("metrics", "metrics_listen", tcp, Some(settings.metrics_listen)),
        port("DNS", "dns_listen", both, settings.dns_listen),
    ];
    all.into_iter().flatten().collect()
}

/// What encodes; a device that is there and whose encoders all fail is worth a look.
fn encoders(wanted: VideoEncoder, probed: &[ProbeOutcome], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    const CHECK: &str = "encoders";
    let works = transcode::supported_codecs(probed);
    let mut findings = Vec::new();
    let hardware: Vec<&str> = works.iter().copied().filter(|name| *name != SOFTWARE).collect();
    if works.is_empty() {
        findings.push(Finding::problem(
            CHECK,
            "no H.264 encoder works, not even libx264",
            "install libavcodec with libx264: on Debian libavcodec59 or libavcodec-extra59",
        ));
    } else if hardware.is_empty() {
        findings.push(Finding::ok(CHECK, "libx264 works, on the processor; there is no hardware encoder"));
    } else {
        findings.push(Finding::ok(CHECK, format!("hardware encoders that work: {}", hardware.join(", "))));
    }
    for (device, names) in DEVICES.iter().filter(|(device, _)| exists(device)) {
        let of_device = |outcome: &&ProbeOutcome| names.contains(&outcome.kind.name());
        if probed.iter().filter(of_device).any(|outcome| outcome.works.is_ok()) {
            continue;
        }
        let reasons: Vec<String> = probed
            .iter()
            .filter(of_device)
            .filter_map(|outcome| Some(format!("{}: {}", outcome.kind.name(), outcome.works.as_ref().err()?)))
            .collect();
        findings.push(Finding::warning(
            CHECK,
            format!("there is {device}, but its encoders do not work ({})", reasons.join("; ")),
            "install the driver's encoding library (libnvidia-encode1, va-driver-all), and let this user into the groups \
             video and render; some devices have no encoder",
        ));
    }
    let name = wanted.as_str();
    if wanted != VideoEncoder::Auto && !works.contains(&name) {
        let text = format!("video_codec is {name}, which does not work here: libx264 takes its place");
        findings.push(Finding::warning(CHECK, text, "set video_codec to auto, or mend the driver"));
    }
    findings
}

/// The address that edges are told.
async fn advertised(settings: &Settings) -> Finding {
    const CHECK: &str = "edges";
    let Some(address) = &settings.quic_advertise else {
        return Finding::warning(
            CHECK,
            "quic_advertise is not set, so only edges on this machine can join",
            "set it to the name or address and the UDP port by which edges reach this machine: origin.example.org:4433",
        );
    };
    let address = address.to_string();
    match tokio::net::lookup_host(&address).await {
        Ok(mut found) => match found.next() {
            Some(at) => Finding::ok(CHECK, format!("edges dial {address} (UDP), which is {at}")),
            None => unresolved(&address),
        },
        Err(_) => unresolved(&address),
    }
}

fn unresolved(address: &str) -> Finding {
    let text = format!("the name in quic_advertise, {address}, cannot be resolved here");
    Finding::problem("edges", text, "correct quic_advertise, or make the name known to DNS")
}

fn running_origin(running: &Running) -> Finding {
    match &running.ready {
        (true, _) => Finding::ok("running", "the origin runs and takes encoders and edges"),
        (false, says) => Finding::problem(
            "running",
            format!("the origin runs, but is not ready: {}", says.replace('\n', "; ")),
            "the log says why: journalctl -u farcast-origin -n 50",
        ),
    }
}

#[cfg(test)]
mod tests {
    use farcast_av::Error;
    use farcast_config::{Outcome, load};
    use farcast_doctor::Verdict;

    use super::*;
    use crate::transcode::EncoderKind;

    fn settings(arguments: &[&str]) -> Settings {
        let program =
            Program { name: "farcast-origin", version: "0", about: "", settings_file: "", commands: &[] };
        match load(&program, arguments.iter().map(OsString::from), []).unwrap() {
            Outcome::Run(loaded) => loaded.settings,
            Outcome::Print(text) => panic!("printed {text}"),
        }
    }

    fn probed(working: &[EncoderKind]) -> Vec<ProbeOutcome> {
        let works =
            |kind| if working.contains(&kind) { Ok(()) } else { Err(Error::Missing("it".to_owned())) };
        EncoderKind::ALL.into_iter().map(|kind| ProbeOutcome { kind, works: works(kind) }).collect()
    }

    #[test]
    fn a_device_whose_encoders_fail_is_warned_of_and_one_that_works_is_not() {
        let nvidia = |device: &str| device == "/dev/nvidia0";
        let findings = encoders(VideoEncoder::Auto, &probed(&[EncoderKind::X264]), nvidia);
        assert_eq!(findings.len(), 2);
        assert!(
            findings[1].verdict == Verdict::Warning && findings[1].text.contains("h264_nvenc: "),
            "{findings:?}"
        );
        let findings = encoders(VideoEncoder::Auto, &probed(&EncoderKind::ALL), nvidia);
        assert!(findings.len() == 1 && findings[0].text.contains("h264_nvenc"), "{findings:?}");
    }

    #[test]
    fn an_encoder_that_is_chosen_and_does_not_work_is_warned_of() {
        let findings = encoders(VideoEncoder::Vaapi, &probed(&[EncoderKind::X264]), |_| false);
        assert!(findings[1].text.contains("video_codec is h264_vaapi"), "{findings:?}");
        let none = encoders(VideoEncoder::Auto, &probed(&[]), |_| false);
        assert_eq!(none[0].verdict, Verdict::Problem);
    }

    #[tokio::test]
    async fn an_address_that_edges_cannot_use_is_told() {
        assert_eq!(advertised(&settings(&[])).await.verdict, Verdict::Warning);
        let known = advertised(&settings(&["--quic-advertise", "127.0.0.1:4433"])).await;
        assert_eq!(known.verdict, Verdict::Ok, "{known:?}");
        let unknown = advertised(&settings(&["--quic-advertise", "origin.invalid:4433"])).await;
        assert_eq!(unknown.verdict, Verdict::Problem, "{unknown:?}");
    }
}

//! The files of a certificate: whether they can be read, fit together, are in date, and for which names they are.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use farcast_service::tls;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use crate::Finding;
use crate::service_user::is_kept_from;

/// The check's name.
const CHECK: &str = "certificate";
/// Days before its end at which somebody should look; certificates of 90 days are renewed after 60.
const SOON_DAYS: i64 = 14;
/// Seconds of a day.
const DAY_S: i64 = 24 * 3600;

/// Checks a chain and its key (PEM), for the host names that viewers use; `user` is the service's user.
#[must_use]
pub fn certificate(chain: &Path, key: &Path, names: &[String], user: &str) -> Vec<Finding> {
    if let Err(error) = tls::load(chain, key) {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            text.push_str(&format!(": {source}"));
            cause = source.source();
        }
        let advice = format!(
            "tls_cert is the certificate with its chain, tls_key its private key, both PEM: {} and {}",
            chain.display(),
            key.display()
        );
        return vec![Finding::problem(CHECK, text, advice)];
    }
    let kept = [chain, key].into_iter().filter(|file| is_kept_from(user, file));
    let mut findings: Vec<_> = kept.map(|file| unreadable(file, user)).collect();
    let der = std::fs::read(chain).ok().and_then(|pem| CertificateDer::from_pem_slice(&pem).ok());
    let parsed = der.as_ref().and_then(|der| x509_parser::parse_x509_certificate(der).ok());
    let Some((_, parsed)) = parsed else {
        let text = format!("what {} says cannot be read", chain.display());
        findings.push(Finding::warning(CHECK, text, "look with openssl x509 -text"));
        return findings;
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    findings.push(dated(&parsed, i64::try_from(now_s).unwrap_or(i64::MAX)));
    findings.extend(named(&parsed, names));
    findings
}

fn unreadable(file: &Path, user: &str) -> Finding {
    let shown = file.display();
    Finding::problem(
        CHECK,
        format!("{shown} cannot be read by the service's user {user}"),
        format!("chgrp {user} {shown} && chmod 640 {shown}, or LoadCredential= in the unit"),
    )
}

fn dated(certificate: &X509Certificate<'_>, now_s: i64) -> Finding {
    let validity = certificate.validity();
    let (begins, ends) = (validity.not_before, validity.not_after);
    let days = (ends.timestamp() - now_s) / DAY_S;
    if now_s < begins.timestamp() {
        return Finding::problem(
            CHECK,
            format!("it is not valid before {begins}"),
            "check this machine's clock",
        );
    }
    if now_s > ends.timestamp() {
        return Finding::problem(
            CHECK,
            format!("it has expired at {ends}"),
            "renew it: the program reads the new files by itself",
        );
    }
    let text = format!("it fits its key and is valid until {ends}");
    if days < SOON_DAYS {
        return Finding::warning(CHECK, format!("{text}, {days} days from now"), "renew it");
    }
    Finding::ok(CHECK, text)
}

fn named(certificate: &X509Certificate<'_>, wanted: &[String]) -> Vec<Finding> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names = alternatives.map(|names| names.value.general_names.clone()).unwrap_or_default();
    let hosts: Vec<String> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(host) => Some((*host).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    let missing = wanted.iter().filter(|name| !hosts.iter().any(|host| is_for(host, name)));
    missing
        .map(|name| {
            let text = format!("it is not for {name}, only for {}", hosts.join(", "));
            Finding::problem(CHECK, text, "get one with this name too, or correct public_urls")
        })
        .collect()
}

/// The address of the bytes of a certificate's name (RFC 5280 §4.2.1.6).
fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
}

/// True if a certificate's name is for the host `name` (RFC 6125 §6.4: a wildcard is one whole label).
fn is_for(certified: &str, name: &str) -> bool {
    let (certified, name) = (certified.to_ascii_lowercase(), name.to_ascii_lowercase());
    match certified.strip_prefix("*.") {
        Some(domain) => name.split_once('.').is_some_and(|(host, rest)| !host.is_empty() && rest == domain),
        None => certified == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    struct Files {
        _folder: tempfile::TempDir,
        chain: std::path::PathBuf,
        key: std::path::PathBuf,
    }

    fn files(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params =
            rcgen::CertificateParams::new(vec!["*.example.org".to_owned(), "192.0.2.7".to_owned()]).unwrap();
        change(&mut params);
        let made = params.self_signed(&key).unwrap();
        let (chain, key_file) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        std::fs::write(&chain, made.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        Files { _folder: folder, chain, key: key_file }
    }

    fn verdicts(files: &Files, names: &[&str]) -> Vec<(Verdict, String)> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let findings = certificate(&files.chain, &files.key, &names, "no-such-user");
        findings.into_iter().map(|finding| (finding.verdict, finding.text)).collect()
    }

    #[test]
    fn a_good_certificate_is_good_for_its_names_and_no_others() {
        let files = files(|_| {});
        assert_eq!(verdicts(&files, &["fra.example.org", "192.0.2.7"]).len(), 1);
        assert_eq!(verdicts(&files, &["fra.example.org"])[0].0, Verdict::Ok);
        let other = verdicts(&files, &["example.com", "a.b.example.org"]);
        assert_eq!(other.len(), 3);
        assert!(other[1].0 == Verdict::Problem && other[1].1.contains("not for example.com"), "{other:?}");
    }

    #[test]
    fn dates_are_looked_at() {
        let expired = files(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
        let text = &verdicts(&expired, &[])[0];
        assert!(text.0 == Verdict::Problem && text.1.contains("expired"), "{text:?}");
        let future = files(|params| {
            params.not_before = rcgen::date_time_ymd(3000, 1, 1);
            params.not_after = rcgen::date_time_ymd(3001, 1, 1);
        });
        assert!(verdicts(&future, &[])[0].1.contains("not valid before"));
    }

    #[test]
    fn a_key_of_another_certificate_and_a_missing_file_are_problems() {
        let (one, other) = (files(|_| {}), files(|_| {}));
        let mixed = certificate(&one.chain, &other.key, &[], "no-such-user");
        assert_eq!(mixed[0].verdict, Verdict::Problem, "{mixed:?}");
        let missing = certificate(Path::new("/nonexistent/chain.pem"), &one.key, &[], "no-such-user");
        assert!(missing[0].text.contains("/nonexistent/chain.pem"), "{missing:?}");
    }
}

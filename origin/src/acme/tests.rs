use std::time::{Duration, SystemTime};

use farcast_certificates::Pair;

/// A self-signed pair for these names, valid from `begin` for `lifetime`.
pub(super) fn made(names: &[&str], begin: SystemTime, lifetime: Duration) -> Pair {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.not_before = begin.into();
    params.not_after = (begin + lifetime).into();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Pair { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
}

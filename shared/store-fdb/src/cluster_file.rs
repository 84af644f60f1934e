//! Checks at the start that a file is a cluster file: FoundationDB's client would take any file and then fail every call
//! with its error 2104 (invalid connection string).
//!
//! Form: FoundationDB, "Administration", "Cluster file format": `description:id@address:port,…`, with `#` before comments;
//! each address may end in `:tls`; from 7.1 on it may be a host name. Doubtful forms are left to the client.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::error::OpenError;

/// Longest file that is read: more coordinators than any cluster has.
const MAX_BYTES: u64 = 64 * 1024;

/// Checks a file.
///
/// # Errors
/// [`OpenError::ClusterFile`] when it cannot be read, [`OpenError::ConnectionString`] when it is something else.
pub(crate) fn check(path: &Path) -> Result<(), OpenError> {
    let cannot = |source| OpenError::ClusterFile { path: path.to_owned(), source };
    let wrong = |what: String| OpenError::ConnectionString { path: path.to_owned(), what };
    let len = std::fs::metadata(path).map_err(cannot)?.len();
    if len > MAX_BYTES {
        return Err(wrong(format!("it has {len} bytes")));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not text".to_owned()))?;
    connection_string(text).map_err(wrong)
}

/// Checks a file's content; says what is wrong with it.
fn connection_string(text: &str) -> Result<(), String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let string: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    if string.is_empty() {
        return Err("it is empty".to_owned());
    }
    let (cluster, addresses) = string.split_once('@').ok_or("there is no @")?;
    let (description, id) = cluster.split_once(':').ok_or("there is no : before the @")?;
    let plain = |text: &str, also: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(&c))
    };
    if !plain(description, &['_']) {
        return Err(format!("the description {description:?} is not of letters, digits and _"));
    }
    if !plain(id, &[]) {
        return Err(format!("the id {id:?} is not of letters and digits"));
    }
    for address in addresses.split(',') {
        if !is_address(address) {
            return Err(format!("{address:?} is no address with a port"));
        }
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    let text = text.strip_suffix(":tls").unwrap_or(text);
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        // A name has a letter somewhere; otherwise it is a mistyped address.
        None if host.chars().any(|c| c.is_ascii_alphabetic()) => {
            host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
        None => host.parse::<Ipv4Addr>().is_ok(),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_servers_write_is_taken() {
        for good in [
            "test:test@127.0.0.1:4690\n",
            "# DO NOT EDIT\n# more\n\nabc_1:X9z@10.0.4.1:4500,10.0.4.2:4500,10.0.4.3:4500\n",
            "a:b@10.0.4.1:4500:tls,10.0.4.2:4500:tls # two",
            "a:b@[fd00::1]:4500,[::1]:4500:tls",
            "a:b@coordinator-0.fdb.svc.cluster.local:4500",
            "a : b @ 10.0.4.1:4500,\n 10.0.4.2:4500",
        ] {
            assert_eq!(connection_string(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn what_is_no_cluster_file_is_refused_with_what_is_wrong() {
        for (bad, expected) in [
            ("", "it is empty"),
            ("# a:b@127.0.0.1:4500\n", "it is empty"),
            ("garbage", "there is no @"),
            ("ab@127.0.0.1:4500", "there is no : before the @"),
            (":b@127.0.0.1:4500", "the description"),
            ("a:@127.0.0.1:4500", "the id"),
            ("a:b-c@127.0.0.1:4500", "the id"),
            ("a:b@", "no address"),
            ("a:b@127.0.0.1", "no address"),
            ("a:b@127.0.0.1:", "no address"),
            ("a:b@127.0.0.1:70000", "no address"),
            ("a:b@127.0.0.1:0", "no address"),
            ("a:b@127.0.0.300:4500", "no address"),
            ("a:b@127.0.0.1:4500,", "no address"),
            ("a:b@[fd00::g]:4500", "no address"),
            ("store = \"foundationdb:/etc/foundationdb/fdb.cluster\"", "there is no @"),
        ] {
            let told = connection_string(bad).unwrap_err();
            assert!(told.contains(expected), "{bad:?}: {told}");
        }
    }

    #[test]
    fn a_refusal_names_the_file_and_the_error() {
        let file = std::env::temp_dir().join(format!("farcast-{:016x}.cluster", rand::random::<u64>()));
        std::fs::write(&file, "garbage\n").unwrap();
        let told = check(&file).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        for expected in [file.to_str().unwrap(), "there is no @", "error 2104", "copied from a server"] {
            assert!(told.contains(expected), "{expected} is not in {told}");
        }
        assert!(matches!(check(&file), Err(OpenError::ClusterFile { .. })));
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_it_is_judged(text in ".{0,200}") {
            let _ = connection_string(&text);
        }

        #[test]
        fn lists_of_addresses_are_taken(
            id in "[a-zA-Z0-9]{1,32}", description in "[a-zA-Z0-9_]{1,32}",
            addresses in prop::collection::vec((any::<[u8; 4]>(), 1..=u16::MAX, any::<bool>()), 1..9),
        ) {
            let shown: Vec<_> = addresses
                .iter()
                .map(|(ip, port, tls)| format!("{}:{port}{}", Ipv4Addr::from(*ip), if *tls { ":tls" } else { "" }))
                .collect();
            let string = format!("{description}:{id}@{}\n", shown.join(","));
            prop_assert_eq!(connection_string(&string), Ok(()));
        }
    }
}

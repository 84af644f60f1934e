//! The command `join-command`: the line to paste on a machine that is to become an edge.
//!
//! Place in the flow: [`crate::program`]. It reads the join token that the running origin keeps in its data folder; the admin
//! API makes others, which are good once or for a while.

use std::io::ErrorKind;

use anyhow::{Context as _, bail};
use farcast_config::{Command, Program};
use farcast_link::JoinToken;
use farcast_link::roster::JOIN_TOKEN_FILE;
use farcast_service::program::print;

use crate::settings::Settings;

/// The command, for the help.
pub(crate) const COMMAND: Command = Command {
    name: "join-command",
    operands: &[],
    switches: &[],
    about: "Print the line to paste on a machine that is to become an edge. It carries this origin's address \
            (quic_advertise), its fingerprint and a secret: whoever has it can join until join_token_lifetime is over. \
            Without --config it is the installed service's.",
};

/// The line with which an edge joins.
#[must_use]
pub(crate) fn line(token: &JoinToken) -> String {
    format!("farcast-edge join {token}")
}

/// Prints the line. Returns the exit status: 0, or 1 where there is no token, and standard error says why.
pub(crate) fn run(program: &Program, settings: &Settings) -> u8 {
    match token(settings) {
        Ok(token) => {
            if let Some(why) = unusable(&token) {
                eprintln!("{} join-command: {why}", program.name);
            }
            print(&line(&token));
            0
        }
        Err(error) => {
            eprintln!("{} join-command: {error:#}", program.name);
            1
        }
    }
}

fn token(settings: &Settings) -> anyhow::Result<JoinToken> {
    let path = settings.data_dir.join(JOIN_TOKEN_FILE);
    let shown = path.display();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "there is no {shown}: the origin writes it when it starts (systemctl start farcast-origin); if its data \
             folder is another, give --data-dir or --config"
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{shown} is a secret of the origin: run this as root (sudo)")
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
    };
    let mut token: JoinToken =
        text.parse().with_context(|| format!("{shown} is damaged: restart the origin"))?;
    // The file has the address that the origin was started with.
    if let Some(address) = &settings.quic_advertise {
        token.addresses = vec![address.to_string()];
    }
    Ok(token)
}

/// The reason why edges on other machines cannot use the token.
fn unusable(token: &JoinToken) -> Option<String> {
    let host =
        |address: &String| address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned());
    let is_here = |host: String| {
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
    };
    let only_here = token.addresses.iter().filter_map(host).all(is_here);
    only_here.then(|| {
        "this line is for edges on this machine only: for others set quic_advertise to the name or address and the UDP \
         port by which they reach it (quic_advertise = \"origin.example.org:4433\"), and restart the origin"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use farcast_config::{Outcome, load};

    use super::*;

    fn settings(data_dir: &std::path::Path, arguments: &[&str]) -> Settings {
        let program =
            Program { name: "farcast-origin", version: "0", about: "", settings_file: "", commands: &[] };
        let mut all: Vec<OsString> = vec!["--data-dir".into(), data_dir.into()];
        all.extend(arguments.iter().map(OsString::from));
        match load(&program, all, []).unwrap() {
            Outcome::Run(loaded) => loaded.settings,
            Outcome::Print(text) => panic!("printed {text}"),
        }
    }

    #[test]
    fn the_line_carries_the_address_that_is_set_now() {
        let folder = tempfile::tempdir().unwrap();
        let error = token(&settings(folder.path(), &[])).unwrap_err().to_string();
        assert!(error.contains("the origin writes it when it starts"), "{error}");
        let kept =
            JoinToken { addresses: vec!["127.0.0.1:4433".to_owned()], fingerprint: [1; 32], secret: [2; 32] };
        std::fs::write(folder.path().join("join-token"), format!("{kept}\n")).unwrap();
        let as_kept = token(&settings(folder.path(), &[])).unwrap();
        assert_eq!(as_kept, kept);
        assert!(unusable(&as_kept).unwrap().contains("quic_advertise"));
        let named = token(&settings(folder.path(), &["--quic-advertise=origin.example:4433"])).unwrap();
        assert_eq!(
            (named.addresses.as_slice(), unusable(&named)),
            (&["origin.example:4433".to_owned()][..], None)
        );
        let text = line(&named);
        let pasted: JoinToken = text.strip_prefix("farcast-edge join ").unwrap().parse().unwrap();
        assert_eq!(pasted, named);
        std::fs::write(folder.path().join("join-token"), "x").unwrap();
        assert!(token(&settings(folder.path(), &[])).unwrap_err().to_string().contains("is damaged"));
    }
}

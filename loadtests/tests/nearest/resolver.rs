//! Viewers who are led by DNS, asked by `dig`: as a resolver that tells the viewer's network, and as one beside the viewer.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use crate::stage::Stage;
use crate::table::Table;
use crate::world::{SITES, Site, ZONE};

/// Longest time for an answer.
const LIMIT: Duration = Duration::from_secs(15);
/// The networks of the world's places have prefixes of this many bits: no answer holds for more.
const LEAST_SCOPE: u8 = 16;
/// Bits of the prefix that is told in queries.
const TOLD: u8 = 24;

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// The addresses.
    pub(crate) addresses: BTreeSet<Ipv4Addr>,
    /// For how much of the network that was told it holds, in bits of a prefix; none if no network was told.
    scope: Option<u8>,
}

/// Asks the server of a place, from a host, for a name's addresses.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn ask(
    stage: &Stage,
    host: &str,
    server: Site,
    name: &str,
    subnet: Option<String>,
) -> anyhow::Result<Answer> {
    let namespace = stage.network.namespace(host);
    let mut dig = Command::new("ip");
    dig.args(["netns", "exec", &namespace, "dig", "+noall", "+comments", "+answer", "+time=3", "+tries=3"]);
    dig.arg(subnet.map_or_else(|| "+nosubnet".to_owned(), |subnet| format!("+subnet={subnet}")));
    dig.args([&format!("@{}", server.edge_address()), name, "A"]).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(LIMIT, dig.output()).await.context("dig goes on")??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success() && text.contains("status: NOERROR"), "dig: {text}");
    read(&text)
}

fn read(text: &str) -> anyhow::Result<Answer> {
    let scope = text.lines().find_map(|line| line.strip_prefix("; CLIENT-SUBNET: "));
    let scope = scope.and_then(|told| told.rsplit('/').next()).map(str::parse).transpose()?;
    let record = |line: &str| line.split_whitespace().last().map(str::parse);
    let records = text.lines().filter(|line| !line.starts_with(';') && line.contains("\tA\t"));
    Ok(Answer { addresses: records.filter_map(record).collect::<Result<_, _>>()?, scope })
}

/// The addresses that viewers of a place are told: those of all edges near them.
pub(crate) fn wanted(place: Site) -> BTreeSet<Ipv4Addr> {
    SITES.iter().filter(|site| site.is_near(&place)).map(Site::edge_address).collect()
}

/// Addresses as people read them.
fn shown(addresses: &BTreeSet<Ipv4Addr>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Judges what all servers say to viewers of all places.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn judge(stage: &Stage, table: &mut Table) -> anyhow::Result<()> {
    for place in SITES {
        let wanted = wanted(place);
        for server in SITES {
            let told = ask(stage, &server.viewer(), server, ZONE, Some(place.subnet())).await?;
            let scope = told.scope.unwrap_or_default();
            table.note(
                &format!("dns: {} on behalf of {}", server.edge(), place.subnet()),
                &format!("{}, scope {LEAST_SCOPE} to {TOLD}", shown(&wanted)),
                format!("{}, scope {scope}", shown(&told.addresses)),
                told.addresses == wanted && (LEAST_SCOPE..=TOLD).contains(&scope),
            );
            let own = ask(stage, &place.viewer(), server, ZONE, None).await?;
            table.note(
                &format!("dns: {} by {}", server.edge(), place.viewer()),
                &shown(&wanted),
                shown(&own.addresses),
                own == Answer { addresses: wanted.clone(), scope: None },
            );
        }
        let name = format!("{}.{ZONE}", place.edge());
        let named = ask(stage, &place.viewer(), SITES[0], &name, Some(place.subnet())).await?;
        let only = BTreeSet::from([place.edge_address()]);
        table.note(
            &format!("dns: {name}"),
            &format!("{}, scope 0", shown(&only)),
            format!("{}, scope {:?}", shown(&named.addresses), named.scope),
            named == Answer { addresses: only, scope: Some(0) },
        );
    }
    Ok(())
}

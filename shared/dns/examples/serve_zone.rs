//! Serves a zone whose hosts have the same addresses for everybody, until it is interrupted: to be tried with `dig`, and
//! measured by `make bench-dns`.
//!
//!   cargo run -p farcast-dns --example serve_zone -- --zone live.example.org --address 192.0.2.1 --listen 127.0.0.1:5300

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use clap::Parser;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use farcast_dns::limits::Limits;
use farcast_dns::records::{Addresses, Client, Family, Found, Records};
use farcast_dns::server::Server;
use farcast_dns::sockets::Sockets;
use farcast_dns::zone::{Config, NameServer, Zone};
use farcast_service::listen::Purpose;

/// Serves a zone whose hosts have the same addresses for everybody.
#[derive(Parser)]
struct Arguments {
    /// The zone's name.
    #[arg(long, default_value = "live.example.org")]
    zone: String,
    /// Where queries are answered, over UDP and TCP; may be repeated.
    #[arg(long, default_value = "127.0.0.1:5300")]
    listen: Vec<SocketAddr>,
    /// An address of the zone's hosts; may be repeated.
    #[arg(long, default_value = "192.0.2.1")]
    address: Vec<IpAddr>,
    /// Answer everybody as fast as possible, as no server on the internet should.
    #[arg(long)]
    unlimited: bool,
}

struct Fixed(Vec<IpAddr>);

impl Records for Fixed {
    fn addresses(&self, host: &str, _: Client, _: Family) -> Found {
        match host {
            "" | "www" => Found::Host(Addresses { addresses: self.0.clone(), scope_prefix_len: 0 }),
            _ => Found::NoHost,
        }
    }

    fn challenges(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let name = format!("ns1.{}", arguments.zone);
    let config =
        Config::new(&arguments.zone, vec![NameServer { name, addresses: arguments.address.clone() }]);
    let mut limits = Limits::default();
    if arguments.unlimited {
        (limits.answers_per_second, limits.refusals_per_second) = (0, 0);
    }
    let sockets = Sockets::bind(Purpose::new("DNS", "listen"), &arguments.listen)?;
    eprintln!("answers at {:?}", sockets.addresses());
    let records = Arc::new(Fixed(arguments.address));
    let server = Server::new(Zone::new(&config)?, records, limits, sockets, &Registry::new())?;
    let shutdown = CancellationToken::new();
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
        shutdown.cancel();
    };
    tokio::join!(server.run(shutdown.clone()), interrupted);
    Ok(())
}

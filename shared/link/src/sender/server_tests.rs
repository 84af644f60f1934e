//! Unauthenticated peers and new edges at the same listener, over QUIC on the loopback.

use bytes::Bytes;
use quinn::Endpoint;
use tokio::task::JoinSet;

use super::*;
use crate::enrol::{EXPORTER_LABEL, Reply, Request, proof};
use crate::sender::tests::{Origin, client};
use crate::{Frames, SERVER_NAME, encode};

/// Nothing takes so long.
const LONG: Duration = Duration::from_secs(20);

/// Holds a connection of an enrolment that never comes, over and over.
async fn hold(address: std::net::SocketAddr, number: u8) {
    let endpoint = Endpoint::client(([127, 0, 9, number % 4 + 1], 0).into()).unwrap();
    loop {
        let connecting = endpoint.connect_with(client(ALPN_ENROL, None), address, SERVER_NAME).unwrap();
        if let Ok(connection) = connecting.await {
            connection.closed().await;
        }
    }
}

async fn enrol(origin: &Origin, endpoint: &Endpoint) -> Reply {
    let connecting = endpoint.connect_with(client(ALPN_ENROL, None), origin.address, SERVER_NAME).unwrap();
    let connection = connecting.await.unwrap();
    let mut session = [0; 32];
    connection.export_keying_material(&mut session, EXPORTER_LABEL, b"").unwrap();
    let request = Request {
        name: "new".to_owned(),
        proof: proof(&origin.secret(), &session),
        public_key: Bytes::copy_from_slice(rcgen::KeyPair::generate().unwrap().public_key_raw()),
    };
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&encode(&request).unwrap()).await.unwrap();
    let mut frames = Frames::new();
    loop {
        if let Some(reply) = frames.next_message().unwrap() {
            connection.close(0_u32.into(), b"");
            return reply;
        }
        frames.feed(&receive.read_chunk(4096, true).await.unwrap().expect("an answer").bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_hold_connections_keep_no_new_edge_out() {
    let origin = Origin::start();
    let mut strangers = JoinSet::new();
    for number in 0..100 {
        strangers.spawn(hold(origin.address, number));
    }
    let metrics = origin.channels.metrics().clone();
    let full = async {
        while metrics.joins("evicted") + metrics.joins("refused") < 40 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, full).await.expect("all places are taken");
    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
    for round in 0..5 {
        let reply = tokio::time::timeout(LONG, enrol(&origin, &endpoint)).await.expect("an answer");
        assert!(matches!(reply, Reply::Enrolled { .. }), "round {round}: {reply:?}");
    }
    strangers.shutdown().await;
    origin.stop(Vec::new()).await;
}

//! Tests of asking.

use quinn::SendStream;

use super::*;
use crate::sender::tests::{LONG, Origin, say};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_edges_are_asked_and_those_that_left_are_not() {
    let origin = Origin::start();
    let here = origin
        .edge(|ask, send| async move {
            let Ask::Tell { client, name, body } = ask else { panic!("{ask:?}") };
            say(send, &(client == 7 && name == "Ada" && body == "<p>x</p>").to_string()).await;
        })
        .await;
    let elsewhere = origin.edge(|_, send| say(send, "false")).await;
    let left = origin.edge(|_, send| say(send, "true")).await;
    origin.until_edges(3).await;
    left.leave().await;
    origin.until_edges(2).await;
    let ask = Ask::Tell { client: 7, name: "Ada".to_owned(), body: "<p>x</p>".to_owned() };
    let mut told = origin.channels.edges().ask_all::<bool>(&ask).await;
    told.answers.sort_unstable();
    assert_eq!((told.answers, told.failed), (vec![false, true], 0));
    origin.stop(vec![here, elsewhere]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_that_fail_are_left_out_and_counted() {
    let origin = Origin::start();
    let mut edges = Vec::new();
    edges.push(origin.edge(|_, send| say(send, "[1]")).await);
    edges.push(origin.edge(|_, send| say(send, "[1")).await);
    edges.push(origin.edge(|_, send| say(send, "true")).await);
    edges.push(origin.edge(|_, mut send: SendStream| async move { send.reset(1_u32.into()).unwrap() }).await);
    // One that keeps the stream and says nothing.
    edges.push(
        origin
            .edge(|_, send| async move {
                // The origin gives up.
                let _ = send.stopped().await;
            })
            .await,
    );
    edges.push(
        origin
            .edge(|_, mut send| async move {
                // The origin stops reading.
                let _ = send.write_all(&vec![b'1'; MAX_ANSWER_BYTES + 1]).await;
            })
            .await,
    );
    origin.until_edges(6).await;
    let began = std::time::Instant::now();
    let asked = tokio::time::timeout(LONG, origin.channels.edges().ask_all::<Vec<u32>>(&Ask::Clients));
    let asked = asked.await.expect("it has a deadline");
    assert_eq!((asked.answers, asked.failed), (vec![vec![1]], 5));
    assert!(began.elapsed() < DEADLINE + Duration::from_secs(3), "all at once");
    origin.stop(edges).await;
}

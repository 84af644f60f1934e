//! Questions that are asked from within a namespace.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::oneshot;

/// Longest work; what is asked has shorter deadlines of its own.
const LIMIT: Duration = Duration::from_secs(180);

/// Does `work` in a namespace: on a thread of its own, which no other work ever shares, since a thread that has moved there
/// stays there. The work goes on if the answer is not waited for, until its own deadline.
pub(crate) async fn inside<T, W, F>(namespace: String, work: W) -> anyhow::Result<T>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
    T: Send + 'static,
{
    let file = Path::new("/run/netns").join(&namespace);
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name(namespace).spawn(move || {
        // Who asked may wait no more.
        let _ = sender.send(enter(&file).and_then(|()| blocking(work)));
    })?;
    receiver.await.context("the thread has ended")?
}

fn enter(file: &Path) -> anyhow::Result<()> {
    let file = File::open(file).with_context(|| file.display().to_string())?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

fn blocking<T, F: Future<Output = anyhow::Result<T>>>(work: impl FnOnce() -> F) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(LIMIT, work()).await.context("not in time")? })
}

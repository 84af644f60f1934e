//! Pinging while the conditions last.

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::policy::{Conditions, Policy, Report, Step};
use super::registration::{Directory, DirectoryError};

/// The sender of pings; tests have their own.
pub(super) trait Ping {
    fn ping(&self, server_url: &str) -> impl Future<Output = Result<(), DirectoryError>> + Send;
}

impl Ping for Directory {
    async fn ping(&self, server_url: &str) -> Result<(), DirectoryError> {
        Directory::ping(self, server_url).await
    }
}

impl Directory {
    /// Pings while the conditions last, until `shutdown` or until nobody sets them any more. A ping on its way is given
    /// up then. Cancel safe.
    pub async fn run(self, conditions: watch::Receiver<Conditions>, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(keep_listed(&self, conditions)).await;
    }
}

pub(super) async fn keep_listed(directory: &impl Ping, mut conditions: watch::Receiver<Conditions>) {
    let mut policy = Policy::default();
    loop {
        let current = conditions.borrow_and_update().clone();
        let wait = match policy.next(&current, Instant::now().into_std()) {
            Step::Ping => {
                policy.began(Instant::now().into_std());
                report(&mut policy, directory.ping(&current.server_url).await);
                continue;
            }
            Step::WaitUntil(time) => Some(time),
            Step::Wait => None,
        };
        let due = async {
            match wait {
                Some(time) => tokio::time::sleep_until(time.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            changed = conditions.changed() => if changed.is_err() { return },
        }
    }
}

fn report(policy: &mut Policy, outcome: Result<(), DirectoryError>) {
    let outcome = outcome.map_err(|error| error.to_string());
    match (policy.ended(outcome.clone()), outcome) {
        (Report::Works, _) => tracing::info!("the directory lists this server"),
        (Report::Fails, Err(error)) => tracing::warn!(%error, "the directory does not list this server"),
        _ => {}
    }
}

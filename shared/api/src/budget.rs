//! Memory for request bodies: one budget for the whole process.
//!
//! Place in the flow: [`super::body::read`] takes from it as bytes arrive, before it keeps them. The share comes back when
//! the body is dropped, which is after its request was answered.
//!
//! Invariants: all bodies together never take more than the budget, those of one network never more than a quarter of
//! it, so that no single client keeps everybody else's requests out. Requests from this machine have the whole of it:
//! behind a proxy that is not configured they are everybody's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{IntCounterVec, IntGauge, Registry};

use farcast_config::ByteSize;
use farcast_config::network;
use farcast_telemetry::make::Make as _;

/// The least budget that makes sense: a quarter of it holds the largest body, 2 MiB and a little.
pub const MIN_BUDGET: ByteSize = ByteSize::from_mebibytes(16);

/// The part of the budget that one network may take: 4 is a quarter.
const NETWORKS_SHARE: usize = 4;

/// The budget of a process.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    taken: Mutex<Taken>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    /// Only networks that hold something are here, so the budget bounds their number too.
    networks: HashMap<IpAddr, usize>,
}

/// The reason why nothing more can be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exhausted {
    /// All of the budget is taken.
    Process,
    /// The part that one network may take is.
    Network,
}

impl Exhausted {
    const fn label(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Network => "network",
        }
    }
}

/// Handles of the budget's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    taken: IntGauge,
    refused: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            taken: registry.gauge("farcast_http_body_bytes", "Memory that request bodies take now.")?,
            refused: registry.counters_of(
                "farcast_http_refused_bodies_total",
                "Request bodies that were refused for want of memory: of the process, or of the sender's network.",
                "reason",
                &[Exhausted::Process, Exhausted::Network].map(Exhausted::label),
            )?,
        })
    }
}

impl Budget {
    /// A budget of which nothing is taken.
    #[must_use]
    pub fn new(size: ByteSize, metrics: Metrics) -> Arc<Self> {
        let bytes = usize::try_from(size.bytes()).unwrap_or(usize::MAX);
        Arc::new(Self { bytes, taken: Mutex::default(), metrics })
    }

    /// The share of a body that `address` sends; empty at first.
    #[must_use]
    pub fn share(self: &Arc<Self>, address: IpAddr) -> Share {
        let network = (!network::is_this_machine(address)).then(|| network::of(address));
        Share { budget: Arc::clone(self), network, bytes: 0 }
    }

    fn take(&self, network: Option<IpAddr>, bytes: usize) -> Result<(), Exhausted> {
        let mut taken = self.lock();
        let refused = if bytes > self.bytes.saturating_sub(taken.bytes) {
            Some(Exhausted::Process)
        } else {
            network.and_then(|network| {
                let left = (self.bytes / NETWORKS_SHARE)
                    .saturating_sub(taken.networks.get(&network).copied().unwrap_or(0));
                (bytes > left).then_some(Exhausted::Network)
            })
        };
        if let Some(refused) = refused {
            self.metrics.refused.with_label_values(&[refused.label()]).inc();
            return Err(refused);
        }
        taken.bytes += bytes;
        if let Some(network) = network.filter(|_| bytes > 0) {
            *taken.networks.entry(network).or_default() += bytes;
        }
        self.show(&taken);
        Ok(())
    }

    fn give_back(&self, network: Option<IpAddr>, bytes: usize) {
        let mut taken = self.lock();
        taken.bytes = taken.bytes.saturating_sub(bytes);
        if let Some(network) = network
            && let Some(of_network) = taken.networks.get_mut(&network)
        {
            *of_network = of_network.saturating_sub(bytes);
            if *of_network == 0 {
                taken.networks.remove(&network);
            }
        }
        self.show(&taken);
    }

    fn show(&self, taken: &Taken) {
        self.metrics.taken.set(i64::try_from(taken.bytes).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of the budget that one body has taken. It comes back when this is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    network: Option<IpAddr>,
    bytes: usize,
}

impl Share {
    /// Takes more.
    ///
    /// # Errors
    /// The reason why there is no memory for more; nothing was taken then.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.budget.take(self.network, bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.give_back(self.network, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(mebibytes: u64) -> Arc<Budget> {
        Budget::new(ByteSize::from_mebibytes(mebibytes), Metrics::new(&Registry::new()).unwrap())
    }

    #[test]
    fn all_bodies_together_take_no_more_than_the_budget_and_give_it_back() {
        let budget = budget(1);
        let mut shares: Vec<Share> =
            (0..4_u8).map(|number| budget.share(IpAddr::from([192, 0, 2, number]))).collect();
        for share in &mut shares {
            share.grow(256 << 10).unwrap();
        }
        let mut more = budget.share(IpAddr::from([192, 0, 2, 9]));
        assert_eq!(more.grow(1), Err(Exhausted::Process));
        drop(shares.pop());
        more.grow(256 << 10).unwrap();
        drop((shares, more));
        let taken = budget.lock();
        assert_eq!((taken.bytes, taken.networks.len()), (0, 0));
    }

    #[test]
    fn one_network_takes_no_more_than_its_part_but_this_machine_may() {
        let budget = budget(1);
        let mut stranger = budget.share("2001:db8::1".parse().unwrap());
        stranger.grow(256 << 10).unwrap();
        // Another address of the same network, and of the network of a neighbour.
        let mut same = budget.share("2001:db8::2".parse().unwrap());
        assert_eq!(same.grow(1), Err(Exhausted::Network));
        budget.share("2001:db8:0:1::1".parse().unwrap()).grow(1).unwrap();
        for local in ["127.0.0.1", "::1"] {
            budget.share(local.parse().unwrap()).grow(700 << 10).unwrap();
        }
        assert_eq!(budget.metrics.refused.with_label_values(&["network"]).get(), 1);
    }
}

//! Which edge a player that plays already is to use: the one that it uses, unless another is much better.
//!
//! A player that changes its edge loads playlists anew and may stall. hls.js moves whenever another pathway comes first,
//! and leaves one that failed by itself, for five minutes (two in the specification, RFC 8216bis §7.5): it skips that
//! pathway wherever it stands, so the manifest need not know.

use crate::cost::{Fault, Faults};
use crate::edge_id::EdgeId;
use crate::rank::{Place, Ranking};

/// Points by which another edge must be cheaper for a player to move there. More than a busy edge costs: if it were not, all
/// players of an edge would leave it together as soon as it is busy, and make the next one busy.
pub const STEER_MARGIN: u16 = 30;

/// The edge that comes first for a player that uses `current`. The ranking is to have been asked for `current`, too.
///
/// - `current` stays unless it has a fault that the best edge has not, or the best is cheaper by [`STEER_MARGIN`].
/// - That `current` is full is no such fault: it keeps those whom it has, and takes no more.
/// - If `is_starved` (the throughput that the player sees there does not carry the broadcast), any cheaper edge is
///   taken, and being full is a fault.
#[must_use]
pub fn first<'a>(ranking: &'a Ranking, current: Option<&EdgeId>, is_starved: bool) -> Option<&'a Place> {
    let best = ranking.best()?;
    let Some(own) = current.and_then(|edge| ranking.place(edge)) else { return Some(best) };
    let excused = |faults: Faults| if is_starved { faults } else { faults.without(Fault::Full) };
    let (own_faults, best_faults) = (excused(own.faults), excused(best.faults));
    let margin = if is_starved { 1 } else { STEER_MARGIN };
    let is_better = own_faults > best_faults
        || own_faults == best_faults && own.total >= best.total.saturating_add(margin);
    // The pin of a viewer makes the best one so whatever it costs.
    let is_pinned = ranking.pinned.as_ref() == Some(&best.edge) && best.faults.is_empty();
    Some(if is_better || is_pinned { best } else { own })
}

#[cfg(test)]
#[path = "first_tests.rs"]
mod tests;

//! Weighted rendezvous hashing: each viewer has an order of all edges of their own, which every process computes alike. An
//! edge stands first for a share of the viewers that is as its weight, and when it goes, only these get another.
//!
//! The draw of an edge is an exponentially distributed number by its weight; the least wins. It is computed without the
//! platform's logarithm, whose last bit may differ from one machine to the next.

use std::net::IpAddr;

/// Least and most weight: no edge draws all viewers of a region by what it says of itself.
const WEIGHT: std::ops::RangeInclusive<u64> = 1..=100_000;

/// The weight of an edge whose capacity is unknown, in viewers.
const UNKNOWN_WEIGHT: u64 = 1_000;

/// What a viewer takes, to compare egress with connections.
const VIEWER_BPS: u64 = 5_000_000;

/// The weight of a capacity, in viewers: the scarcer of connections and egress.
pub(crate) fn weight(connections: Option<u64>, egress_bps: Option<u64>) -> u32 {
    let egress = egress_bps.map(|bps| bps / VIEWER_BPS);
    let viewers = match (connections, egress) {
        (Some(connections), Some(egress)) => connections.min(egress),
        (one, other) => one.or(other).unwrap_or(UNKNOWN_WEIGHT),
    };
    u32::try_from(viewers.clamp(*WEIGHT.start(), *WEIGHT.end())).unwrap_or(u32::MAX)
}

/// A number for an edge, of its id.
pub(crate) fn of_edge(id: &str) -> u64 {
    id.bytes().fold(mixed(id.len() as u64), |hash, byte| mixed(hash ^ u64::from(byte)))
}

/// A number for a viewer: of the whole IPv4 address, or of the first 64 bits of an IPv6 address, which belong to one
/// household (RFC 6177). An IPv4 address mapped into IPv6 is the IPv4 address.
pub(crate) fn of_viewer(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => mixed(u64::from(v4.to_bits()) | 1 << 32),
        IpAddr::V6(v6) => mixed((v6.to_bits() >> 64) as u64),
    }
}

/// An edge's draw for a viewer: the least wins. Positive, so that the bits of two draws order as the draws do.
pub(crate) fn draw(viewer: u64, edge: u64, weight: u32) -> f64 {
    minus_log2(mixed(viewer ^ edge.rotate_left(32))) / f64::from(weight)
}

/// Changes every bit with about every bit of the number: two rounds of multiplying and folding the upper half down.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let number = (number ^ number >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    number ^ number >> 32
}

/// −log₂ of a hash as a number between 0 and 1, never 0 itself, within 10⁻⁵. Only of operations that IEEE 754 makes exact
/// to the last bit: the power of two from the leading zeros, the rest by the series of the inverse hyperbolic tangent.
fn minus_log2(hash: u64) -> f64 {
    let hash = hash | 1;
    let zeros = hash.leading_zeros();
    // Between 1 and 2: 52 bits below the leading one.
    let bits = (hash << zeros) >> 11;
    let mantissa = bits as f64 / (1_u64 << 52) as f64;
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0)));
    let log2 = 2.0 * std::f64::consts::LOG2_E * ratio * series;
    (f64::from(zeros) + 1.0 - log2).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_draws() {
        // What another machine must compute as well: the bits, not a rounded text.
        let viewer = of_viewer("192.0.2.7".parse().unwrap());
        let draws =
            ["frankfurt-1", "virginia-1", "singapore-1"].map(|id| draw(viewer, of_edge(id), 1000).to_bits());
        assert_eq!(draws, [0x3f67_f398_1e50_df36, 0x3f36_a41c_7ff2_2b4a, 0x3f53_b582_8e4d_1e01]);
    }

    #[test]
    fn a_household_is_one_viewer_and_two_addresses_of_version_four_are_two() {
        let of = |text: &str| of_viewer(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn viewers_are_shared_out_by_weight() {
        let edges =
            [("a", 1000), ("b", 3000), ("c", 1000), ("d", 5000)].map(|(id, weight)| (of_edge(id), weight));
        let mut first = [0_u32; 4];
        for number in 0..20_000_u32 {
            let viewer = of_viewer(IpAddr::from(number.to_be_bytes()));
            let draws = edges.map(|(edge, weight)| draw(viewer, edge, weight));
            let least = (0..4).min_by(|&a, &b| draws[a].total_cmp(&draws[b])).unwrap();
            first[least] += 1;
        }
        for (share, expected) in first.into_iter().zip([2_000, 6_000, 2_000, 10_000]) {
            // Four standard deviations of the largest are 283.
            assert!(u32::abs_diff(share, expected) < 300, "{first:?}");
        }
    }

    #[test]
    fn a_weight_is_the_scarcer_capacity_within_bounds() {
        assert_eq!(weight(None, None), 1_000);
        assert_eq!(weight(Some(500), Some(10_000_000_000)), 500);
        assert_eq!(weight(Some(50_000), Some(10_000_000_000)), 2_000);
        assert_eq!(weight(Some(0), None), 1);
        assert_eq!(weight(Some(u64::MAX), None), 100_000);
    }

    proptest! {
        #[test]
        fn the_logarithm_is_one(hash: u64, shift in 0u32..64) {
            let hash = hash >> shift;
            let expected = 64.0 - (hash as f64).max(1.0).log2();
            prop_assert!((minus_log2(hash) - expected).abs() < 1e-5 + 2.0 / (hash as f64 + 1.0), "{hash}");
        }

        #[test]
        fn less_weight_is_a_later_place(viewer: u64, edge: u64, a in 1u32..100_000, b in 1u32..100_000) {
            prop_assume!(a < b);
            prop_assert!(draw(viewer, edge, a) > draw(viewer, edge, b));
            prop_assert!(draw(viewer, edge, b) > 0.0);
        }
    }
}

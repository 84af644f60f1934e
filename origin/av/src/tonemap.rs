//! Pictures of high dynamic range (PQ and HLG, ITU-R BT.2100) made into BT.709 of 8 bits.
//!
//! All of the mathematics is in a table of 65 × 33 × 33 nodes over luma and chroma, computed once per transfer
//! characteristic and interpolated per sample, in integers. That is about a third of the CPU of zscale and tonemap,
//! needs neither of them nor a GPU, and gives the same picture everywhere. Light above 1000 cd/m² is clipped, the
//! nominal peak of HLG and the usual one of PQ; reference white (203 cd/m², BT.2408) becomes about 90 %. Metadata
//! of a mastering display are not looked at. Matrix and primaries are taken for BT.2020's, as BT.2100 demands. Between
//! nodes a bright saturated colour is off by up to 7 of 255 values in luma and 8 in chroma, where the knee and the edge of
//! BT.709's colours bend what is interpolated; greys stay grey.

use std::sync::OnceLock;

use crate::colour::Hdr;
use crate::error::Error;
use crate::frame::VideoFrame;
use crate::planes::{DeepPicture, FlatPicture};

/// Nodes over luma: a step is 16 of 1024 values.
const LUMA_NODES: usize = 65;
/// Nodes over each chroma: a step is 32 values.
const CHROMA_NODES: usize = 33;
/// Sixty-fourths of an 8-bit value are kept in the table.
const FRACTION_BITS: u32 = 6;
/// Light that is white in BT.709, in cd/m² (BT.2408 §2.2).
const SDR_PEAK: f64 = 203.0;
/// Light beyond which is clipped, in cd/m².
const HDR_PEAK: f64 = 1000.0;
/// The greatest value of PQ, in cd/m².
const PQ_PEAK: f64 = 10_000.0;

/// Makes an 8-bit picture of BT.709 and limited range of one of [`crate::planes::DEEP`] and limited range.
pub(crate) fn tone_map(frame: &VideoFrame, hdr: Hdr) -> Result<VideoFrame, Error> {
    let input = DeepPicture::of(frame).ok_or(Error::Invalid("picture to map tones of"))?;
    let table = Table::of(hdr);
    let mut out = FlatPicture::like(frame)?;
    for pair in 0..input.pairs() {
        let [top, bottom, blue, red] = input.pair(pair);
        let [top_out, bottom_out, blue_out, red_out] = out.pair(pair);
        let lumas = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        let lumas_out = top_out.chunks_exact_mut(2).zip(bottom_out.chunks_exact_mut(2));
        let chroma_out = blue_out.iter_mut().zip(red_out);
        let blocks = lumas.zip(blue.iter().zip(red)).zip(lumas_out.zip(chroma_out));
        for (((top, bottom), (&blue, &red)), ((top_out, bottom_out), (blue_out, red_out))) in blocks {
            let cell = table.cell(blue, red);
            for (out, luma) in top_out.iter_mut().zip(top).chain(bottom_out.iter_mut().zip(bottom)) {
                *out = cell.luma(*luma);
            }
            let sum: u32 = top.iter().chain(bottom).map(|&luma| u32::from(luma)).sum();
            [*blue_out, *red_out] = cell.chroma(u16::try_from(sum / 4).unwrap_or(u16::MAX));
        }
    }
    Ok(out.finish())
}

/// The table's columns for a pair of chroma values: those of the four nodes around it, with weights that add up to
/// 1024.
struct Cell<'a> {
    luma: [&'a [u16; LUMA_NODES]; 4],
    chroma: [&'a [[u16; 2]; LUMA_NODES]; 4],
    weights: [u32; 4],
}

impl Cell<'_> {
    fn luma(&self, luma: u16) -> u8 {
        let (node, rest) = split(luma);
        let mut sum = 0;
        for (nodes, weight) in self.luma.into_iter().zip(self.weights) {
            sum += weight * (u32::from(nodes[node]) * (16 - rest) + u32::from(nodes[node + 1]) * rest);
        }
        narrow(sum)
    }

    fn chroma(&self, luma: u16) -> [u8; 2] {
        let (node, rest) = split(luma);
        let mut sums = [0; 2];
        for (nodes, weight) in self.chroma.into_iter().zip(self.weights) {
            let (low, high) = (nodes[node], nodes[node + 1]);
            for (sum, (low, high)) in sums.iter_mut().zip(low.into_iter().zip(high)) {
                *sum += weight * (u32::from(low) * (16 - rest) + u32::from(high) * rest);
            }
        }
        sums.map(narrow)
    }
}

struct Table {
    luma: Vec<[u16; LUMA_NODES]>,
    chroma: Vec<[[u16; 2]; LUMA_NODES]>,
}

impl Table {
    fn of(hdr: Hdr) -> &'static Self {
        static PQ: OnceLock<Table> = OnceLock::new();
        static HLG: OnceLock<Table> = OnceLock::new();
        match hdr {
            Hdr::Pq => &PQ,
            Hdr::Hlg => &HLG,
        }
        .get_or_init(|| Self::compute(hdr))
    }

    fn compute(hdr: Hdr) -> Self {
        let mut table = Self { luma: Vec::new(), chroma: Vec::new() };
        for column in 0..CHROMA_NODES * CHROMA_NODES {
            let (blue, red) = (column / CHROMA_NODES * 32, column % CHROMA_NODES * 32);
            let (mut luma, mut chroma) = ([0; LUMA_NODES], [[0; 2]; LUMA_NODES]);
            for node in 0..LUMA_NODES {
                let mapped = exact(hdr, [node as f64 * 16.0, blue as f64, red as f64]);
                let [y, b, r] = mapped.map(|value| (value * f64::from(1 << FRACTION_BITS)).round() as u16);
                (luma[node], chroma[node]) = (y, [b, r]);
            }
            table.luma.push(luma);
            table.chroma.push(chroma);
        }
        table
    }

    fn cell(&self, blue: u16, red: u16) -> Cell<'_> {
        let (blue, red) = (usize::from(blue.min(1023)), usize::from(red.min(1023)));
        let (b, r) = ((blue % 32) as u32, (red % 32) as u32);
        let first = (blue / 32) * CHROMA_NODES + red / 32;
        let columns = [first, first + 1, first + CHROMA_NODES, first + CHROMA_NODES + 1];
        Cell {
            luma: columns.map(|column| &self.luma[column]),
            chroma: columns.map(|column| &self.chroma[column]),
            weights: [(32 - b) * (32 - r), (32 - b) * r, b * (32 - r), b * r],
        }
    }
}

fn split(luma: u16) -> (usize, u32) {
    let luma = luma.min(1023);
    (usize::from(luma / 16), u32::from(luma % 16))
}

/// An 8-bit value of a sum of weights of 1024 × 16, rounded.
fn narrow(sum: u32) -> u8 {
    const SHIFT: u32 = 10 + 4 + FRACTION_BITS;
    u8::try_from((sum + (1 << (SHIFT - 1))) >> SHIFT).unwrap_or(u8::MAX)
}

/// The function that the table approximates: 10-bit BT.2020 luma and chroma to 8-bit BT.709, both of limited range.
fn exact(hdr: Hdr, [luma, blue, red]: [f64; 3]) -> [f64; 3] {
    let (y, cb, cr) = ((luma - 64.0) / 876.0, (blue - 512.0) / 896.0, (red - 512.0) / 896.0);
    let signal = [y + 1.4746 * cr, y - 0.164_553 * cb - 0.571_353 * cr, y + 1.8814 * cb];
    let light = displayed(hdr, signal.map(|value| value.clamp(0.0, 1.0)));
    let brightest = light.into_iter().fold(0.0, f64::max);
    let gain = if brightest > 0.0 { compress(brightest) / brightest / SDR_PEAK } else { 0.0 };
    let [r, g, b] = within(to_bt709(light.map(|value| value * gain))).map(|value| value.powf(1.0 / 2.4));
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let chroma = |value: f64, scale: f64| 128.0 + 224.0 * (value - y) / scale;
    [16.0 + 219.0 * y, chroma(b, 1.8556), chroma(r, 1.5748)]
}

/// Light of a display in cd/m² (BT.2100 tables 4 and 5; HLG on a display of 1000 cd/m²).
fn displayed(hdr: Hdr, signal: [f64; 3]) -> [f64; 3] {
    match hdr {
        Hdr::Pq => signal.map(pq_light),
        Hdr::Hlg => {
            let scene = signal.map(hlg_scene);
            let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
            scene.map(|value| HDR_PEAK * value * luminance.powf(0.2))
        }
    }
}

const M1: f64 = 2610.0 / 16_384.0;
const M2: f64 = 2523.0 / 32.0;
const C1: f64 = 3424.0 / 4096.0;
const C2: f64 = 2413.0 / 128.0;
const C3: f64 = 2392.0 / 128.0;

fn pq_light(signal: f64) -> f64 {
    let root = signal.powf(1.0 / M2);
    PQ_PEAK * ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

fn pq_signal(light: f64) -> f64 {
    let root = (light / PQ_PEAK).powf(M1);
    ((C1 + C2 * root) / (1.0 + C3 * root)).powf(M2)
}

fn hlg_scene(signal: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - C) / A).exp() + B) / 12.0 }
}

/// Light up to [`HDR_PEAK`] into light up to [`SDR_PEAK`]: as it is in the dark, with a soft knee above (the
/// function of Report ITU-R BT.2390, §5.4.1, in PQ).
fn compress(light: f64) -> f64 {
    let peak = pq_signal(HDR_PEAK);
    let most = pq_signal(SDR_PEAK) / peak;
    let knee = 1.5 * most - 0.5;
    let value = (pq_signal(light) / peak).min(1.0);
    if value < knee {
        return light;
    }
    let t = (value - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let bent = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (3.0 * t2 - 2.0 * t3) * most;
    pq_light(bent * peak)
}

/// Primaries of BT.2020 to those of BT.709 (Report ITU-R BT.2407).
fn to_bt709([r, g, b]: [f64; 3]) -> [f64; 3] {
    [
        1.6605 * r - 0.5876 * g - 0.0728 * b,
        -0.1246 * r + 1.1329 * g - 0.0083 * b,
        -0.0182 * r - 0.1006 * g + 1.1187 * b,
    ]
}

/// Colours that BT.709 does not have lose saturation, not brightness.
fn within(colour: [f64; 3]) -> [f64; 3] {
    let grey = (0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]).clamp(0.0, 1.0);
    let mut keep: f64 = 1.0;
    for value in colour {
        if value < 0.0 {
            keep = keep.min(grey / (grey - value));
        } else if value > 1.0 {
            keep = keep.min((1.0 - grey) / (value - grey));
        }
    }
    colour.map(|value| (grey + (value - grey) * keep).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(hdr: Hdr, luma: u16, blue: u16, red: u16) -> [u8; 3] {
        let cell = Table::of(hdr).cell(blue, red);
        let [b, r] = cell.chroma(luma);
        [cell.luma(luma), b, r]
    }

    #[test]
    fn greys_stay_grey_grow_and_lie_where_the_standards_put_them() {
        for hdr in [Hdr::Pq, Hdr::Hlg] {
            let greys: Vec<_> = (0..1024).map(|luma| mapped(hdr, luma, 512, 512)).collect();
            assert!(greys.iter().all(|[_, b, r]| (*b, *r) == (128, 128)), "{hdr:?}");
            assert!(greys.is_sorted_by_key(|grey| grey[0]), "{hdr:?}");
            assert_eq!((greys[64][0], greys[940][0]), (16, 235), "{hdr:?}");
        }
        // 10-bit codes of reference white (58 % of PQ, 75 % of HLG) and of a grey card (38 %).
        let white = [mapped(Hdr::Pq, 573, 512, 512)[0], mapped(Hdr::Hlg, 721, 512, 512)[0]];
        assert!(white.iter().all(|white| (205..=220).contains(white)), "{white:?}");
        let card = [mapped(Hdr::Pq, 397, 512, 512)[0], mapped(Hdr::Hlg, 397, 512, 512)[0]];
        assert!(card.iter().all(|card| (95..=122).contains(card)), "{card:?}");
    }

    #[test]
    fn the_table_is_within_seven_values_of_luma_and_eight_of_chroma_of_what_it_approximates() {
        for hdr in [Hdr::Pq, Hdr::Hlg] {
            for luma in (64..=940).step_by(7) {
                for (blue, red) in [(512, 512), (500, 530), (540, 505), (470, 560)] {
                    let table = mapped(hdr, luma, blue, red);
                    let wanted = exact(hdr, [luma, blue, red].map(f64::from));
                    for ((got, wanted), most) in table.into_iter().zip(wanted).zip([7.0, 8.0, 8.0]) {
                        let off = (f64::from(got) - wanted).abs();
                        assert!(off <= most, "{hdr:?} {luma} {blue} {red}: {got} for {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_value_leaves_the_table() {
        for value in [0, 31, 32, 1023, 1024, u16::MAX] {
            for luma in [0, 15, 16, 1023, u16::MAX] {
                let _ = mapped(Hdr::Pq, luma, value, value);
            }
        }
    }
}

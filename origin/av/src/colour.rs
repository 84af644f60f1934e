//! Colour descriptions, and which of them are high dynamic range.

use ffmpeg_next::ffi;

/// Rows from which players take a picture of unknown colour for BT.709, not BT.601.
pub(crate) const HD_ROWS: u32 = 720;

/// Colour description that travels from decoder to encoder (H.273 code points, opaque here).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour {
    pub(crate) primaries: ffi::AVColorPrimaries,
    pub(crate) transfer: ffi::AVColorTransferCharacteristic,
    pub(crate) matrix: ffi::AVColorSpace,
    pub(crate) location: ffi::AVChromaLocation,
}

impl Colour {
    /// BT.709, in which most video is made.
    pub const BT709: Self = Self {
        primaries: ffi::AVColorPrimaries::AVCOL_PRI_BT709,
        transfer: ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT709,
        matrix: ffi::AVColorSpace::AVCOL_SPC_BT709,
        location: ffi::AVChromaLocation::AVCHROMA_LOC_UNSPECIFIED,
    };
    /// Nothing is said.
    pub const UNSPECIFIED: Self = Self {
        primaries: ffi::AVColorPrimaries::AVCOL_PRI_UNSPECIFIED,
        transfer: ffi::AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED,
        matrix: ffi::AVColorSpace::AVCOL_SPC_UNSPECIFIED,
        location: ffi::AVChromaLocation::AVCHROMA_LOC_UNSPECIFIED,
    };

    /// Primaries, transfer characteristics and matrix coefficients as ITU-T H.273 numbers them.
    #[must_use]
    pub fn code_points(self) -> (u8, u8, u8) {
        let code = |number: u32| u8::try_from(number).unwrap_or(2);
        (code(self.primaries as u32), code(self.transfer as u32), code(self.matrix as u32))
    }

    /// The colours of a picture of `height` rows after [`crate::Scaler`] made one of `scaled_height` of it. High
    /// dynamic range and RGB become BT.709. Where nothing is said players go by the size, so it must be said if a
    /// scaler takes a picture from one side of that border to the other.
    #[must_use]
    pub fn scaled(self, height: u32, scaled_height: u32) -> Self {
        let location = self.location;
        let silent = Self { location, ..Self::UNSPECIFIED } == self;
        if self.hdr().is_some() || silent && height >= HD_ROWS && scaled_height < HD_ROWS {
            return Self { location, ..Self::BT709 };
        }
        let rgb = self.matrix == ffi::AVColorSpace::AVCOL_SPC_RGB;
        Self { matrix: if rgb { ffi::AVColorSpace::AVCOL_SPC_BT709 } else { self.matrix }, ..self }
    }

    pub(crate) fn hdr(self) -> Option<Hdr> {
        match self.transfer {
            ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE2084 => Some(Hdr::Pq),
            ffi::AVColorTransferCharacteristic::AVCOL_TRC_ARIB_STD_B67 => Some(Hdr::Hlg),
            _ => None,
        }
    }
}

impl Default for Colour {
    fn default() -> Self {
        Self::UNSPECIFIED
    }
}

/// A transfer characteristic of high dynamic range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hdr {
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

//! Tests of the HLS model.

//! CMAF (ISO/IEC 23000-19) initialisation sections and chunks.

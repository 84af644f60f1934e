//! Where segments begin, for all variants at once.

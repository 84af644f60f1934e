//! Loading and judging Farcast from outside.

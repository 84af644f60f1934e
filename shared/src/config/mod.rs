//! Reading configuration: defaults, file, environment, flags.

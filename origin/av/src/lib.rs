//! A safe shell around libav (ffmpeg-next): decoders, scalers, encoders, hardware contexts, log.

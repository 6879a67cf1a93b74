//! Any bytes as the property `http_framing` takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| s3_build_cache::properties::http_framing(data));

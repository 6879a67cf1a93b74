//! Any bytes as the property `registry_route` takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| s3_build_cache::properties::registry_route(data));

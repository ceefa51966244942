#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mistgate_tests::targets::proxy_v2(data));

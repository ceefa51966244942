#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mistgate_tests::targets::page(data));

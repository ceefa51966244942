#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mistgate_tests::targets::python_literals(data));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| greenroom::transfer::fuzzing::header(data));

//! One fuzz target of each format: `cargo +nightly fuzz run wav`. What is run is `plasticity_tests::fuzz`, whose corpus the
//! tests replay on stable Rust.

pub use libfuzzer_sys;
pub use plasticity_tests;

/// The body of a target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        thread_local! {
            static READER: $crate::plasticity_tests::fuzz::Reader =
                $crate::plasticity_tests::fuzz::Reader::new($name).expect("a target and a temporary folder");
        }
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            let _ = READER.with(|reader| reader.read(data));
        });
    };
}

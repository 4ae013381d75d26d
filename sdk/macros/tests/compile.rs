//! Each common mistake gets an error that says how to fix it.

#[test]
fn mistakes_get_expected_errors() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}

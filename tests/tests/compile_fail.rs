//! The mistakes that people make: the compiler's answer must point at the argument and say what is
//! wrong. Each program in `compile_fail/` has what the compiler says beside it.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}

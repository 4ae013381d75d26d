//! The generated code passes strict lints.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused, nonstandard_style)]
#![deny(rust_2018_idioms, rust_2024_compatibility, let_underscore, private_interfaces, unnameable_types)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::cargo)]
#![deny(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::default_trait_access,
    clippy::exhaustive_enums,
    clippy::missing_docs_in_private_items,
    clippy::missing_trait_methods,
    clippy::min_ident_chars,
    clippy::panic,
    clippy::pattern_type_mismatch,
    clippy::unreachable,
    clippy::unwrap_used
)]
#![forbid(unsafe_code, non_camel_case_types, clippy::todo)]

/// Exported items of a crate.
pub mod exported {
    use cachescope::cached;

    /// All arguments are the key.
    ///
    /// # Errors
    /// None.
    #[cached]
    pub async fn plain(number: u64, text: &str) -> Result<String, String> {
        std::future::ready(()).await;
        Ok(format!("{number} {text}"))
    }

    /// One argument isn't in the key.
    #[cached(skip(suffix))]
    pub(crate) async fn skipped(number: u64, suffix: &str) -> String {
        std::future::ready(()).await;
        format!("{number}{suffix}")
    }

    /// A type with a method.
    #[derive(Clone, Debug)]
    pub struct Numbers(u64);

    impl Numbers {
        /// Counts from one.
        #[must_use]
        pub const fn from_one() -> Self {
            Self(1)
        }

        /// The number that is `more` further on.
        ///
        /// # Errors
        /// None.
        #[cached(name = "numbers.after")]
        pub async fn after(&self, more: u64) -> Result<u64, String> {
            std::future::ready(()).await;
            Ok(self.0 + more)
        }
    }
}

#[tokio::test]
async fn code_under_strict_lints_runs() {
    assert_eq!(exported::plain(1, "a").await.as_deref(), Ok("1 a"));
    assert_eq!(exported::skipped(1, "b").await, "1b");
    assert_eq!(exported::Numbers::from_one().after(2).await, Ok(3));
}

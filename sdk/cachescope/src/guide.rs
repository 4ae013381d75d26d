//! The guide, page by page. Its first page is the front page of this crate.

#[doc = include_str!("guide/options.md")]
pub mod options {}

#[doc = include_str!("guide/stores.md")]
pub mod stores {}

#[doc = include_str!("guide/shared.md")]
pub mod shared {}

#[doc = include_str!("guide/insight.md")]
pub mod insight {}

#[doc = include_str!("guide/telemetry.md")]
pub mod telemetry {}

#[doc = include_str!("guide/costs.md")]
pub mod costs {}

#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("guide/compare.md")]
pub mod compare {}

#[doc = include_str!("guide/design.md")]
pub mod design {}

#[doc = include_str!("guide/glossary.md")]
pub mod glossary {}

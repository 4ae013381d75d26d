//! The location of the function, which determines the names of the generated items.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

/// The location of the function.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Location {
    /// In a module. The items are in an enum with the function's name: a type doesn't collide with a function. Unlike
    /// in a module, the items see all names that the function sees, also inside the body of another function.
    Module,
    /// In an impl block, which can contain only more functions.
    Impl,
}

/// The names of the generated items.
pub(crate) struct ItemNames {
    pub(crate) cache: Ident,
    pub(crate) uncached: Ident,
    /// A hidden function.
    pub(crate) request: Ident,
    /// The path of the items.
    pub(crate) path: TokenStream,
}

impl Location {
    /// Returns the names of the items for `function`.
    pub(crate) fn item_names(self, function: &Ident) -> ItemNames {
        match self {
            Self::Module => ItemNames {
                cache: format_ident!("cache"),
                uncached: format_ident!("uncached"),
                request: format_ident!("__request"),
                path: quote!(#function),
            },
            Self::Impl => ItemNames {
                cache: format_ident!("{function}_cache"),
                uncached: format_ident!("{function}_uncached"),
                request: format_ident!("__{function}_request"),
                path: quote!(Self),
            },
        }
    }
}

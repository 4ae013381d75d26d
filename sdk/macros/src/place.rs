//! Where the function stands, and so what the items beside it are called.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

/// Where the function stands, and so what the items beside it are called.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// In a module: `by_id` has an enum of its name beside it, which is a type and so doesn't collide. Unlike a
    /// module it can say all that the function can, in a function's body too.
    Module,
    /// In an impl block, where there can only be more functions.
    Impl,
}

/// The names of what stands beside a function.
pub(crate) struct Beside {
    pub(crate) cache: Ident,
    pub(crate) uncached: Ident,
    /// Not for users.
    pub(crate) request: Ident,
    /// What they are reached through.
    pub(crate) through: TokenStream,
}

impl Place {
    pub(crate) fn beside(self, function: &Ident) -> Beside {
        match self {
            Self::Module => Beside {
                cache: format_ident!("cache"),
                uncached: format_ident!("uncached"),
                request: format_ident!("__request"),
                through: quote!(#function),
            },
            Self::Impl => Beside {
                cache: format_ident!("{function}_cache"),
                uncached: format_ident!("{function}_uncached"),
                request: format_ident!("__{function}_request"),
                through: quote!(Self),
            },
        }
    }
}

//! Whether a function is async or blocks.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Path, Signature};

/// Whether a function is async or blocks.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Async,
    Blocking,
}

impl Manner {
    pub(crate) fn of(signature: &Signature) -> Self {
        if signature.asyncness.is_some() { Self::Async } else { Self::Blocking }
    }

    /// Where the library has what such functions are cached with.
    pub(crate) fn library(self, library: &Path) -> TokenStream {
        match self {
            Self::Async => quote!(#library),
            Self::Blocking => quote!(#library::sync),
        }
    }

    /// What stands behind a call.
    pub(crate) fn awaited(self) -> Option<TokenStream> {
        (self == Self::Async).then(|| quote!(.await))
    }

    /// The type of a load that is ready to run, and returns this.
    pub(crate) fn load_type(self, returned: &TokenStream) -> TokenStream {
        match self {
            Self::Async => quote!(
                ::core::pin::Pin<
                    ::std::boxed::Box<dyn ::core::future::Future<Output = #returned> + ::core::marker::Send>,
                >
            ),
            Self::Blocking => quote!(::std::boxed::Box<dyn ::core::ops::FnOnce() -> #returned + ::core::marker::Send>),
        }
    }

    /// Makes such a load of a call.
    pub(crate) fn load(self, call: &TokenStream) -> TokenStream {
        match self {
            Self::Async => quote!(::std::boxed::Box::pin(async move { #call.await })),
            Self::Blocking => quote!(::std::boxed::Box::new(move || #call)),
        }
    }

    /// Runs such a load, in the function that is wrapped.
    pub(crate) fn run(self, load: &TokenStream) -> TokenStream {
        match self {
            Self::Async => load.clone(),
            Self::Blocking => quote!((#load)()),
        }
    }
}

//! The mode of a function: async or blocking.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Path, Signature};

/// The mode of a function.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Async,
    Blocking,
}

impl Mode {
    pub(crate) fn new(signature: &Signature) -> Self {
        if signature.asyncness.is_some() { Self::Async } else { Self::Blocking }
    }

    /// Returns the module of the library that caches functions of this mode.
    pub(crate) fn library(self, library: &Path) -> TokenStream {
        match self {
            Self::Async => quote!(#library),
            Self::Blocking => quote!(#library::sync),
        }
    }

    /// Returns `.await` for an async function.
    pub(crate) fn await_suffix(self) -> Option<TokenStream> {
        (self == Self::Async).then(|| quote!(.await))
    }

    /// Returns the type of a load that is ready to run, and that returns `returned`.
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

    /// Returns an expression that converts a call into a load.
    pub(crate) fn load(self, call: &TokenStream) -> TokenStream {
        match self {
            Self::Async => quote!(::std::boxed::Box::pin(async move { #call.await })),
            Self::Blocking => quote!(::std::boxed::Box::new(move || #call)),
        }
    }

    /// Returns an expression that runs a load, in the loader.
    pub(crate) fn run(self, load: &TokenStream) -> TokenStream {
        match self {
            Self::Async => load.clone(),
            Self::Blocking => quote!((#load)()),
        }
    }
}

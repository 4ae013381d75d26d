//! Checks the bounds of types in the signature. Errors point at the user's code, and name the role of the type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;

/// The role of a type in the signature, which determines the bounds of the type.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    Key,
    Value,
    Error,
    /// The type of a value that a load captures: `self`, or an argument outside of the key.
    Captured,
}

impl Bound {
    /// Returns items that compile only if `types` fulfil the bounds.
    pub(crate) fn check(self, types: &[impl ToTokens]) -> TokenStream {
        if types.is_empty() {
            return TokenStream::new();
        }
        let (name, bounds, message, note) = self.parts();
        let marker = format_ident!("__Cached{name}", span = Span::call_site());
        let check = format_ident!("__cached_{}", name.to_lowercase(), span = Span::call_site());
        let calls = types.iter().map(|ty| {
            let ty = ty.to_token_stream();
            let check = syn::Ident::new(&check.to_string(), Span::call_site().located_at(ty.span()));
            quote!(#check::<#ty>();)
        });
        quote! {
            #[diagnostic::on_unimplemented(message = #message, label = "a trait is missing", note = #note)]
            trait #marker {}
            #[diagnostic::do_not_recommend]
            impl<T: #bounds> #marker for T {}
            fn #check<T: #marker>() {}
            #(#calls)*
        }
    }

    fn parts(self) -> (&'static str, TokenStream, &'static str, &'static str) {
        let shared = quote!(::core::marker::Send + ::core::marker::Sync + 'static);
        let cloned = quote!(::core::clone::Clone + #shared);
        match self {
            Self::Key => (
                "Key",
                quote!(::core::hash::Hash + ::core::cmp::Eq + #cloned),
                "the key type `{Self}` must be `Hash + Eq + Clone + Send + Sync + 'static`",
                "derive the missing traits, leave the argument out of the key with `skip(…)`, or compute a key with \
                 `key: Type = …`",
            ),
            Self::Value => (
                "Value",
                cloned,
                "the value type `{Self}` must be `Clone + Send + Sync + 'static`",
                "each hit returns a clone: derive the missing traits, or return an `Arc` of the value",
            ),
            Self::Error => (
                "Error",
                cloned,
                "the error type `{Self}` must be `Clone + Send + Sync + 'static`",
                "the callers of one load share its error: derive the missing traits, or return `Result<_, Arc<E>>`; `?` \
                 converts an `E` into an `Arc<E>`",
            ),
            Self::Captured => (
                "Captured",
                cloned,
                "`{Self}` must be `Clone + Send + Sync + 'static`, since a load captures it",
                "`self` and arguments outside of the key are cloned on a miss, and a load may outlive its caller: \
                 derive the missing traits, or use an `Arc`",
            ),
        }
    }
}

//! What types have to be able to, checked where the user wrote them, in words of the user's matter.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;

/// What a type in the signature is for, which says what it has to be able to.
#[derive(Clone, Copy)]
pub(crate) enum Claim {
    Key,
    Value,
    Error,
    /// What a load needs beside the key.
    Carried,
}

impl Claim {
    /// Items that fail to compile unless `types` can do what they are for.
    pub(crate) fn check(self, types: &[impl ToTokens]) -> TokenStream {
        if types.is_empty() {
            return TokenStream::new();
        }
        let (name, bounds, message, note) = self.words();
        let able = format_ident!("__Cached{name}", span = Span::call_site());
        let check = format_ident!("__cached_{}", name.to_lowercase(), span = Span::call_site());
        let calls = types.iter().map(|ty| {
            let ty = ty.to_token_stream();
            let check = syn::Ident::new(&check.to_string(), Span::call_site().located_at(ty.span()));
            quote!(#check::<#ty>();)
        });
        quote! {
            #[diagnostic::on_unimplemented(message = #message, label = "is missing something", note = #note)]
            trait #able {}
            #[diagnostic::do_not_recommend]
            impl<T: #bounds> #able for T {}
            fn #check<T: #able>() {}
            #(#calls)*
        }
    }

    fn words(self) -> (&'static str, TokenStream, &'static str, &'static str) {
        let shared = quote!(::core::marker::Send + ::core::marker::Sync + 'static);
        let cloned = quote!(::core::clone::Clone + #shared);
        match self {
            Self::Key => (
                "Key",
                quote!(::core::hash::Hash + ::core::cmp::Eq + #cloned),
                "`{Self}` can't be the key of a cache",
                "a key is Hash, Eq, Clone, Send, Sync and 'static: derive what is missing, leave the argument out with \
                 `skip(…)`, or make a key of it with `key: Type = …`",
            ),
            Self::Value => (
                "Value",
                cloned,
                "`{Self}` can't be kept in a cache",
                "a value is Clone, since each hit gets a clone, Send, Sync and 'static: derive what is missing, or \
                 return an `Arc` of it",
            ),
            Self::Error => (
                "Error",
                cloned,
                "`{Self}` can't be shared by the callers of one load",
                "an error is Clone, Send, Sync and 'static: derive what is missing, or return `Result<_, Arc<E>>`, \
                 which `?` makes of an `E`",
            ),
            Self::Carried => (
                "Carried",
                cloned,
                "`{Self}` can't be taken along to a load",
                "`self` and arguments beside the key are cloned on a miss, and the load may go on without its caller: \
                 they are Clone, Send, Sync and 'static; an `Arc` is",
            ),
        }
    }
}

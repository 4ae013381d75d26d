//! A function whose arguments are all in its key: the loader needs only the key.

use proc_macro2::TokenStream;
use quote::quote;

use crate::argument::Argument;
use crate::expansion::Expansion;
use crate::mode::Mode;

/// Returns the function `cache`, which contains the cache.
pub(crate) fn cache(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { function, key, names, .. } = expansion;
    let vis = &function.item.vis;
    let (path, uncached, cache) = (&names.path, &names.uncached, &names.cache);
    let doc = expansion.cache_doc();
    let key_type = key.owned_type();
    let ty = expansion.cache_type(&key_type);
    let arguments = &function.arguments;
    let key = one_or_tuple(arguments.iter().map(|argument| &argument.name));
    let passed = arguments.iter().map(Argument::passed);
    let call = quote!(#path::#uncached(#(#passed),*));
    let load = match function.mode {
        Mode::Async => quote!(|#key: #key_type| async move { #call.await }),
        Mode::Blocking => quote!(|#key: #key_type| #call),
    };
    let built = expansion.build(&load);
    quote! {
        #[doc = #doc]
        #vis fn #cache() -> &'static #ty {
            static CACHE: ::std::sync::LazyLock<#ty> = ::std::sync::LazyLock::new(|| #built);
            &CACHE
        }
    }
}

/// Returns the expression that calls the cache.
pub(crate) fn request(expansion: &Expansion<'_>) -> TokenStream {
    let (path, cache) = (&expansion.names.path, &expansion.names.cache);
    let (call, call_ref) = expansion.function.output.call_methods();
    let await_suffix = expansion.function.mode.await_suffix();
    match expansion.function.arguments.as_slice() {
        [one] if one.is_reference() => {
            let name = &one.name;
            quote!(#path::#cache().#call_ref(#name) #await_suffix)
        }
        arguments => {
            let key = one_or_tuple(arguments.iter().map(Argument::owned));
            quote!(#path::#cache().#call(#key) #await_suffix)
        }
    }
}

fn one_or_tuple<T: quote::ToTokens>(parts: impl ExactSizeIterator<Item = T>) -> TokenStream {
    if parts.len() == 1 { quote!(#(#parts)*) } else { quote!((#(#parts,)*)) }
}

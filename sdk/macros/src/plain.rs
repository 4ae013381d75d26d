//! A function whose arguments are its key: a load can be made from the key alone.

use proc_macro2::TokenStream;
use quote::quote;

use crate::argument::Argument;
use crate::expansion::Expansion;
use crate::manner::Manner;

/// The function `cache`, with the cache in it.
pub(crate) fn cache(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { function, selection, beside, .. } = expansion;
    let vis = &function.item.vis;
    let (through, uncached, cache) = (&beside.through, &beside.uncached, &beside.cache);
    let doc = expansion.cache_doc();
    let ty = expansion.cache_type(&selection.owned_type());
    let arguments = &function.arguments;
    let key = one_or_tuple(arguments.iter().map(|argument| &argument.name));
    let key_type = selection.owned_type();
    let passed = arguments.iter().map(Argument::passed);
    let call = quote!(#through::#uncached(#(#passed),*));
    let load = match function.manner {
        Manner::Async => quote!(|#key: #key_type| async move { #call.await }),
        Manner::Blocking => quote!(|#key: #key_type| #call),
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

/// Asks the cache.
pub(crate) fn request(expansion: &Expansion<'_>) -> TokenStream {
    let (through, cache) = (&expansion.beside.through, &expansion.beside.cache);
    let (call, call_ref) = expansion.function.answer.calls();
    let awaited = expansion.function.manner.awaited();
    match expansion.function.arguments.as_slice() {
        [one] if one.is_reference() => {
            let name = &one.name;
            quote!(#through::#cache().#call_ref(#name) #awaited)
        }
        arguments => {
            let key = one_or_tuple(arguments.iter().map(Argument::moved));
            quote!(#through::#cache().#call(#key) #awaited)
        }
    }
}

fn one_or_tuple<T: quote::ToTokens>(parts: impl ExactSizeIterator<Item = T>) -> TokenStream {
    if parts.len() == 1 { quote!(#(#parts)*) } else { quote!((#(#parts,)*)) }
}

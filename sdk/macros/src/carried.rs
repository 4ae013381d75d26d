//! A function whose load needs more than its key: `self`, or arguments that aren't in the key.
//!
//! A cache's loader sees the key alone, so the key brings its load along: see `keyed`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expansion::Expansion;
use crate::keyed;

/// The function `cache`, and the one that both it and the cached function ask, since the types in it have no name
/// outside of it.
pub(crate) fn cache(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { function, selection, beside, .. } = expansion;
    let vis = &function.item.vis;
    let (through, cache, request) = (&beside.through, &beside.cache, &beside.request);
    let doc = expansion.cache_doc();
    let look = selection.look();
    let shown = quote!(
        impl ::core::hash::Hash + ::core::cmp::Eq + ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync
            + ::core::borrow::Borrow<#look> + use<> + 'static
    );
    let shown = expansion.cache_type(&shown);
    let ty = expansion.cache_type(&quote!(__Keyed));
    let built = expansion.build(&quote!(|keyed: __Keyed| keyed.load()));
    let (_, call_ref) = expansion.function.answer.calls();
    let (load, answer) = (load_type(expansion), expansion.function.answer.cached(&expansion.options.library));
    let keyed = keyed::types(&look, &load);
    quote! {
        #[doc = #doc]
        #vis fn #cache() -> &'static #shown {
            #through::#request(::core::option::Option::None).0
        }

        #[doc(hidden)]
        fn #request<'call>(
            call: ::core::option::Option<(&'call #look, &'call (dyn ::core::ops::Fn() -> #load + ::core::marker::Sync))>,
        ) -> (&'static #shown, impl ::core::future::Future<Output = #answer> + use<'call>) {
            #keyed
            static CACHE: ::std::sync::LazyLock<#ty> = ::std::sync::LazyLock::new(|| #built);
            let cache: &'static #ty = &CACHE;
            let answer = async move {
                match call {
                    ::core::option::Option::Some((key, load)) => {
                        let asked = __Asked { key, load };
                        cache.#call_ref::<dyn __Key + ::core::marker::Sync + '_>(&asked).await
                    }
                    // Only the cache was asked for; nobody polls this.
                    ::core::option::Option::None => ::core::future::pending().await,
                }
            };
            (cache, answer)
        }
    }
}

/// Asks the cache.
pub(crate) fn request(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { function, selection, beside, .. } = expansion;
    let (through, uncached, request) = (&beside.through, &beside.uncached, &beside.request);
    let names: Vec<_> = function.arguments.iter().map(|argument| &argument.name).collect();
    let copies = function.arguments.iter().map(|argument| argument.copied());
    let passed = function.arguments.iter().map(|argument| argument.passed());
    let (copied_self, passed_self) = match &function.receiver {
        None => (None, None),
        Some(receiver) => {
            let reference = receiver.reference.as_ref().map(|_| quote!(&));
            let borrowed = if reference.is_some() { quote!(self) } else { quote!(&self) };
            (
                Some(quote!(let __this = <Self as ::core::clone::Clone>::clone(#borrowed);)),
                Some(quote!(#reference __this,)),
            )
        }
    };
    let (look, key, load) = (selection.look(), selection.reference(), load_type(expansion));
    quote!({
        let __key: &#look = #key;
        let __load = || -> #load {
            #copied_self
            #(let #names = #copies;)*
            ::std::boxed::Box::pin(async move { #through::#uncached(#passed_self #(#passed),*).await })
        };
        #through::#request(::core::option::Option::Some((__key, &__load))).1.await
    })
}

/// A load, ready to run.
fn load_type(expansion: &Expansion<'_>) -> TokenStream {
    let returned = expansion.function.answer.returned();
    quote!(
        ::core::pin::Pin<
            ::std::boxed::Box<dyn ::core::future::Future<Output = #returned> + ::core::marker::Send>,
        >
    )
}

//! A function whose load needs more than its key: `self`, or arguments that aren't in the key.
//!
//! A cache's loader sees the key alone, so the key brings its load along: see `keyed`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expansion::Expansion;
use crate::keyed;
use crate::manner::Manner;

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
    let run = function.manner.run(&quote!(keyed.load()));
    let built = expansion.build(&quote!(|keyed: __Keyed| #run));
    let (_, call_ref) = expansion.function.answer.calls();
    let (load, answer) = (load_type(expansion), expansion.function.answer.cached(&expansion.options.library));
    let keyed = keyed::types(&look, &load);
    let ask = quote! {
        let asked = __Asked { key, load };
        cache.#call_ref::<dyn __Key + ::core::marker::Sync + '_>(&asked)
    };
    let (answers, answer) = match function.manner {
        Manner::Async => (
            quote!(impl ::core::future::Future<Output = #answer> + use<'call>),
            quote!(async move {
                match call {
                    ::core::option::Option::Some((key, load)) => {
                        #ask.await
                    }
                    // Only the cache was asked for; nobody polls this.
                    ::core::option::Option::None => ::core::future::pending().await,
                }
            }),
        ),
        Manner::Blocking => (quote!(::core::option::Option<#answer>), quote!(call.map(|(key, load)| { #ask }))),
    };
    quote! {
        #[doc = #doc]
        #vis fn #cache() -> &'static #shown {
            #through::#request(::core::option::Option::None).0
        }

        #[doc(hidden)]
        fn #request<'call>(
            call: ::core::option::Option<(&'call #look, &'call (dyn ::core::ops::Fn() -> #load + ::core::marker::Sync))>,
        ) -> (&'static #shown, #answers) {
            #keyed
            static CACHE: ::std::sync::LazyLock<#ty> = ::std::sync::LazyLock::new(|| #built);
            let cache: &'static #ty = &CACHE;
            let answer = #answer;
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
    let (look, key, load_type) = (selection.look(), selection.reference(), load_type(expansion));
    let load = function.manner.load(&quote!(#through::#uncached(#passed_self #(#passed),*)));
    let answer = quote!(#through::#request(::core::option::Option::Some((__key, &__load))).1);
    let answer = match function.manner {
        Manner::Async => quote!(#answer.await),
        Manner::Blocking => quote!(match #answer {
            ::core::option::Option::Some(__answer) => __answer,
            ::core::option::Option::None => ::core::unreachable!("what is asked is answered"),
        }),
    };
    quote!({
        let __key: &#look = #key;
        let __load = || -> #load_type {
            #copied_self
            #(let #names = #copies;)*
            #load
        };
        #answer
    })
}

/// A load, ready to run.
fn load_type(expansion: &Expansion<'_>) -> TokenStream {
    expansion.function.manner.load_type(&expansion.function.answer.returned())
}

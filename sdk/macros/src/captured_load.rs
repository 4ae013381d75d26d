//! A function whose load needs more than its key: `self`, or arguments that aren't in the key.
//!
//! The loader of a cache gets only the key, so the key carries its load: see `key_with_load`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expansion::Expansion;
use crate::key_with_load;
use crate::mode::Mode;

/// Returns the function `cache`, and a hidden function that both `cache` and the cached function call. The hidden
/// function contains the types of the key, which have no name outside of it.
pub(crate) fn cache(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { function, key, names, .. } = expansion;
    let vis = &function.item.vis;
    let (path, cache, request) = (&names.path, &names.cache, &names.request);
    let doc = expansion.cache_doc();
    let lookup_type = key.lookup_type();
    let public_key = quote!(
        impl ::core::hash::Hash + ::core::cmp::Eq + ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync
            + ::core::borrow::Borrow<#lookup_type> + use<> + 'static
    );
    let public_type = expansion.cache_type(&public_key);
    let ty = expansion.cache_type(&quote!(__KeyWithLoad));
    let run = function.mode.run(&quote!(keyed.load()));
    let built = expansion.build(&quote!(|keyed: __KeyWithLoad| #run));
    let (_, call_ref) = expansion.function.output.call_methods();
    let (load, result) = (load_type(expansion), expansion.function.output.cached(&expansion.options.library));
    let key_types = key_with_load::types(&lookup_type, &load);
    let lookup = quote! {
        let request_key = __RequestKey { key, load };
        cache.#call_ref::<dyn __LookupKey + ::core::marker::Sync + '_>(&request_key)
    };
    let (output_type, output) = match function.mode {
        Mode::Async => (
            quote!(impl ::core::future::Future<Output = #result> + use<'call>),
            quote!(async move {
                match call {
                    ::core::option::Option::Some((key, load)) => {
                        #lookup.await
                    }
                    // The caller wants only the cache, and doesn't poll this future.
                    ::core::option::Option::None => ::core::future::pending().await,
                }
            }),
        ),
        Mode::Blocking => (quote!(::core::option::Option<#result>), quote!(call.map(|(key, load)| { #lookup }))),
    };
    quote! {
        #[doc = #doc]
        #vis fn #cache() -> &'static #public_type {
            #path::#request(::core::option::Option::None).0
        }

        #[doc(hidden)]
        fn #request<'call>(
            call: ::core::option::Option<(&'call #lookup_type, &'call (dyn ::core::ops::Fn() -> #load + ::core::marker::Sync))>,
        ) -> (&'static #public_type, #output_type) {
            #key_types
            static CACHE: ::std::sync::LazyLock<#ty> = ::std::sync::LazyLock::new(|| #built);
            let cache: &'static #ty = &CACHE;
            let output = #output;
            (cache, output)
        }
    }
}

/// Returns the expression that calls the cache.
pub(crate) fn request(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { function, key, names, .. } = expansion;
    let (path, uncached, request) = (&names.path, &names.uncached, &names.request);
    let names: Vec<_> = function.arguments.iter().map(|argument| &argument.name).collect();
    let clones = function.arguments.iter().map(|argument| argument.cloned());
    let passed = function.arguments.iter().map(|argument| argument.passed());
    let (cloned_self, passed_self) = match &function.receiver {
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
    let (lookup_type, key, load_type) = (key.lookup_type(), key.reference(), load_type(expansion));
    let load = function.mode.load(&quote!(#path::#uncached(#passed_self #(#passed),*)));
    let output = quote!(#path::#request(::core::option::Option::Some((__key, &__load))).1);
    let output = match function.mode {
        Mode::Async => quote!(#output.await),
        Mode::Blocking => quote!(match #output {
            ::core::option::Option::Some(__output) => __output,
            ::core::option::Option::None => ::core::unreachable!("a call with a key has an output"),
        }),
    };
    quote!({
        let __key: &#lookup_type = #key;
        let __load = || -> #load_type {
            #cloned_self
            #(let #names = #clones;)*
            #load
        };
        #output
    })
}

/// Returns the type of a load that is ready to run.
fn load_type(expansion: &Expansion<'_>) -> TokenStream {
    expansion.function.mode.load_type(&expansion.function.output.uncached())
}

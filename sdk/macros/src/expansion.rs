//! Generates the code of the attribute.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use crate::bounds::Bound;
use crate::function::Function;
use crate::key::Key;
use crate::location::{ItemNames, Location};
use crate::options::Options;
use crate::output::Output;
use crate::{captured_load, key_only};

/// The input of the code generation: the function, the options, and what follows from both.
pub(crate) struct Expansion<'a> {
    pub(crate) function: &'a Function,
    pub(crate) options: &'a Options,
    pub(crate) key: Key<'a>,
    pub(crate) names: ItemNames,
}

/// Expands the attribute.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let function = Function::parse(item, &options)?;
    let key = Key::new(&function, &options)?;
    let names = function.location.item_names(&function.item.sig.ident);
    let expansion = Expansion { function: &function, options: &options, key, names };
    // An item inside a method can't name `Self`, so in an impl block the method itself must make the load.
    if function.location == Location::Module && expansion.key.is_whole_call(&function) {
        Ok(expansion.assemble(&key_only::cache(&expansion), &key_only::request(&expansion)))
    } else if let Some(store) = &options.store {
        Err(syn::Error::new_spanned(
            store,
            "`store: Type` must be on a function outside of an impl block, whose arguments are all in the key",
        ))
    } else {
        Ok(expansion.assemble(&captured_load::cache(&expansion), &captured_load::request(&expansion)))
    }
}

impl Expansion<'_> {
    /// Returns the cached function, and the items beside it.
    fn assemble(&self, cache: &TokenStream, request: &TokenStream) -> TokenStream {
        let item = &self.function.item;
        let (vis, block, name) = (&item.vis, &item.block, &item.sig.ident);
        let (attributes, uncached_attributes) = self.function.attributes();
        let signature = self.function.signature();
        // The bounds come first, so the compiler reports them before the errors that follow from them.
        let (bounds, output) = (self.bounds(), self.unwrap(request));
        let mut original = item.sig.clone();
        original.ident = self.names.uncached.clone();
        let doc = format!("Runs `{name}` without its cache: runs the body on each call, and stores nothing.");
        let items = quote! {
            #cache
            #[doc = #doc]
            #[doc = ""]
            #(#uncached_attributes)*
            #vis #original #block
        };
        let function = quote!(#(#attributes)* #vis #signature { #bounds #output });
        match self.function.location {
            Location::Impl => quote!(#function #items),
            Location::Module => {
                // A span of the macro keeps lints from reporting the lower-case name to the user.
                let space = Ident::new(&name.to_string(), Span::call_site().located_at(name.span()));
                let doc = format!("The cache of the function [`{name}`](fn@{name}).");
                quote! {
                    #function
                    #[doc = #doc]
                    #[derive(::core::fmt::Debug)]
                    #[non_exhaustive]
                    #vis enum #space {}
                    impl #space { #items }
                }
            }
        }
    }

    /// Converts the cache's result to the return type of the function.
    fn unwrap(&self, request: &TokenStream) -> TokenStream {
        let library = &self.options.library;
        if self.function.output.error.is_none() {
            return request.clone();
        }
        quote! {
            match #request {
                ::core::result::Result::Ok(__value) => ::core::result::Result::Ok(__value),
                ::core::result::Result::Err(#library::CallError::Load(__error)) => {
                    ::core::result::Result::Err(::std::sync::Arc::unwrap_or_clone(__error))
                }
                ::core::result::Result::Err(_) => ::core::unreachable!("a call fails only with the error of its load"),
            }
        }
    }

    /// Returns the expression that builds the cache.
    pub(crate) fn build(&self, load: &TokenStream) -> TokenStream {
        let Options { library, steps, .. } = self.options;
        let library = self.function.mode.library(library);
        let function = if self.function.output.error.is_some() { quote!(try_cached) } else { quote!(cached) };
        let name = self.name();
        quote!(#library::#function(#name, #load) #(#steps)* .build())
    }

    /// Returns the cache's name: `name = …`, or the last segment of the module path and the function's name.
    fn name(&self) -> TokenStream {
        if let Some(name) = &self.options.name {
            return name.to_token_stream();
        }
        let function = self.function.item.sig.ident.to_string();
        let function = function.trim_start_matches("r#");
        quote! {{
            let module = ::core::module_path!();
            let module = module.rsplit("::").next().unwrap_or(module);
            ::std::format!("{}.{}", module, #function)
        }}
    }

    /// Returns the cache's type for keys of type `key`.
    pub(crate) fn cache_type(&self, key: &TokenStream) -> TokenStream {
        let Options { library, store, .. } = self.options;
        let Output { value, error } = &self.function.output;
        // The type of the configuration, as the user wrote it, names the type of the store.
        let store = store.as_ref().map(|config| quote!(<#config as #library::store::IntoStore<#key, #value>>::Store));
        let library = self.function.mode.library(library);
        match (error, store) {
            (None, None) => quote!(#library::Cached<#key, #value>),
            (None, Some(store)) => quote!(#library::Cached<#key, #value, ::core::convert::Infallible, #store>),
            (Some(error), None) => quote!(#library::Cached<#key, #value, #error>),
            (Some(error), Some(store)) => quote!(#library::Cached<#key, #value, #error, #store>),
        }
    }

    /// Returns the doc comment of the function `cache`.
    pub(crate) fn cache_doc(&self) -> String {
        format!("Returns the cache of `{}`. The first call builds the cache.", self.function.item.sig.ident)
    }

    /// Returns the checks of the types in the signature.
    fn bounds(&self) -> TokenStream {
        let output = &self.function.output;
        let key = Bound::Key.check(&self.key.parts());
        let value = Bound::Value.check(&[&output.value]);
        let error = Bound::Error.check(output.error.as_slice());
        let mut captured = Vec::new();
        if let Some(receiver) = &self.function.receiver {
            let span = receiver.self_token.span;
            captured.push(Ident::new("Self", span).to_token_stream());
        }
        if !self.key.is_whole_call(self.function) {
            let skipped = self.function.arguments.iter().filter(|argument| !self.key.contains(argument));
            captured.extend(skipped.map(|argument| argument.owned_type()));
        }
        let captured = Bound::Captured.check(&captured);
        quote!(#key #value #error #captured)
    }
}

//! What the attribute makes of a function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use crate::answer::Answer;
use crate::claims::Claim;
use crate::function::Function;
use crate::options::Options;
use crate::place::{Beside, Place};
use crate::selection::Selection;
use crate::{carried, plain};

/// What the attribute makes of a function.
pub(crate) struct Expansion<'a> {
    pub(crate) function: &'a Function,
    pub(crate) options: &'a Options,
    pub(crate) selection: Selection<'a>,
    pub(crate) beside: Beside,
}

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let function = Function::read(item, &options)?;
    let selection = Selection::of(&function, &options)?;
    let beside = function.place.beside(&function.item.sig.ident);
    let expansion = Expansion { function: &function, options: &options, selection, beside };
    // Items in a method can't say `Self`, so there only a load made outside of them can call it.
    if function.place == Place::Module && expansion.selection.is_whole_call(&function) {
        Ok(expansion.assemble(&plain::cache(&expansion), &plain::request(&expansion)))
    } else if let Some(store) = &options.store {
        Err(syn::Error::new_spanned(
            store,
            "a store's type can be said where the key is all arguments, in a function outside of an impl block",
        ))
    } else {
        Ok(expansion.assemble(&carried::cache(&expansion), &carried::request(&expansion)))
    }
}

impl Expansion<'_> {
    /// The cached function, and what stands beside it.
    fn assemble(&self, cache: &TokenStream, request: &TokenStream) -> TokenStream {
        let item = &self.function.item;
        let (vis, block, name) = (&item.vis, &item.block, &item.sig.ident);
        let (attributes, kept) = self.function.attributes();
        let signature = self.function.signature();
        // The claims come first, so that the compiler doesn't begin with what follows from them.
        let (claims, answer) = (self.claims(), self.unwrap(request));
        let mut original = item.sig.clone();
        original.ident = self.beside.uncached.clone();
        let doc = format!("`{name}` without its cache: it runs each time, and stores nothing.");
        let beside = quote! {
            #cache
            #[doc = #doc]
            #[doc = ""]
            #(#kept)*
            #vis #original #block
        };
        let function = quote!(#(#attributes)* #vis #signature { #claims #answer });
        match self.function.place {
            Place::Impl => quote!(#function #beside),
            Place::Module => {
                // Spanned as the macro's, so that no lint takes the user to task for its lower case.
                let space = Ident::new(&name.to_string(), Span::call_site().located_at(name.span()));
                let doc = format!("What stands behind the function [`{name}`](fn@{name}): its cache.");
                quote! {
                    #function
                    #[doc = #doc]
                    #[derive(::core::fmt::Debug)]
                    #[non_exhaustive]
                    #vis enum #space {}
                    impl #space { #beside }
                }
            }
        }
    }

    /// Returns what the function's signature says.
    fn unwrap(&self, request: &TokenStream) -> TokenStream {
        let library = &self.options.library;
        if self.function.answer.error.is_none() {
            return request.clone();
        }
        quote! {
            match #request {
                ::core::result::Result::Ok(__value) => ::core::result::Result::Ok(__value),
                ::core::result::Result::Err(#library::CallError::Load(__error)) => {
                    ::core::result::Result::Err(::std::sync::Arc::unwrap_or_clone(__error))
                }
                ::core::result::Result::Err(_) => ::core::unreachable!("a load's error is the only one there is"),
            }
        }
    }

    /// The builder with all its steps, built.
    pub(crate) fn build(&self, load: &TokenStream) -> TokenStream {
        let Options { library, steps, .. } = self.options;
        let library = self.function.manner.library(library);
        let function = if self.function.answer.error.is_some() { quote!(try_cached) } else { quote!(cached) };
        let name = self.name();
        quote!(#library::#function(#name, #load) #(#steps)* .build())
    }

    /// `name = …`, or the last part of the module's path and the function's name.
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

    /// The cache's type, with keys of type `key`.
    pub(crate) fn cache_type(&self, key: &TokenStream) -> TokenStream {
        let Options { library, store, .. } = self.options;
        let library = self.function.manner.library(library);
        let Answer { value, error } = &self.function.answer;
        match (error, store) {
            (None, None) => quote!(#library::Cached<#key, #value>),
            (None, Some(store)) => quote!(#library::Cached<#key, #value, ::core::convert::Infallible, #store>),
            (Some(error), None) => quote!(#library::Cached<#key, #value, #error>),
            (Some(error), Some(store)) => quote!(#library::Cached<#key, #value, #error, #store>),
        }
    }

    pub(crate) fn cache_doc(&self) -> String {
        format!("The cache before `{}`, built when it is first asked for.", self.function.item.sig.ident)
    }

    /// Checks of the types in the signature.
    fn claims(&self) -> TokenStream {
        let answer = &self.function.answer;
        let key = Claim::Key.check(&self.selection.parts());
        let value = Claim::Value.check(&[&answer.value]);
        let error = Claim::Error.check(answer.error.as_slice());
        let mut carried = Vec::new();
        if let Some(receiver) = &self.function.receiver {
            let span = receiver.self_token.span;
            carried.push(Ident::new("Self", span).to_token_stream());
        }
        if !self.selection.is_whole_call(self.function) {
            let skipped = self.function.arguments.iter().filter(|argument| !self.selection.names(argument));
            carried.extend(skipped.map(|argument| argument.owned_type()));
        }
        let carried = Claim::Carried.check(&carried);
        quote!(#key #value #error #carried)
    }
}

//! The function that the attribute is on.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Error, FnArg, GenericParam, ItemFn, Receiver, Signature};

use crate::argument::Argument;
use crate::location::Location;
use crate::mode::Mode;
use crate::options::Options;
use crate::output::Output;

/// The function that the attribute is on, after the checks.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) mode: Mode,
    pub(crate) location: Location,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Output,
}

impl Function {
    /// Parses and checks the function.
    pub(crate) fn parse(item: TokenStream, options: &Options) -> syn::Result<Self> {
        let item: ItemFn = syn::parse2(item).map_err(|error| {
            Error::new(error.span(), format!("`#[cached]` must be on a function with a body: {error}"))
        })?;
        let signature = &item.sig;
        check_kind(signature)?;
        let receiver = signature.receiver().cloned();
        if let Some(receiver) = &receiver {
            check_receiver(receiver)?;
        }
        let arguments = signature
            .inputs
            .iter()
            .filter_map(|argument| Argument::new(argument).transpose())
            .collect::<Result<_, _>>()?;
        let output = Output::new(signature)?;
        let in_impl = receiver.is_some() || options.associated || names_self(item.to_token_stream());
        let location = if in_impl { Location::Impl } else { Location::Module };
        let mode = Mode::new(&item.sig);
        Ok(Self { item, mode, location, receiver, arguments, output })
    }

    /// Returns the attributes of the cached function, and the attributes of the uncached function.
    pub(crate) fn attributes(&self) -> (Vec<&Attribute>, Vec<&Attribute>) {
        let is_any = |attribute: &Attribute, names: &[&str]| names.iter().any(|name| attribute.path().is_ident(name));
        let attributes = &self.item.attrs;
        // `expect` concerns the body, which only the uncached function has. `allow` may concern the arguments, which
        // both have.
        let cached = attributes.iter().filter(|attribute| !is_any(attribute, &["expect"])).collect();
        let both = ["doc", "allow", "warn", "deny", "forbid", "expect"];
        let uncached = attributes.iter().filter(|attribute| is_any(attribute, &both)).collect();
        (cached, uncached)
    }

    /// Returns the signature of the cached function, without the `mut` of arguments, which only the body needs.
    pub(crate) fn signature(&self) -> Signature {
        let mut signature = self.item.sig.clone();
        for input in &mut signature.inputs {
            match input {
                FnArg::Typed(argument) => {
                    if let syn::Pat::Ident(name) = &mut *argument.pat {
                        name.mutability = None;
                    }
                }
                FnArg::Receiver(receiver) if receiver.reference.is_none() => receiver.mutability = None,
                FnArg::Receiver(_) => {}
            }
        }
        signature
    }
}

fn check_kind(signature: &Signature) -> syn::Result<()> {
    if let Some(constness) = &signature.constness {
        return Err(Error::new_spanned(constness, "a cached function must not be const: remove `const`"));
    }
    if let Some(unsafety) = &signature.unsafety {
        return Err(Error::new_spanned(
            unsafety,
            "a cached function must not be unsafe: wrap the unsafe call in a safe function",
        ));
    }
    let generic = signature.generics.params.iter().find(|generic| !matches!(generic, GenericParam::Lifetime(_)));
    match generic {
        Some(generic) => Err(Error::new_spanned(
            generic,
            "a cached function must not be generic, since its cache is a static: put `#[cached]` on one function for each \
             type, and call this function from there",
        )),
        None => Ok(()),
    }
}

fn check_receiver(receiver: &Receiver) -> syn::Result<()> {
    let by_mutable_reference = receiver.reference.is_some() && receiver.mutability.is_some();
    if by_mutable_reference {
        return Err(Error::new_spanned(
            receiver,
            "a cached method must not take `&mut self`, since a hit doesn't run the method: take `&self`",
        ));
    }
    match &receiver.colon_token {
        Some(_) => {
            Err(Error::new_spanned(receiver, "the receiver of a cached method must be `&self` or `self`: take `&self`"))
        }
        None => Ok(()),
    }
}

fn names_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => names_self(group.stream()),
        TokenTree::Ident(ident) => ident == "Self",
        _ => false,
    })
}

//! The function the attribute stands on, as far as a cache can be before it.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Error, FnArg, GenericParam, ItemFn, Receiver, Signature};

use crate::answer::Answer;
use crate::argument::Argument;
use crate::manner::Manner;
use crate::options::Options;
use crate::place::Place;

/// The function the attribute stands on, as far as a cache can be before it.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) manner: Manner,
    pub(crate) place: Place,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) answer: Answer,
}

impl Function {
    pub(crate) fn read(item: TokenStream, options: &Options) -> syn::Result<Self> {
        let item: ItemFn = syn::parse2(item).map_err(|error| {
            Error::new(error.span(), format!("`#[cached]` stands on a function with a body: {error}"))
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
            .filter_map(|argument| Argument::of(argument).transpose())
            .collect::<Result<_, _>>()?;
        let answer = Answer::of(signature)?;
        let in_impl = receiver.is_some() || options.associated || says_self(item.to_token_stream());
        let place = if in_impl { Place::Impl } else { Place::Module };
        let manner = Manner::of(&item.sig);
        Ok(Self { item, manner, place, receiver, arguments, answer })
    }

    /// The attributes that stay on the cached function, and those its uncached original has.
    pub(crate) fn attributes(&self) -> (Vec<&Attribute>, Vec<&Attribute>) {
        let is = |attribute: &Attribute, names: &[&str]| names.iter().any(|name| attribute.path().is_ident(name));
        let attributes = &self.item.attrs;
        // What is expected happens in the body; what is allowed may concern the arguments, which both have.
        let cached = attributes.iter().filter(|attribute| !is(attribute, &["expect"])).collect();
        let both = ["doc", "allow", "warn", "deny", "forbid", "expect"];
        let uncached = attributes.iter().filter(|attribute| is(attribute, &both)).collect();
        (cached, uncached)
    }

    /// The cached function's signature: `mut` is the body's business.
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
        return Err(Error::new_spanned(constness, "a cache can't be asked at compile time: drop `const`"));
    }
    if let Some(unsafety) = &signature.unsafety {
        return Err(Error::new_spanned(
            unsafety,
            "`#[cached]` would call an unsafe function where nobody vouches for it",
        ));
    }
    let generic = signature.generics.params.iter().find(|generic| !matches!(generic, GenericParam::Lifetime(_)));
    match generic {
        Some(generic) => Err(Error::new_spanned(
            generic,
            "a cache is a static, which can't be generic: put `#[cached]` on a function for each type, and let it call \
             this one",
        )),
        None => Ok(()),
    }
}

fn check_receiver(receiver: &Receiver) -> syn::Result<()> {
    let by_mutable_reference = receiver.reference.is_some() && receiver.mutability.is_some();
    if by_mutable_reference {
        return Err(Error::new_spanned(
            receiver,
            "`&mut self` would let the method act, and a hit doesn't run it: take `&self`",
        ));
    }
    match &receiver.colon_token {
        Some(_) => {
            Err(Error::new_spanned(receiver, "`#[cached]` knows the receivers `&self` and `self`: take `&self`"))
        }
        None => Ok(()),
    }
}

fn says_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => says_self(group.stream()),
        TokenTree::Ident(ident) => ident == "Self",
        _ => false,
    })
}

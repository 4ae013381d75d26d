//! The key of a call.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Expr, Ident, Type};

use crate::argument::Argument;
use crate::function::Function;
use crate::key_option::KeyOption;
use crate::options::Options;

/// The key of a call.
pub(crate) enum Key<'a> {
    /// One argument is the key itself; several arguments are a tuple.
    Arguments(Vec<&'a Argument>),
    /// An expression over the arguments, and its type.
    Computed { ty: &'a Type, value: &'a Expr },
}

impl<'a> Key<'a> {
    pub(crate) fn new(function: &'a Function, options: &'a Options) -> syn::Result<Self> {
        let arguments = &function.arguments;
        let find = |name: &Ident| {
            arguments.iter().find(|argument| argument.name == *name).ok_or_else(|| unknown(name, arguments))
        };
        match &options.key {
            Some(KeyOption::Computed { ty, value }) => Ok(Self::Computed { ty, value }),
            Some(KeyOption::Arguments(names)) => Ok(Self::Arguments(names.iter().map(find).collect::<Result<_, _>>()?)),
            None => {
                for name in &options.skip {
                    find(name)?;
                }
                Ok(Self::Arguments(
                    arguments.iter().filter(|argument| !options.skip.contains(&argument.name)).collect(),
                ))
            }
        }
    }

    /// Returns whether the key has everything that a load needs.
    pub(crate) fn is_whole_call(&self, function: &Function) -> bool {
        let Self::Arguments(keyed) = self else { return false };
        let all = &function.arguments;
        keyed.len() == all.len() && keyed.iter().zip(all).all(|(keyed, argument)| keyed.name == argument.name)
    }

    /// Returns whether `argument` itself is part of the key.
    pub(crate) fn contains(&self, argument: &Argument) -> bool {
        matches!(self, Self::Arguments(keyed) if keyed.iter().any(|keyed| keyed.name == argument.name))
    }

    /// Returns the type of look-ups. Its owned type is the type of the key.
    pub(crate) fn lookup_type(&self) -> TokenStream {
        match self {
            Self::Arguments(arguments) => match arguments.as_slice() {
                [one] => one.lookup_type().to_token_stream(),
                several => {
                    let types = several.iter().map(|argument| argument.owned_type());
                    quote!((#(#types,)*))
                }
            },
            Self::Computed { ty, .. } => ty.to_token_stream(),
        }
    }

    /// Returns the type of the key.
    pub(crate) fn owned_type(&self) -> TokenStream {
        match self {
            Self::Arguments(arguments) => match arguments.as_slice() {
                [one] => one.owned_type(),
                _ => self.lookup_type(),
            },
            Self::Computed { ty, .. } => ty.to_token_stream(),
        }
    }

    /// Returns a reference for look-ups. Moves no argument, unless a key expression does.
    pub(crate) fn reference(&self) -> TokenStream {
        match self {
            Self::Arguments(arguments) => match arguments.as_slice() {
                [one] if one.is_reference() => one.name.to_token_stream(),
                [one] => {
                    let name = &one.name;
                    quote!(&#name)
                }
                several => {
                    let clones = several.iter().map(|argument| argument.cloned());
                    quote!(&(#(#clones,)*))
                }
            },
            Self::Computed { value, .. } => quote!(&(#value)),
        }
    }

    /// Returns the types of the key's parts, each with the span of the user's code.
    pub(crate) fn parts(&self) -> Vec<TokenStream> {
        match self {
            Self::Arguments(arguments) => arguments.iter().map(|argument| argument.owned_type()).collect(),
            Self::Computed { ty, .. } => vec![ty.to_token_stream()],
        }
    }
}

fn unknown(name: &Ident, arguments: &[Argument]) -> Error {
    let known: Vec<_> = arguments.iter().map(|argument| format!("`{}`", argument.name)).collect();
    let known =
        if known.is_empty() { "it has no arguments".to_owned() } else { format!("choose from {}", known.join(", ")) };
    Error::new(name.span(), format!("`{name}` must be an argument of the function: {known}"))
}

//! What of a call is its key.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Expr, Ident, Type};

use crate::argument::Argument;
use crate::function::Function;
use crate::key::Key;
use crate::options::Options;

/// What of a call is its key.
pub(crate) enum Selection<'a> {
    /// These arguments: one as it is, several as a tuple.
    Arguments(Vec<&'a Argument>),
    Computed {
        ty: &'a Type,
        value: &'a Expr,
    },
}

impl<'a> Selection<'a> {
    pub(crate) fn of(function: &'a Function, options: &'a Options) -> syn::Result<Self> {
        let arguments = &function.arguments;
        let find = |name: &Ident| {
            arguments.iter().find(|argument| argument.name == *name).ok_or_else(|| unknown(name, arguments))
        };
        match &options.key {
            Some(Key::Computed { ty, value }) => Ok(Self::Computed { ty, value }),
            Some(Key::Arguments(names)) => Ok(Self::Arguments(names.iter().map(find).collect::<Result<_, _>>()?)),
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

    /// Whether a load can be made from the key alone.
    pub(crate) fn is_whole_call(&self, function: &Function) -> bool {
        let Self::Arguments(keyed) = self else { return false };
        let all = &function.arguments;
        keyed.len() == all.len() && keyed.iter().zip(all).all(|(keyed, argument)| keyed.name == argument.name)
    }

    /// Whether this argument is part of the key, as it is.
    pub(crate) fn names(&self, argument: &Argument) -> bool {
        matches!(self, Self::Arguments(keyed) if keyed.iter().any(|keyed| keyed.name == argument.name))
    }

    /// The type the key is looked up by; what owns it is the key.
    pub(crate) fn look(&self) -> TokenStream {
        match self {
            Self::Arguments(arguments) => match arguments.as_slice() {
                [one] => one.look().to_token_stream(),
                several => {
                    let types = several.iter().map(|argument| argument.owned_type());
                    quote!((#(#types,)*))
                }
            },
            Self::Computed { ty, .. } => ty.to_token_stream(),
        }
    }

    /// The key's type.
    pub(crate) fn owned_type(&self) -> TokenStream {
        match self {
            Self::Arguments(arguments) => match arguments.as_slice() {
                [one] => one.owned_type(),
                _ => self.look(),
            },
            Self::Computed { ty, .. } => ty.to_token_stream(),
        }
    }

    /// A reference to look the key up by. The arguments stay where they are, but for what an expression moves.
    pub(crate) fn reference(&self) -> TokenStream {
        match self {
            Self::Arguments(arguments) => match arguments.as_slice() {
                [one] if one.is_reference() => one.name.to_token_stream(),
                [one] => {
                    let name = &one.name;
                    quote!(&#name)
                }
                several => {
                    let copies = several.iter().map(|argument| argument.copied());
                    quote!(&(#(#copies,)*))
                }
            },
            Self::Computed { value, .. } => quote!(&(#value)),
        }
    }

    /// The types that the key is made of, each with the span of what the user wrote.
    pub(crate) fn parts(&self) -> Vec<TokenStream> {
        match self {
            Self::Arguments(arguments) => arguments.iter().map(|argument| argument.owned_type()).collect(),
            Self::Computed { ty, .. } => vec![ty.to_token_stream()],
        }
    }
}

fn unknown(name: &Ident, arguments: &[Argument]) -> Error {
    let known: Vec<_> = arguments.iter().map(|argument| format!("`{}`", argument.name)).collect();
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    Error::new(name.span(), format!("the function has no argument `{name}`: {known}"))
}

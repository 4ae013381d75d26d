//! What a function returns.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, GenericArgument, Ident, Path, PathArguments, ReturnType, Signature, Type};

use crate::unkeepable::{Unkeepable, Why};

/// What a function returns: a value, or a `Result` of one.
pub(crate) struct Answer {
    pub(crate) value: Type,
    pub(crate) error: Option<Type>,
}

impl Answer {
    pub(crate) fn of(signature: &Signature) -> syn::Result<Self> {
        let ReturnType::Type(_, returned) = &signature.output else {
            return Err(Error::new_spanned(&signature.ident, "this function returns nothing that could be cached"));
        };
        Unkeepable::refuse(returned, |why| match why {
            Why::Borrows => "a cached value outlives the call: return one that owns what it holds".into(),
            Why::SaysSelf => "a cache is a static, which can't say `Self`: write the type's name".into(),
            Why::Unnamed => "a cache is a static, whose type has to be named: return a type with a name".into(),
        })?;
        match result_arguments(returned) {
            None => Ok(Self { value: (**returned).clone(), error: None }),
            Some(arguments) => match arguments.as_slice() {
                [value, error] => Ok(Self { value: (*value).clone(), error: Some((*error).clone()) }),
                _ => Err(Error::new_spanned(
                    returned,
                    format!(
                        "`{}` hides its error's type, which the cache has to name: write `Result<T, E>` out",
                        returned.to_token_stream().to_string().replace(' ', "")
                    ),
                )),
            },
        }
    }
}

impl Answer {
    /// What the uncached function returns.
    pub(crate) fn returned(&self) -> TokenStream {
        let Self { value, error } = self;
        match error {
            Some(error) => quote!(::core::result::Result<#value, #error>),
            None => value.to_token_stream(),
        }
    }

    /// What the cache returns.
    pub(crate) fn cached(&self, library: &Path) -> TokenStream {
        let Self { value, error } = self;
        match error {
            Some(error) => quote!(::core::result::Result<#value, #library::CallError<#error>>),
            None => value.to_token_stream(),
        }
    }

    /// The methods that ask the cache, by an owned key and by a reference.
    pub(crate) fn calls(&self) -> (Ident, Ident) {
        let (call, call_ref) = if self.error.is_some() { ("try_call", "try_call_ref") } else { ("call", "call_ref") };
        (Ident::new(call, Span::call_site()), Ident::new(call_ref, Span::call_site()))
    }
}

/// The type arguments, if `ty` is a `Result`.
fn result_arguments(ty: &Type) -> Option<Vec<&Type>> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Some(Vec::new()) };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

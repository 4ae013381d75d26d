//! The return type of the function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, GenericArgument, Ident, Path, PathArguments, ReturnType, Signature, Type};

use crate::static_type::{StaticType, Violation};

/// The return type of the function: a value, or a `Result` with a value.
pub(crate) struct Output {
    pub(crate) value: Type,
    pub(crate) error: Option<Type>,
}

impl Output {
    pub(crate) fn new(signature: &Signature) -> syn::Result<Self> {
        let ReturnType::Type(_, returned) = &signature.output else {
            return Err(Error::new_spanned(&signature.ident, "a cached function must return a value"));
        };
        StaticType::check(returned, |violation| match violation {
            Violation::Borrows => {
                "a cached value must not borrow, since it outlives the call: return an owned type".into()
            }
            Violation::NamesSelf => {
                "the return type must not contain `Self`, since the cache is a static: write the type's name".into()
            }
            Violation::ImplTrait => {
                "the return type must have a name, since the cache is a static: return a named type".into()
            }
        })?;
        match result_arguments(returned) {
            None => Ok(Self { value: (**returned).clone(), error: None }),
            Some(arguments) => match arguments.as_slice() {
                [value, error] => Ok(Self { value: (*value).clone(), error: Some((*error).clone()) }),
                _ => Err(Error::new_spanned(
                    returned,
                    format!(
                        "`{}` must be written as `Result<T, E>`, since the cache needs the type of the error",
                        returned.to_token_stream().to_string().replace(' ', "")
                    ),
                )),
            },
        }
    }
}

impl Output {
    /// Returns the return type of the uncached function.
    pub(crate) fn uncached(&self) -> TokenStream {
        let Self { value, error } = self;
        match error {
            Some(error) => quote!(::core::result::Result<#value, #error>),
            None => value.to_token_stream(),
        }
    }

    /// Returns the type of the cache's results.
    pub(crate) fn cached(&self, library: &Path) -> TokenStream {
        let Self { value, error } = self;
        match error {
            Some(error) => quote!(::core::result::Result<#value, #library::CallError<#error>>),
            None => value.to_token_stream(),
        }
    }

    /// Returns the methods that call the cache, with an owned key and with a reference.
    pub(crate) fn call_methods(&self) -> (Ident, Ident) {
        let (call, call_ref) = if self.error.is_some() { ("try_call", "try_call_ref") } else { ("call", "call_ref") };
        (Ident::new(call, Span::call_site()), Ident::new(call_ref, Span::call_site()))
    }
}

/// Returns the type arguments of `ty` if it is a `Result`.
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

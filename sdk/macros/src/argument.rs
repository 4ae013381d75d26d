//! An argument of the function, other than `self`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, Pat, Type};

use crate::static_type::{StaticType, Violation};

/// An argument of the function, other than `self`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// The type of the argument, or the referenced type of a reference.
    ty: Type,
    is_reference: bool,
}

impl Argument {
    pub(crate) fn new(argument: &FnArg) -> syn::Result<Option<Self>> {
        let FnArg::Typed(argument) = argument else { return Ok(None) };
        let Pat::Ident(name) = &*argument.pat else {
            return Err(Error::new_spanned(
                &argument.pat,
                "an argument of a cached function must have a name: name it here, and destructure it in the body",
            ));
        };
        let (ty, is_reference) = match &*argument.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                return Err(Error::new_spanned(
                    &argument.ty,
                    "an argument of a cached function must not be `&mut`, since a hit doesn't run the function: take it by \
                     value or by `&`",
                ));
            }
            Type::Reference(reference) => (&*reference.elem, true),
            ty => (ty, false),
        };
        let argument = Self { name: name.ident.clone(), ty: ty.clone(), is_reference };
        StaticType::check(&argument.ty, |violation| argument.error(violation))?;
        Ok(Some(argument))
    }

    fn error(&self, violation: Violation) -> String {
        let name = &self.name;
        match violation {
            Violation::Borrows => format!(
                "`{name}` must be an owned type or a plain reference such as `&str`, since the cache stores its value"
            ),
            Violation::NamesSelf => format!(
                "the type of `{name}` must not contain `Self`, since the cache is a static: write the type's name"
            ),
            Violation::ImplTrait => {
                format!("the type of `{name}` must not be generic, since the cache is a static: use a named type")
            }
        }
    }

    /// Returns the type of look-ups: `str` for `&str`.
    pub(crate) fn lookup_type(&self) -> &Type {
        &self.ty
    }

    pub(crate) fn is_reference(&self) -> bool {
        self.is_reference
    }

    /// Returns the owned type: `String` for `&str`.
    pub(crate) fn owned_type(&self) -> TokenStream {
        let ty = &self.ty;
        if !self.is_reference {
            return ty.to_token_stream();
        }
        match ty {
            Type::Path(path) if path.path.is_ident("str") => quote_spanned!(ty.span()=> ::std::string::String),
            Type::Slice(slice) => {
                let item = &slice.elem;
                quote_spanned!(ty.span()=> ::std::vec::Vec<#item>)
            }
            _ => quote_spanned!(ty.span()=> <#ty as ::std::borrow::ToOwned>::Owned),
        }
    }

    /// Returns an expression that clones the argument into an owned value.
    pub(crate) fn cloned(&self) -> TokenStream {
        let (name, ty) = (&self.name, &self.ty);
        if self.is_reference {
            quote!(<#ty as ::std::borrow::ToOwned>::to_owned(#name))
        } else {
            quote!(::core::clone::Clone::clone(&#name))
        }
    }

    /// Returns an expression that makes the argument owned. Moves it if possible.
    pub(crate) fn owned(&self) -> TokenStream {
        if self.is_reference { self.cloned() } else { self.name.to_token_stream() }
    }

    /// Returns the expression to pass to the function, if the owned value has the name of the argument.
    pub(crate) fn passed(&self) -> TokenStream {
        let name = &self.name;
        if self.is_reference { quote!(&#name) } else { quote!(#name) }
    }
}

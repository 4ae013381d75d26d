//! An argument of the function, other than `self`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, Pat, Type};

use crate::unkeepable::{Unkeepable, Why};

/// An argument of the function, other than `self`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// Its type, or what it refers to.
    ty: Type,
    is_reference: bool,
}

impl Argument {
    pub(crate) fn of(argument: &FnArg) -> syn::Result<Option<Self>> {
        let FnArg::Typed(argument) = argument else { return Ok(None) };
        let Pat::Ident(name) = &*argument.pat else {
            return Err(Error::new_spanned(
                &argument.pat,
                "a cached function's arguments need names: name it here, and take it apart in the body",
            ));
        };
        let (ty, is_reference) = match &*argument.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                return Err(Error::new_spanned(
                    &argument.ty,
                    "`&mut` would let the function act, and a hit doesn't run it: take it by value or by `&`",
                ));
            }
            Type::Reference(reference) => (&*reference.elem, true),
            ty => (ty, false),
        };
        let argument = Self { name: name.ident.clone(), ty: ty.clone(), is_reference };
        Unkeepable::refuse(&argument.ty, |why| argument.refusal(why))?;
        Ok(Some(argument))
    }

    fn refusal(&self, why: Why) -> String {
        let name = &self.name;
        match why {
            Why::Borrows => format!(
                "`{name}` borrows in a way that can't be kept by a cache: take it owned, or as a plain reference such \
                 as `&str`"
            ),
            Why::SaysSelf => format!("a cache is a static, which can't say `Self`: write the type of `{name}` by name"),
            Why::Unnamed => format!("a cache is a static, which can't be generic: give `{name}` a type with a name"),
        }
    }

    /// The type it is looked up by: `str` for `&str`.
    pub(crate) fn look(&self) -> &Type {
        &self.ty
    }

    pub(crate) fn is_reference(&self) -> bool {
        self.is_reference
    }

    /// The type that owns it: `String` for `&str`.
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

    /// A copy that owns it, made from the function's argument.
    pub(crate) fn copied(&self) -> TokenStream {
        let (name, ty) = (&self.name, &self.ty);
        if self.is_reference {
            quote!(<#ty as ::std::borrow::ToOwned>::to_owned(#name))
        } else {
            quote!(::core::clone::Clone::clone(&#name))
        }
    }

    /// It, owned: moved where it can be.
    pub(crate) fn moved(&self) -> TokenStream {
        if self.is_reference { self.copied() } else { self.name.to_token_stream() }
    }

    /// What the function gets, where the owned one has the argument's name.
    pub(crate) fn passed(&self) -> TokenStream {
        let name = &self.name;
        if self.is_reference { quote!(&#name) } else { quote!(#name) }
    }
}

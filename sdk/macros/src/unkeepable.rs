//! What in a type can't be kept in a static.

use quote::ToTokens;
use syn::visit::{Visit, visit_type_path, visit_type_reference};
use syn::{Error, Lifetime, Type, TypeImplTrait, TypePath, TypeReference};

/// What in a type can't be kept in a static: the first that is found, with why.
#[derive(Default)]
pub(crate) struct Unkeepable(Option<(proc_macro2::Span, Why)>);

/// Why a type can't be kept.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Why {
    /// It borrows from the call.
    Borrows,
    /// It says `Self`, which an item inside a method can't.
    SaysSelf,
    /// It is `impl Trait`, which has no name.
    Unnamed,
}

impl Unkeepable {
    /// Fails with what `says` about the first part of `ty` that can't be kept.
    pub(crate) fn refuse(ty: &Type, says: impl Fn(Why) -> String) -> syn::Result<()> {
        let mut found = Self::default();
        found.visit_type(ty);
        match found.0 {
            Some((span, why)) => Err(Error::new(span, says(why))),
            None => Ok(()),
        }
    }

    fn find(&mut self, part: &impl ToTokens, why: Why) {
        self.0.get_or_insert_with(|| (syn::spanned::Spanned::span(part), why));
    }
}

impl<'ast> Visit<'ast> for Unkeepable {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.is_none() {
            self.find(reference, Why::Borrows);
        }
        visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.find(lifetime, Why::Borrows);
        }
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if path.path.segments.first().is_some_and(|first| first.ident == "Self") {
            self.find(path, Why::SaysSelf);
        }
        visit_type_path(self, path);
    }

    fn visit_type_impl_trait(&mut self, unnamed: &'ast TypeImplTrait) {
        self.find(unnamed, Why::Unnamed);
    }
}

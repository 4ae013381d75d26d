//! Checks that a type can be part of a static.

use quote::ToTokens;
use syn::visit::{Visit, visit_type_path, visit_type_reference};
use syn::{Error, Lifetime, Type, TypeImplTrait, TypePath, TypeReference};

/// Finds the first part of a type that can't be in a static.
#[derive(Default)]
pub(crate) struct StaticType(Option<(proc_macro2::Span, Violation)>);

/// The reason why a type can't be in a static.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Violation {
    /// The type borrows from the call.
    Borrows,
    /// The type contains `Self`, which an item inside a method can't name.
    NamesSelf,
    /// The type is `impl Trait`, which has no name.
    ImplTrait,
}

impl StaticType {
    /// Returns an error with the text of `message` for the first part of `ty` that can't be in a static.
    pub(crate) fn check(ty: &Type, message: impl Fn(Violation) -> String) -> syn::Result<()> {
        let mut found = Self::default();
        found.visit_type(ty);
        match found.0 {
            Some((span, violation)) => Err(Error::new(span, message(violation))),
            None => Ok(()),
        }
    }

    fn found(&mut self, part: &impl ToTokens, violation: Violation) {
        self.0.get_or_insert_with(|| (syn::spanned::Spanned::span(part), violation));
    }
}

impl<'ast> Visit<'ast> for StaticType {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.is_none() {
            self.found(reference, Violation::Borrows);
        }
        visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.found(lifetime, Violation::Borrows);
        }
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if path.path.segments.first().is_some_and(|first| first.ident == "Self") {
            self.found(path, Violation::NamesSelf);
        }
        visit_type_path(self, path);
    }

    fn visit_type_impl_trait(&mut self, unnamed: &'ast TypeImplTrait) {
        self.found(unnamed, Violation::ImplTrait);
    }
}

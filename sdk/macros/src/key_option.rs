//! The option `key`.

use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Error, Expr, Ident, Token, Type};

use crate::options::assigned;

/// The value of the option `key`.
pub(crate) enum KeyOption {
    /// `key = id`, `key = (user, lang)`.
    Arguments(Vec<Ident>),
    /// `key: u64 = user.id`.
    Computed { ty: Box<Type>, value: Box<Expr> },
}

impl KeyOption {
    pub(crate) fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![:]) {
            input.parse::<Token![:]>()?;
            let ty = input.parse()?;
            return Ok(Self::Computed { ty, value: Box::new(assigned(option, input)?) });
        }
        let value = assigned(option, input)?;
        let names: Option<Vec<Ident>> = match &value {
            Expr::Tuple(tuple) => tuple.elems.iter().map(argument_name).collect(),
            Expr::Paren(inner) => argument_name(&inner.expr).map(|name| vec![name]),
            single => argument_name(single).map(|name| vec![name]),
        };
        names.map(Self::Arguments).ok_or_else(|| {
            let value = value.to_token_stream();
            Error::new_spanned(
                &value,
                "a key expression must have a type, since the cache is a static: write `key: Type = …`, such as \
                 `key: u64 = user.id`",
            )
        })
    }
}

fn argument_name(value: &Expr) -> Option<Ident> {
    match value {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    }
}

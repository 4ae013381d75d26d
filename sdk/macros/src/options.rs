//! The options of the attribute.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, Lit, LitInt, Path, Token, Type, parenthesized, parse_quote};

use crate::key_option::KeyOption;
use crate::step::Step;

/// The options in the parentheses of the attribute.
pub(crate) struct Options {
    /// The path of the library. Default: `::cachescope`; `crate = …` overrides it.
    pub(crate) library: Path,
    pub(crate) name: Option<Expr>,
    pub(crate) key: Option<KeyOption>,
    pub(crate) skip: Vec<Ident>,
    /// The type in `store: Type = …`.
    pub(crate) store: Option<Type>,
    pub(crate) associated: bool,
    /// The calls of builder methods, in the order of the options.
    pub(crate) steps: Vec<Step>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self {
            library: parse_quote!(::cachescope),
            name: None,
            key: None,
            skip: Vec::new(),
            store: None,
            associated: false,
            steps: Vec::new(),
        };
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                options.library = input.parse()?;
            } else {
                let option: Ident = input.parse()?;
                // Both options set the store.
                let role = if option == "capacity" { "store".to_owned() } else { option.to_string() };
                if seen.contains(&role) {
                    let message = if role == "store" {
                        "the store must be set only once, by `store` or by `capacity`".to_owned()
                    } else {
                        format!("`{option}` must be set only once")
                    };
                    return Err(Error::new(option.span(), message));
                }
                seen.push(role);
                options.parse_value(&option, input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match (&options.key, options.skip.first()) {
            (Some(_), Some(skipped)) => Err(Error::new(
                skipped.span(),
                "`skip` must not be combined with `key`, which leaves out the arguments that it doesn't name: remove `skip`",
            )),
            _ => Ok(options),
        }
    }
}

impl Options {
    /// Parses the part of an option after its name.
    fn parse_value(&mut self, option: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match option.to_string().as_str() {
            "name" => self.name = Some(name(assigned(option, input)?)?),
            "key" => self.key = Some(KeyOption::parse(option, input)?),
            "skip" => self.skip = skipped(option, input)?,
            "associated" => self.associated = true,
            "capacity" => {
                let capacity = capacity(assigned(option, input)?)?;
                let library = &self.library;
                self.steps.push(Step::named("store", option.span(), quote!(#library::Moka::with_capacity(#capacity))));
            }
            _ => {
                if option == "store" && input.peek(Token![:]) {
                    input.parse::<Token![:]>()?;
                    self.store = Some(input.parse()?);
                }
                self.steps.push(Step::parse(option.clone(), input)?);
            }
        }
        Ok(())
    }
}

/// Parses `= value`.
pub(crate) fn assigned(option: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(Error::new(option.span(), format!("`{option}` must have a value: write `{option} = …`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

fn skipped(option: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(
            option.span(),
            "`skip` must list the arguments to leave out of the key: write `skip(db)`",
        ));
    }
    let names;
    parenthesized!(names in input);
    Ok(Punctuated::<Ident, Token![,]>::parse_terminated(&names)?.into_iter().collect())
}

/// Checks the name at compile time, instead of on the first call.
fn name(value: Expr) -> syn::Result<Expr> {
    if let Expr::Lit(literal) = &value
        && !matches!(&literal.lit, Lit::Str(text) if !text.value().is_empty())
    {
        let got = literal.to_token_stream();
        let message = format!("name must be non-empty text, got {got}: use a stable name such as \"user.by_id\"");
        return Err(Error::new_spanned(&value, message));
    }
    Ok(value)
}

fn capacity(value: Expr) -> syn::Result<TokenStream> {
    if let Expr::Lit(literal) = &value
        && let Lit::Int(number) = &literal.lit
        && is_zero(number)
    {
        return Err(Error::new_spanned(&value, "capacity must be greater than zero, got 0"));
    }
    Ok(value.to_token_stream())
}

fn is_zero(number: &LitInt) -> bool {
    number.base10_parse::<u64>().is_ok_and(|number| number == 0)
}

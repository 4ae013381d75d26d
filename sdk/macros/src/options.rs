//! What is written in the attribute's parentheses.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, Lit, LitInt, Path, Token, Type, parenthesized, parse_quote};

use crate::key::Key;
use crate::step::Step;

/// What is written in the attribute's parentheses.
pub(crate) struct Options {
    /// Where the library is: `::cachescope`, unless `crate = …` says otherwise.
    pub(crate) library: Path,
    pub(crate) name: Option<Expr>,
    pub(crate) key: Option<Key>,
    pub(crate) skip: Vec<Ident>,
    /// The type in `store: Type = …`.
    pub(crate) store: Option<Type>,
    pub(crate) associated: bool,
    /// Calls on the builder, in the order they are written.
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
                // Both say what the store is.
                let role = if option == "capacity" { "store".to_owned() } else { option.to_string() };
                if seen.contains(&role) {
                    return Err(Error::new(option.span(), format!("`{option}`: the {role} is given twice, keep one")));
                }
                seen.push(role);
                options.read(&option, input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match (&options.key, options.skip.first()) {
            (Some(_), Some(skipped)) => Err(Error::new(
                skipped.span(),
                "`key` says already what the key is: drop `skip`, arguments that `key` doesn't name are left out",
            )),
            _ => Ok(options),
        }
    }
}

impl Options {
    /// Reads what follows the option's name.
    fn read(&mut self, option: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match option.to_string().as_str() {
            "name" => self.name = Some(name(assigned(option, input)?)?),
            "key" => self.key = Some(Key::parse(option, input)?),
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

/// What is behind the `=`.
pub(crate) fn assigned(option: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(Error::new(option.span(), format!("`{option}` wants a value: `{option} = …`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

fn skipped(option: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(option.span(), "`skip` wants the arguments to leave out of the key: `skip(db)`"));
    }
    let names;
    parenthesized!(names in input);
    Ok(Punctuated::<Ident, Token![,]>::parse_terminated(&names)?.into_iter().collect())
}

/// A name that can't work is better refused here than on the first call.
fn name(value: Expr) -> syn::Result<Expr> {
    if let Expr::Lit(literal) = &value
        && !matches!(&literal.lit, Lit::Str(text) if !text.value().is_empty())
    {
        return Err(Error::new_spanned(&value, "a cache is named by text, dotted and stable: `name = \"user.by_id\"`"));
    }
    Ok(value)
}

fn capacity(value: Expr) -> syn::Result<TokenStream> {
    if let Expr::Lit(literal) = &value
        && let Lit::Int(number) = &literal.lit
        && is_zero(number)
    {
        return Err(Error::new_spanned(
            &value,
            "a cache of capacity 0 keeps nothing: give it room for 1 entry or more",
        ));
    }
    Ok(value.to_token_stream())
}

fn is_zero(number: &LitInt) -> bool {
    number.base10_parse::<u64>().is_ok_and(|number| number == 0)
}

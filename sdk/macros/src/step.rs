//! A call of a builder method.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::ParseStream;
use syn::{Error, Expr, Ident, Lit, LitStr, Token, parenthesized};

/// A call of a builder method: `step = value`, `step(value, value)` or `step`.
///
/// Any name is accepted here, and the compiler checks that the builder has such a method. So a new method needs no
/// change.
pub(crate) struct Step {
    name: Ident,
    values: TokenStream,
}

impl Step {
    pub(crate) fn named(name: &str, span: Span, values: TokenStream) -> Self {
        Self { name: Ident::new(name, span), values }
    }

    pub(crate) fn parse(name: Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let values = if input.peek(syn::token::Paren) {
            let values;
            parenthesized!(values in input);
            values.parse()?
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            match input.parse()? {
                Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)) => {
                    let Lit::Str(text) = literal.lit else { return Err(input.error("expected text")) };
                    duration(&name, &text)?
                }
                value => value.to_token_stream(),
            }
        } else {
            TokenStream::new()
        };
        Ok(Self { name, values })
    }
}

impl ToTokens for Step {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { name, values } = self;
        tokens.extend(quote!(.#name(#values)));
    }
}

/// Parses text after `=` as a duration, which is the type of most options.
fn duration(step: &Ident, text: &LitStr) -> syn::Result<TokenStream> {
    let duration = humantime::parse_duration(&text.value()).map_err(|_| {
        let written = text.value();
        Error::new(
            text.span(),
            format!(
                "`{step}` must be a duration, got \"{written}\": write a number and its unit, such as \"250ms\", \
                 \"60s\", \"5min\" or \"1h 30min\"; other text goes in parentheses, `{step}(\"…\")`"
            ),
        )
    })?;
    let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    Ok(quote_spanned!(text.span()=> ::core::time::Duration::new(#seconds, #nanoseconds)))
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;

    fn step(text: &str) -> Result<String, String> {
        let parser = |input: ParseStream<'_>| Step::parse(input.parse()?, input);
        let step = parser.parse_str(text).map_err(|error| error.to_string())?;
        Ok(step.to_token_stream().to_string().replace(' ', ""))
    }

    #[test]
    fn option_becomes_builder_call() {
        assert_eq!(step("stale_after = ttl()").unwrap(), ".stale_after(ttl())");
        assert_eq!(step("between(1, 2)").unwrap(), ".between(1,2)");
        assert_eq!(step("quiet").unwrap(), ".quiet()");
        assert_eq!(step("label(\"1s\")").unwrap(), ".label(\"1s\")");
    }

    #[test]
    fn text_after_equals_sign_is_parsed_as_duration() {
        assert_eq!(step("x = \"90s\"").unwrap(), ".x(::core::time::Duration::new(90u64,0u32))");
        assert_eq!(step("x = \"1m 250ms\"").unwrap(), ".x(::core::time::Duration::new(60u64,250000000u32))");
        assert!(step("x = \"60\"").unwrap_err().contains("its unit"));
    }
}

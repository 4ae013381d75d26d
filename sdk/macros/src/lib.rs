//! The attribute [`macro@cached`], which puts a cache before a function. Use it as `cachescope::cached`,
//! with the feature `macros`.

mod answer;
mod argument;
mod carried;
mod claims;
mod expansion;
mod function;
mod key;
mod keyed;
mod manner;
mod options;
mod place;
mod plain;
mod selection;
mod step;
mod unkeepable;

use proc_macro::TokenStream;
use quote::quote;

#[doc = include_str!("cached.md")]
#[proc_macro_attribute]
pub fn cached(options: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match expansion::expand(options.into(), item.clone()) {
        Ok(expanded) => expanded.into(),
        Err(error) => {
            let error = error.to_compile_error();
            // The function stays, so that its callers don't add errors of their own.
            quote!(#error #item).into()
        }
    }
}

//! The attribute [`macro@cached`], which puts a cache in front of a function. Use it as `cachescope::cached`,
//! with the feature `macros`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod argument;
mod bounds;
mod captured_load;
mod expansion;
mod function;
mod key;
mod key_only;
mod key_option;
mod key_with_load;
mod location;
mod mode;
mod options;
mod output;
mod static_type;
mod step;

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
            // The function stays, so that its callers don't cause more errors.
            quote!(#error #item).into()
        }
    }
}

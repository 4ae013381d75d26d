//! A key that brings its load along.
//!
//! Hashed and compared it is the key; the loader takes the load out of it. `__Asked` is what a request looks up by:
//! it borrows the key, and becomes a `__Keyed` only on a miss, which is when the load is made and `self` is cloned.
//! All clones of one `__Keyed` share one cell with the load, empty once it is taken: what is stored keeps nothing of
//! the call but the key.

use proc_macro2::TokenStream;
use quote::quote;

/// The types, for keys looked up by `look` and loads of type `load`.
pub(crate) fn types(look: &TokenStream, load: &TokenStream) -> TokenStream {
    quote! {
        #[derive(::core::clone::Clone)]
        struct __Keyed {
            key: <#look as ::std::borrow::ToOwned>::Owned,
            load: ::std::sync::Arc<::std::sync::Mutex<::core::option::Option<#load>>>,
        }

        impl __Keyed {
            fn load(&self) -> #load {
                let mut load = self.load.lock().unwrap_or_else(::std::sync::PoisonError::into_inner);
                match load.take() {
                    ::core::option::Option::Some(load) => load,
                    ::core::option::Option::None => ::core::unreachable!("a request loads once"),
                }
            }
        }

        struct __Asked<'call> {
            key: &'call #look,
            load: &'call (dyn ::core::ops::Fn() -> #load + ::core::marker::Sync),
        }

        trait __Key {
            fn look(&self) -> &#look;
            fn keyed(&self) -> __Keyed;
        }

        impl __Key for __Keyed {
            fn look(&self) -> &#look {
                ::core::borrow::Borrow::borrow(&self.key)
            }
            fn keyed(&self) -> __Keyed {
                ::core::clone::Clone::clone(self)
            }
        }

        impl __Key for __Asked<'_> {
            fn look(&self) -> &#look {
                self.key
            }
            fn keyed(&self) -> __Keyed {
                let load = ::core::option::Option::Some((self.load)());
                __Keyed {
                    key: ::std::borrow::ToOwned::to_owned(self.key),
                    load: ::std::sync::Arc::new(::std::sync::Mutex::new(load)),
                }
            }
        }

        impl ::core::hash::Hash for __Keyed {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(__Key::look(self), state);
            }
        }
        impl ::core::cmp::PartialEq for __Keyed {
            fn eq(&self, other: &Self) -> bool {
                __Key::look(self) == __Key::look(other)
            }
        }
        impl ::core::cmp::Eq for __Keyed {}

        impl ::core::hash::Hash for dyn __Key + ::core::marker::Sync + '_ {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(self.look(), state);
            }
        }
        impl ::core::cmp::PartialEq for dyn __Key + ::core::marker::Sync + '_ {
            fn eq(&self, other: &Self) -> bool {
                self.look() == other.look()
            }
        }
        impl ::core::cmp::Eq for dyn __Key + ::core::marker::Sync + '_ {}

        impl ::core::borrow::Borrow<#look> for __Keyed {
            fn borrow(&self) -> &#look {
                __Key::look(self)
            }
        }
        impl<'call> ::core::borrow::Borrow<dyn __Key + ::core::marker::Sync + 'call> for __Keyed {
            fn borrow(&self) -> &(dyn __Key + ::core::marker::Sync + 'call) {
                self
            }
        }
        impl ::std::borrow::ToOwned for dyn __Key + ::core::marker::Sync + '_ {
            type Owned = __Keyed;
            fn to_owned(&self) -> __Keyed {
                self.keyed()
            }
        }
    }
}

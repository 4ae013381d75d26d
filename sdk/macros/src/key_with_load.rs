//! A key that carries its load.
//!
//! `__KeyWithLoad` hashes and compares as the key; the loader takes the load out of it. A request looks up a
//! `__RequestKey`, which borrows the key. Only a miss converts it into a `__KeyWithLoad`, makes the load and clones
//! `self`. All clones of a `__KeyWithLoad` share one cell with the load, which is empty once the load is taken. So a
//! stored entry keeps the key, and nothing else of the call.

use proc_macro2::TokenStream;
use quote::quote;

/// Returns the types for look-ups of type `lookup_type` and loads of type `load`.
pub(crate) fn types(lookup_type: &TokenStream, load: &TokenStream) -> TokenStream {
    quote! {
        #[derive(::core::clone::Clone)]
        struct __KeyWithLoad {
            key: <#lookup_type as ::std::borrow::ToOwned>::Owned,
            load: ::std::sync::Arc<::std::sync::Mutex<::core::option::Option<#load>>>,
        }

        impl __KeyWithLoad {
            fn load(&self) -> #load {
                let mut load = self.load.lock().unwrap_or_else(::std::sync::PoisonError::into_inner);
                match load.take() {
                    ::core::option::Option::Some(load) => load,
                    ::core::option::Option::None => ::core::unreachable!("a request runs its load once"),
                }
            }
        }

        struct __RequestKey<'call> {
            key: &'call #lookup_type,
            load: &'call (dyn ::core::ops::Fn() -> #load + ::core::marker::Sync),
        }

        trait __LookupKey {
            fn lookup_key(&self) -> &#lookup_type;
            fn with_load(&self) -> __KeyWithLoad;
        }

        impl __LookupKey for __KeyWithLoad {
            fn lookup_key(&self) -> &#lookup_type {
                ::core::borrow::Borrow::borrow(&self.key)
            }
            fn with_load(&self) -> __KeyWithLoad {
                ::core::clone::Clone::clone(self)
            }
        }

        impl __LookupKey for __RequestKey<'_> {
            fn lookup_key(&self) -> &#lookup_type {
                self.key
            }
            fn with_load(&self) -> __KeyWithLoad {
                let load = ::core::option::Option::Some((self.load)());
                __KeyWithLoad {
                    key: ::std::borrow::ToOwned::to_owned(self.key),
                    load: ::std::sync::Arc::new(::std::sync::Mutex::new(load)),
                }
            }
        }

        impl ::core::hash::Hash for __KeyWithLoad {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(__LookupKey::lookup_key(self), state);
            }
        }
        impl ::core::cmp::PartialEq for __KeyWithLoad {
            fn eq(&self, other: &Self) -> bool {
                __LookupKey::lookup_key(self) == __LookupKey::lookup_key(other)
            }
        }
        impl ::core::cmp::Eq for __KeyWithLoad {}

        impl ::core::hash::Hash for dyn __LookupKey + ::core::marker::Sync + '_ {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(self.lookup_key(), state);
            }
        }
        impl ::core::cmp::PartialEq for dyn __LookupKey + ::core::marker::Sync + '_ {
            fn eq(&self, other: &Self) -> bool {
                self.lookup_key() == other.lookup_key()
            }
        }
        impl ::core::cmp::Eq for dyn __LookupKey + ::core::marker::Sync + '_ {}

        impl ::core::borrow::Borrow<#lookup_type> for __KeyWithLoad {
            fn borrow(&self) -> &#lookup_type {
                __LookupKey::lookup_key(self)
            }
        }
        impl<'call> ::core::borrow::Borrow<dyn __LookupKey + ::core::marker::Sync + 'call> for __KeyWithLoad {
            fn borrow(&self) -> &(dyn __LookupKey + ::core::marker::Sync + 'call) {
                self
            }
        }
        impl ::std::borrow::ToOwned for dyn __LookupKey + ::core::marker::Sync + '_ {
            type Owned = __KeyWithLoad;
            fn to_owned(&self) -> __KeyWithLoad {
                self.with_load()
            }
        }
    }
}

//! A folder of files as a cachescope store.

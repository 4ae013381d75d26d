//! Pictures of the page, for READMEs.

use serde::Deserialize;

use crate::shop::{Shop, USERS};
use crate::site::Site;

/// The result of `pictures.js`.
#[derive(Debug, Deserialize)]
struct Pictures {
    pictures: Vec<std::path::PathBuf>,
}

#[test]
fn pictures_are_taken_in_both_themes_if_a_folder_is_named() {
    let Ok(folder) = std::env::var("CACHESCOPE_PICTURES") else { return };
    let site = Site::open().unwrap();
    let _shop = Shop::open(&site.runtime);
    let seen = site.show::<Pictures>("pictures.js", &[("CACHE", USERS), ("PICTURES", &folder)]).unwrap();
    assert!(seen.result.pictures.iter().all(|picture| picture.exists()), "{seen:?}");
}

//! The page's files, which are compiled into the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The page's HTML. `{BASE}` is replaced by the path of the other files.
const INDEX: &str = include_str!("../assets/index.html");

macro_rules! files {
    ($($name:literal: $kind:expr,)+) => { [$(($name, $kind, include_bytes!(concat!("../assets/", $name)))),+] };
}

const FILES: &[(&str, &str, &[u8])] = &files![
    "icon.svg": SVG,
    "page.css": CSS,
    "page.js": JS,
    "charts.js": JS,
    "curve.js": JS,
    "detail.js": JS,
    "format.js": JS,
    "lists.js": JS,
    "state.js": JS,
    "stream.js": JS,
    "table.js": JS,
    "theme.js": JS,
    "what_if.js": JS,
    "uplot/uPlot.iife.min.js": JS,
    "uplot/uPlot.min.css": CSS,
];

/// The entity tag of all files together, so that a page never mixes files of two versions.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    FILES.iter().for_each(|(name, _, bytes)| (hasher.write(name.as_bytes()), hasher.write(bytes)).1);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).unwrap_or(HeaderValue::from_static("\"\""))
});

pub(crate) async fn asset(Path(path): Path<String>, request: HeaderMap) -> Response {
    let Some((_, kind, bytes)) = FILES.iter().find(|(name, ..)| *name == path) else {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    };
    let known = request.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let tag = TAG.clone();
    // Browsers may keep the file, but revalidate it each time: a short response, and a new program has new files.
    let cached = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if tag.to_str().is_ok_and(|tag| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (cached, [(header::CONTENT_TYPE, *kind)], *bytes).into_response()
}

/// Returns the page for this path. Its files are relative to the path, so the page works wherever it is mounted.
pub(crate) fn index(path: &str) -> Response {
    let base = match path.rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => format!("./{}/", escaped(last)),
        _ => "./".to_owned(),
    };
    ([(header::CONTENT_TYPE, HTML)], INDEX.replace("{BASE}", &base)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_loads_nothing_from_other_hosts() {
        let all = FILES.iter().copied().chain([("index.html", HTML, INDEX.as_bytes())]);
        for (name, _, bytes) in all {
            let text = std::str::from_utf8(bytes).unwrap();
            for (at, _) in text.match_indices("://") {
                // Never fetched: the namespace of SVG, and the address of the chart library in its comment.
                let never_fetched = ["://www.w3.org/2000/svg", "://github.com/leeoniya/uPlot"];
                assert!(never_fetched.iter().any(|known| text[at..].starts_with(known)), "{name} names an address");
            }
            for foreign in ["src=\"//", "href=\"//", "@import", "url(//", "url(http"] {
                assert!(!text.contains(foreign), "{name} has {foreign}");
            }
        }
        for inline in ["<style", " style=", " onclick=", " onload="] {
            assert!(!INDEX.contains(inline), "{inline}");
        }
        for script in INDEX.split("<script").skip(1) {
            let (attributes, rest) = script.split_once('>').unwrap();
            assert!(attributes.contains("src=\"assets/") && rest.starts_with("</script>"), "{attributes}");
        }
    }

    #[test]
    fn every_imported_module_is_served() {
        for (name, _, bytes) in FILES.iter().filter(|(name, ..)| name.ends_with(".js") && !name.contains('/')) {
            let text = std::str::from_utf8(bytes).unwrap();
            for import in text.split("from \"./").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(FILES.iter().any(|(file, ..)| *file == import), "{name} imports {import}");
            }
        }
    }
}

//! A page, and who looks at it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use cachescope_stack::Browser;
use cachescope_zpages::Server;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

/// Caches are of the process, and so on every page of it: one test at a time has some.
static ALONE: Mutex<()> = Mutex::new(());

/// The page of this process's caches.
pub(crate) struct Site {
    server: Server,
    /// What requests come from is spawned here. After the server, before the next test.
    pub(crate) runtime: Runtime,
    browser: Browser,
    _alone: MutexGuard<'static, ()>,
}

/// What a script saw.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen<T> {
    /// Which hosts were asked for anything.
    pub(crate) hosts: Vec<String>,
    /// What the browser said went wrong.
    pub(crate) complaints: Vec<String>,
    #[serde(flatten)]
    pub(crate) told: T,
}

impl Site {
    pub(crate) fn open() -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let browser = Browser::new()?;
        let runtime = Runtime::new()?;
        let server = runtime.block_on(Server::bind("127.0.0.1:0"))?;
        Ok(Self { server, runtime, browser, _alone: alone })
    }

    /// Has the script of this name look at the page.
    pub(crate) fn show<T: DeserializeOwned>(&self, script: &str, settings: &[(&str, &str)]) -> Result<Seen<T>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("page").join(script);
        let page = format!("http://{}/", self.server.address());
        let said = self.browser.run(&script, &[&[("PAGE", page.as_str())], settings].concat())?;
        println!("{said}");
        serde_json::from_str(&said).with_context(|| format!("{} says no JSON: {said}", script.display()))
    }

    /// What the page's scripts read of this cache.
    pub(crate) fn cache(&self, name: &str) -> Result<serde_json::Value> {
        let mut answer = ureq::get(format!("http://{}/caches/{name}.json", self.server.address())).call()?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }
}

//! The page of this process's caches, and a browser.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use cachescope_harness::Browser;
use cachescope_zpages::Server;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

/// Every page shows all caches of the process, so only one test at a time has caches.
static ALONE: Mutex<()> = Mutex::new(());

/// The page and the browser.
pub(crate) struct Site {
    server: Server,
    /// The runtime of requests. Dropped after the server and before the next test.
    pub(crate) runtime: Runtime,
    browser: Browser,
    _alone: MutexGuard<'static, ()>,
}

/// The output of a script.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen<T> {
    /// The hosts that the browser sent requests to.
    pub(crate) hosts: Vec<String>,
    /// The browser's warnings and errors.
    pub(crate) complaints: Vec<String>,
    #[serde(flatten)]
    pub(crate) result: T,
}

impl Site {
    pub(crate) fn open() -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let browser = Browser::new()?;
        let runtime = Runtime::new()?;
        let server = runtime.block_on(Server::bind("127.0.0.1:0"))?;
        Ok(Self { server, runtime, browser, _alone: alone })
    }

    /// Runs a script on the page.
    pub(crate) fn show<T: DeserializeOwned>(&self, script: &str, settings: &[(&str, &str)]) -> Result<Seen<T>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("systems/page").join(script);
        let page = format!("http://{}/", self.server.address());
        let output = self.browser.run(&script, &[&[("PAGE", page.as_str())], settings].concat())?;
        println!("{output}");
        serde_json::from_str(&output).with_context(|| format!("{} writes no JSON: {output}", script.display()))
    }

    /// The JSON that the page's own scripts read of a cache.
    pub(crate) fn cache(&self, name: &str) -> Result<serde_json::Value> {
        let mut answer = ureq::get(format!("http://{}/caches/{name}.json", self.server.address())).call()?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }
}

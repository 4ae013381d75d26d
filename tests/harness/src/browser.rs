//! A real browser, for pages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::package;
use crate::recipe::Recipe;
use crate::run;

/// Playwright, which drives the browser.
const RECIPE: Recipe = Recipe {
    name: "browser",
    files: &[
        ("package.json", include_str!("../parts/browser/package.json")),
        ("package-lock.json", include_str!("../parts/browser/package-lock.json")),
        ("browser.js", include_str!("../parts/browser/browser.js")),
    ],
    steps: &[&["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
    binary: "node_modules/playwright-core/index.js",
};

/// Chromium without a window, which scripts drive through Playwright.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// let browser = cachescope_harness::Browser::new()?;
/// let output = browser.run("page.js".as_ref(), &[("PAGE", "http://127.0.0.1:8790/")])?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Browser {
    chromium: PathBuf,
    /// The folders in which scripts find their modules.
    modules: [PathBuf; 2],
}

impl Browser {
    /// Finds Chromium, or installs it if this process runs as root. Installs Playwright with npm, without a browser.
    ///
    /// # Errors
    /// When either can't be installed; names which.
    pub fn new() -> Result<Self> {
        let chromium = package::program("chromium", "chromium")?;
        let binary = RECIPE.binary(&run::cache_folder()?)?;
        let modules = binary.ancestors().nth(2).context("Playwright is not where its recipe leaves it")?.to_owned();
        let build = modules.parent().context("Playwright is not where its recipe leaves it")?.to_owned();
        Ok(Self { chromium, modules: [build, modules] })
    }

    /// Runs a script in Node to its end, and returns its standard output. In the script, `require("browser").launch()`
    /// returns Chromium as a browser of Playwright. Blocks.
    ///
    /// # Errors
    /// When Node can't be run, or the script fails; shows all output.
    pub fn run(&self, script: &Path, environment: &[(&str, &str)]) -> Result<String> {
        let mut node = Command::new("node");
        node.arg(script)
            .env("NODE_PATH", std::env::join_paths(&self.modules)?)
            .env("CACHESCOPE_CHROMIUM", &self.chromium)
            .envs(environment.iter().copied());
        command::succeed(&mut node, "").with_context(|| format!("in the browser, {} failed", script.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn run(script: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("script.js");
        fs::write(&file, script)?;
        Browser::new()?.run(&file, &[("SAID", "what was set")])
    }

    #[test]
    fn script_sees_the_page_of_the_browser() {
        let said = run(r#"require("browser").launch().then(async (browser) => {
            const page = await browser.newPage();
            await page.setContent("<p>none</p><script>document.querySelector('p').innerText = 1 + 1</script>");
            console.log(await page.innerText("p"), process.env.SAID);
            await browser.close();
        })"#);
        assert_eq!(said.unwrap(), "2 what was set\n");
    }

    #[test]
    fn script_that_fails_or_hangs_is_an_error_with_the_reason() {
        let error = format!("{:#}", run("throw new Error('as it should')").unwrap_err());
        assert!(error.contains("script.js failed") && error.contains("as it should"), "{error}");
        let stuck = run("require('browser').launch(1).then(() => new Promise(() => setInterval(() => {}, 100)))");
        let error = format!("{:#}", stuck.unwrap_err());
        assert!(error.contains("not done within 1 s"), "{error}");
    }
}

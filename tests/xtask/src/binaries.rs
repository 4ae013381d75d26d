//! The test binaries of the workspace. Cargo builds all of them; this program runs them, some of them at the same time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Message, Metadata, Package, TargetKind};

use crate::cargo;

/// The crate that starts real parts.
const HARNESS: &str = "cachescope-harness";

/// The needs of a test binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// Only cores.
    Nothing,
    /// Real parts. Such a binary waits most of the time.
    Parts,
    /// Real parts, and no other test binary beside it: it limits real time.
    Quiet,
}

/// A test binary.
#[derive(Debug)]
pub(crate) struct Binary {
    package: Package,
    target: String,
    pub(crate) needs: Needs,
    executable: PathBuf,
}

/// Builds the test binaries of all crates with all features; with `fast`, only those that need no real part.
pub(crate) fn build(metadata: &Metadata, fast: bool) -> Result<Vec<Binary>> {
    let mut command = cargo::command(["test", "--workspace", "--all-features", "--no-run"]);
    command.arg("--message-format=json-render-diagnostics");
    if fast {
        command.args(["--lib", "--bins"]).args(fast_targets(metadata).iter().flat_map(|name| ["--test", name]));
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    let mut binaries = Vec::new();
    for message in Message::parse_stream(output.stdout.as_slice()) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        if let (true, Some(executable)) = (artifact.profile.test, artifact.executable) {
            let package = &metadata[&artifact.package_id];
            let needs = needs(package, &artifact.target.name, &artifact.target.kind);
            let (package, target, executable) = (package.clone(), artifact.target.name, executable.into_std_path_buf());
            binaries.push(Binary { package, target, needs, executable });
        }
    }
    binaries.retain(|binary| !fast || binary.needs == Needs::Nothing);
    ensure!(!binaries.is_empty(), "cargo built no test binary");
    Ok(binaries)
}

/// The names of test targets that need no real part. Another crate may have a target of the same name that needs one.
fn fast_targets(metadata: &Metadata) -> Vec<String> {
    let packages = metadata.workspace_packages().into_iter();
    let targets = packages.flat_map(|package| package.targets.iter().map(move |target| (package, target)));
    let tests = targets
        .filter(|(package, target)| target.is_test() && needs(package, &target.name, &target.kind) == Needs::Nothing);
    let mut names: Vec<String> = tests.map(|(_, target)| target.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The needs of a target: all test targets of a crate that uses the harness need parts. Its manifest lists exceptions in
/// `package.metadata.tests`.
fn needs(package: &Package, target: &str, kinds: &[TargetKind]) -> Needs {
    let listed = |list: &str| {
        let names = package.metadata["tests"][list].as_array().into_iter().flatten();
        names.filter_map(|name| name.as_str()).any(|name| name == target)
    };
    let uses_harness = package.dependencies.iter().any(|dependency| dependency.name == HARNESS);
    let is_test = kinds.contains(&TargetKind::Test) || kinds.contains(&TargetKind::Example);
    if listed("quiet") {
        Needs::Quiet
    } else if package.name.as_str() == HARNESS || (uses_harness && is_test && !listed("without-parts")) {
        Needs::Parts
    } else {
        Needs::Nothing
    }
}

impl Binary {
    /// The name of the crate, and of the target if it differs.
    pub(crate) fn name(&self) -> String {
        let (package, target) = (self.package.name.as_str(), self.target.as_str());
        if package.replace('-', "_") == target.replace('-', "_") {
            format!("test {package}")
        } else {
            format!("test {package}: {target}")
        }
    }

    /// Runs it with the folder and the variables that cargo sets.
    ///
    /// # Errors
    /// If a test fails; shows the output.
    pub(crate) fn run(&self, settings: &[(&str, OsString)]) -> Result<()> {
        let folder = self.package.manifest_path.parent().context("a manifest is in a folder")?;
        let mut command = Command::new(&self.executable);
        command
            .current_dir(folder)
            .env("CARGO_MANIFEST_DIR", folder)
            .env("CARGO_MANIFEST_PATH", &self.package.manifest_path)
            .env("CARGO_PKG_NAME", self.package.name.as_str())
            .env("CARGO_PKG_VERSION", self.package.version.to_string())
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot run {}", self.executable.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status;
        ensure!(status.success(), "{status}\n{}{}", text(&output.stdout), text(&output.stderr));
        Ok(())
    }
}

/// The `LD_LIBRARY_PATH` with the compiler's libraries, for test binaries of procedural macros.
pub(crate) fn library_path() -> Result<OsString> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().context("cannot run rustc")?;
    ensure!(output.status.success(), "rustc --print sysroot: {}", output.status);
    let sysroot = String::from_utf8(output.stdout)?;
    let present = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = std::env::split_paths(&present).filter(|folder| folder != Path::new(""));
    Ok(std::env::join_paths([PathBuf::from(sysroot.trim()).join("lib")].into_iter().chain(folders))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_use_the_harness_need_parts_unless_the_manifest_says_otherwise() {
        let metadata = cargo::metadata().unwrap();
        let needs = |name: &str, target: &str| {
            let packages = metadata.workspace_packages();
            let package = packages.into_iter().find(|package| package.name.as_str() == name).unwrap();
            let mut targets = package.targets.iter();
            let found = targets.rfind(|found| found.name.replace('-', "_") == target.replace('-', "_"));
            super::needs(package, target, &found.unwrap_or_else(|| panic!("{name} has no {target}")).kind)
        };
        for (package, target, expected) in [
            ("cachescope-tests", "claims", Needs::Nothing),
            ("cachescope-tests", "tidy", Needs::Nothing),
            ("cachescope-tests", "systems", Needs::Parts),
            ("cachescope-tests", "configs", Needs::Parts),
            ("cachescope-tests", "timing", Needs::Quiet),
            ("cachescope-tests", "page", Needs::Quiet),
            ("cachescope-tests", "cachescope-tests", Needs::Nothing),
            ("cachescope-harness", "cachescope-harness", Needs::Parts),
            ("cachescope-redis", "cachescope-redis", Needs::Nothing),
            ("cachescope-redis", "it", Needs::Parts),
            ("cachescope-statsd", "it", Needs::Nothing),
        ] {
            assert_eq!(needs(package, target), expected, "{package}: {target}");
        }
        assert!(fast_targets(&metadata).contains(&"claims".to_owned()));
        assert!(!fast_targets(&metadata).contains(&"systems".to_owned()));
    }
}

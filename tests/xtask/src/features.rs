//! Checks of each feature of each published library alone: `--all-features` hides a feature that needs another one.

use std::fmt::{self, Display};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{Metadata, Package};

use crate::cargo;
use crate::steps::Steps;

/// A check of a crate with one feature, or with none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    package: String,
    feature: Option<String>,
}

impl Check {
    fn command(&self, target: &Path) -> Command {
        let mut command = cargo::command(["check", "--quiet", "--lib", "--package", &self.package]);
        command.arg("--no-default-features").args(self.feature.iter().flat_map(|feature| ["--features", feature]));
        // No crate is edited between two checks, so incremental data would be useless.
        command.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
        command
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feature = self.feature.as_deref().unwrap_or("no feature");
        write!(f, "check {} with {feature}", self.package)
    }
}

/// The crate with the most features.
const UMBRELLA: &str = "cachescope";

/// Runs all checks in two threads. Most of the time, a check compiles one crate and uses one core. Each thread has its own
/// target folder, as cargo locks a folder during a build.
pub(crate) fn check_all(metadata: &Metadata, steps: &Steps) {
    let (umbrella, others): (Vec<Check>, Vec<Check>) =
        checks(metadata).into_iter().partition(|check| check.package == UMBRELLA);
    let own = metadata.target_directory.join("features");
    let lane = |checks: Vec<Check>, target: &Path| {
        for check in checks {
            steps.run(check.to_string(), || cargo::succeed(&mut check.command(target)));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| lane(umbrella, metadata.target_directory.as_std_path()));
        scope.spawn(|| lane(others, own.as_std_path()));
    });
}

fn checks(metadata: &Metadata) -> Vec<Check> {
    // `publish = false` is an empty list of registries here.
    let published = |package: &&&Package| package.publish.as_ref().is_none_or(|registries| !registries.is_empty());
    let library = |package: &&&Package| package.targets.iter().any(|target| target.is_lib() || target.is_proc_macro());
    let packages = metadata.workspace_packages();
    packages.iter().filter(published).filter(library).flat_map(|package| checks_of(package)).collect()
}

fn checks_of(package: &Package) -> Vec<Check> {
    let named = package.features.keys().filter(|feature| *feature != "default").cloned().map(Some);
    let check = |feature| Check { package: package.name.to_string(), feature };
    std::iter::once(None).chain(named).map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_libraries_are_checked_and_tools_are_not() {
        let checks = checks(&cargo::metadata().unwrap());
        let bare = Check { package: "cachescope".to_owned(), feature: None };
        assert!(checks.contains(&bare), "{checks:?}");
        assert!(checks.iter().all(|check| check.package != "xtask" && check.package != "cachescope-harness"));
        assert!(checks.iter().all(|check| check.feature.as_deref() != Some("default")));
        assert!(checks.iter().any(|check| check.package == UMBRELLA && check.feature.is_some()));
    }

    #[test]
    fn feature_is_checked_without_the_default_ones() {
        let check = Check { package: "a".to_owned(), feature: Some("b".to_owned()) };
        let command = check.command(Path::new("/target"));
        let arguments: Vec<_> = command.get_args().collect();
        let expected = ["check", "--quiet", "--lib", "--package", "a", "--no-default-features", "--features", "b"];
        assert_eq!(arguments, expected);
    }
}

//! Each feature of each published library by itself: `--all-features` hides a feature that only builds beside another.

use std::fmt::{self, Display};

use anyhow::Result;
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// One crate with one feature, or with none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    package: String,
    feature: Option<String>,
}

impl Check {
    /// For cargo.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["check", "--quiet", "--package", &self.package, "--no-default-features"];
        arguments.extend(self.feature.iter().flat_map(|feature| ["--features", feature]));
        arguments
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feature = self.feature.as_deref().unwrap_or("no feature");
        write!(f, "check {} with {feature}", self.package)
    }
}

/// All checks of this workspace.
pub(crate) fn alone() -> Result<Vec<Check>> {
    Ok(checks(&MetadataCommand::new().no_deps().exec()?))
}

fn checks(metadata: &Metadata) -> Vec<Check> {
    // `publish = false` reads as a list of no registries.
    let published = |package: &&&Package| package.publish.as_ref().is_none_or(|registries| !registries.is_empty());
    let library = |package: &&&Package| package.targets.iter().any(|target| target.is_lib() || target.is_proc_macro());
    metadata.workspace_packages().iter().filter(published).filter(library).flat_map(|package| of(package)).collect()
}

fn of(package: &Package) -> Vec<Check> {
    let named = package.features.keys().filter(|feature| *feature != "default").cloned().map(Some);
    let check = |feature| Check { package: package.name.to_string(), feature };
    std::iter::once(None).chain(named).map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_libraries_are_checked_and_tools_are_not() {
        let checks = alone().unwrap();
        let bare = Check { package: "cachescope".to_owned(), feature: None };
        assert!(checks.contains(&bare), "{checks:?}");
        assert!(checks.iter().all(|check| check.package != "xtask" && check.package != "cachescope-stack"));
        assert!(checks.iter().all(|check| check.feature.as_deref() != Some("default")));
    }

    #[test]
    fn a_feature_is_checked_without_the_default_ones() {
        let check = Check { package: "a".to_owned(), feature: Some("b".to_owned()) };
        let expected = ["check", "--quiet", "--package", "a", "--no-default-features", "--features", "b"];
        assert_eq!(check.arguments(), expected);
    }
}

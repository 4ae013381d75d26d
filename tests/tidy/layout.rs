//! The layout: the directions of dependencies, the length of files, the folders and their READMEs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use super::{files, root};

/// The place of a crate, and the places of the crates that it may depend on. Tests may use everything and are used by
/// nothing, except the harness.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("sdk/core", &[]),
    ("sdk/telemetry", &["sdk/core"]),
    ("sdk/testing", &["sdk/core"]),
    ("sdk/macros", &[]),
    ("sdk/otel", &["sdk/core", "sdk/telemetry", "exporters"]),
    ("sdk/cachescope", &["sdk", "instrumentation", "exporters"]),
    ("instrumentation", &["sdk/core", "sdk/telemetry"]),
    ("exporters", &["exporters/common"]),
    ("exporters/common", &[]),
    // A page of caches, which reads them as a user would.
    ("exporters/zpages", &["sdk/cachescope", "exporters/common"]),
    ("examples", &["sdk", "instrumentation", "exporters"]),
    ("benches", &["sdk", "instrumentation", "exporters", "tests/harness"]),
    ("tests", &["sdk", "instrumentation", "exporters", "tests"]),
    ("tests/harness", &[]),
    ("tests/xtask", &["tests/harness"]),
];

/// Foreign crates that a place stays free of, directly and through others. A star stands at the end of a prefix.
const STAYS_FREE_OF: [(&str, &[&str]); 3] = [
    ("sdk/core", &["opentelemetry*", "tokio", "moka", "quick_cache"]),
    ("sdk/telemetry", &["opentelemetry_sdk", "tokio", "moka", "quick_cache"]),
    ("instrumentation", &["opentelemetry_sdk", "opentelemetry-otlp"]),
];

const FOLDERS: [&str; 7] = ["benches", "collector-config", "examples", "exporters", "instrumentation", "sdk", "tests"];
const LINE_LIMIT: usize = 800;

/// The entry of `table` for the longest prefix of `place`.
fn rule<'a, T>(table: &'a [(&str, T)], place: &str) -> Option<&'a T> {
    let within = |folder: &str| place == folder || place.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    table.iter().filter(|(folder, _)| within(folder)).max_by_key(|(folder, _)| folder.len()).map(|(_, rule)| rule)
}

/// Whether a crate at `user` may depend on one at `used`.
fn may_use(user: &str, used: &str) -> bool {
    let within =
        |folder: &&str| used == *folder || used.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    rule(&MAY_USE, user).is_some_and(|allowed| allowed.iter().any(within))
}

/// Whether a crate at `place` has to do without the foreign crate `name`.
fn stays_free_of(place: &str, name: &str) -> bool {
    let is_named = |pattern: &&str| pattern.strip_suffix('*').map_or(name == *pattern, |start| name.starts_with(start));
    rule(&STAYS_FREE_OF, place).is_some_and(|patterns| patterns.iter().any(is_named))
}

struct Graph {
    /// The places of the workspace's packages, by package id.
    places: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    /// The dependencies of each package, without those that only its tests use.
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of(metadata: &Metadata) -> Self {
        let root = root();
        let place = |manifest: &Path| {
            let folder = manifest.parent()?.canonicalize().ok()?;
            Some(folder.strip_prefix(&root).ok()?.to_str()?.to_owned())
        };
        let ours = metadata.workspace_packages().into_iter();
        let resolve = metadata.resolve.as_ref().expect("a resolved graph");
        Self {
            places: ours
                .filter_map(|package| Some((package.id.repr.clone(), place(package.manifest_path.as_std_path())?)))
                .collect(),
            names: metadata.packages.iter().map(|p| (p.id.repr.clone(), p.name.to_string())).collect(),
            edges: resolve
                .nodes
                .iter()
                .map(|node| {
                    let built_on = node
                        .deps
                        .iter()
                        .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
                    (node.id.repr.clone(), built_on.map(|dep| dep.pkg.repr.clone()).collect())
                })
                .collect(),
        }
    }

    fn all_below(&self, package: &str) -> BTreeSet<String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![package.to_owned()]);
        while let Some(next) = open.pop() {
            for used in &self.edges[&next] {
                if seen.insert(used.clone()) {
                    open.push(used.clone());
                }
            }
        }
        seen
    }
}

#[test]
fn crates_depend_only_on_what_their_places_allow() {
    let metadata = MetadataCommand::new().current_dir(root()).other_options(["--all-features".into()]).exec().unwrap();
    let graph = Graph::of(&metadata);
    assert!(graph.places.len() >= 10, "{:?}", graph.places);
    let mut wrong = Vec::new();
    for (id, place) in &graph.places {
        for used in graph.edges[id].iter().filter_map(|used| graph.places.get(used)) {
            if !may_use(place, used) {
                wrong.push(format!("{place} depends on {used}"));
            }
        }
        for used in graph.all_below(id).iter().map(|used| &graph.names[used]) {
            if stays_free_of(place, used) {
                wrong.push(format!("{place} ends up with {used}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn rules_refuse_what_the_layout_forbids() {
    for (user, used) in [
        ("sdk/core", "sdk/cachescope"),
        ("sdk/core", "sdk/telemetry"),
        ("sdk/telemetry", "sdk/otel"),
        ("sdk/telemetry", "exporters/common"),
        ("sdk/testing", "sdk/telemetry"),
        ("sdk/otel", "sdk/cachescope"),
        ("sdk/macros", "sdk/cachescope"),
        ("exporters/common", "sdk/core"),
        ("exporters/otlp", "sdk/telemetry"),
        ("exporters/prometheus", "exporters/otlp"),
        ("exporters/zpages", "sdk/telemetry"),
        ("instrumentation/moka", "sdk/cachescope"),
        ("instrumentation/moka", "instrumentation/redis"),
        ("sdk/cachescope", "tests"),
        ("tests/harness", "sdk/cachescope"),
        ("somewhere/new", "sdk/core"),
    ] {
        assert!(!may_use(user, used), "{user} may use {used}");
    }
    assert!(may_use("sdk/cachescope", "instrumentation/moka") && may_use("tests", "tests/harness"));
    assert!(stays_free_of("sdk/core", "opentelemetry-http") && !stays_free_of("sdk/otel", "opentelemetry-http"));
    assert!(stays_free_of("sdk/telemetry", "opentelemetry_sdk") && !stays_free_of("sdk/telemetry", "opentelemetry"));
}

#[test]
fn source_files_have_at_most_the_limit_of_lines() {
    let sources = files(&["rs"]).unwrap();
    assert!(sources.len() > 40, "only {} sources found", sources.len());
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = sources.iter().filter(|path| lines(path) > LINE_LIMIT).collect();
    assert!(long.is_empty(), "over {LINE_LIMIT} lines: {long:?}");
}

#[test]
fn folders_are_those_of_the_layout_and_have_a_readme() {
    let is_shown = |name: &str| !name.starts_with('.') && name != "target";
    let folders: BTreeSet<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_shown(name))
        .collect();
    assert_eq!(folders, FOLDERS.map(str::to_owned).into());
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec().unwrap();
    let crates = metadata.packages.iter().filter_map(|package| Some(package.manifest_path.parent()?.to_string()));
    for folder in FOLDERS.map(|folder| root().join(folder).display().to_string()).into_iter().chain(crates) {
        let readme = std::fs::read_to_string(Path::new(&folder).join("README.md"));
        assert!(readme.is_ok_and(|text| text.lines().count() >= 3), "{folder} has no README.md of a few lines");
    }
}

#[test]
fn crates_take_the_lints_of_the_workspace() {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec().unwrap();
    for package in &metadata.packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{}: no lints of the workspace", package.name);
    }
    // A public item without documentation is a warning, and so an error where warnings are denied.
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("\nmissing_docs = \"warn\"\n"));
}

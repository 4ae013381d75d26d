//! The layout keeps its promises: who may depend on whom, how long files are, which folders there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Where a crate of ours lives, and where the crates of ours live that it may be built on. Tests, examples and
/// benches may use everything, benches with it the servers of the tests, and are used by nothing.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("sdk/core", &[]),
    ("sdk/macros", &[]),
    ("sdk/otel", &["sdk/core", "exporters"]),
    ("sdk/cachescope", &["sdk/core", "sdk/macros", "sdk/otel", "instrumentation", "exporters"]),
    ("instrumentation", &["sdk/core"]),
    ("exporters", &["sdk/core"]),
    // A page of caches, which it reads as a user would.
    ("exporters/zpages", &["sdk/cachescope"]),
    ("examples", &["sdk", "instrumentation", "exporters"]),
    ("benches", &["sdk", "instrumentation", "exporters", "tests/stack"]),
    ("tests/xtask", &["tests/stack"]),
    ("tests", &["sdk", "instrumentation", "exporters", "tests"]),
];

/// Foreign crates that a place stays free of, directly and through others.
const STAYS_FREE_OF: [(&str, &[&str]); 2] = [
    ("sdk/core", &["opentelemetry_sdk", "tokio", "moka", "quick_cache"]),
    ("instrumentation", &["opentelemetry_sdk", "opentelemetry-otlp"]),
];

const FOLDERS: [&str; 7] = ["benches", "collector-config", "examples", "exporters", "instrumentation", "sdk", "tests"];
const LINE_LIMIT: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// The entry of `table` that says most about `place`.
fn rule<'a, T>(table: &'a [(&str, T)], place: &str) -> Option<&'a T> {
    let within = |folder: &str| place == folder || place.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    table.iter().filter(|(folder, _)| within(folder)).max_by_key(|(folder, _)| folder.len()).map(|(_, rule)| rule)
}

/// Whether a crate at `user` may be built on one at `used`.
fn may_use(user: &str, used: &str) -> bool {
    let within =
        |folder: &&str| used == *folder || used.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    rule(&MAY_USE, user).is_some_and(|allowed| allowed.iter().any(within))
}

struct Graph {
    /// Package id to place, of ours.
    places: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    /// What a package is built on, without what only its tests use.
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
fn crates_depend_only_on_what_their_place_allows() {
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
            if rule(&STAYS_FREE_OF, place).is_some_and(|free_of| free_of.contains(&used.as_str())) {
                wrong.push(format!("{place} ends up with {used}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_rules_refuse_what_the_layout_forbids() {
    for (user, used) in [
        ("sdk/core", "sdk/cachescope"),
        ("sdk/core", "sdk/otel"),
        ("exporters/otlp", "sdk/cachescope"),
        ("exporters/prometheus", "exporters/otlp"),
        ("instrumentation/moka", "sdk/cachescope"),
        ("instrumentation/moka", "instrumentation/redis"),
        ("sdk/otel", "sdk/cachescope"),
        ("sdk/macros", "sdk/cachescope"),
        ("sdk/cachescope", "tests"),
        ("somewhere/new", "sdk/core"),
    ] {
        assert!(!may_use(user, used), "{user} may use {used}");
    }
    assert!(may_use("sdk/cachescope", "instrumentation/moka") && may_use("tests", "tests/stack"));
}

/// Files below `folder`, but for what is built or hidden.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') && name != "node_modules" {
            files(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn no_source_file_is_longer_than_one_can_read() {
    let mut found = Vec::new();
    files(&root(), &mut found).unwrap();
    let sources: Vec<_> = found.iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")).collect();
    assert!(sources.len() > 40, "only {} sources found", sources.len());
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = sources.iter().filter(|path| lines(path) > LINE_LIMIT).collect();
    assert!(long.is_empty(), "over {LINE_LIMIT} lines: {long:?}");
}

#[test]
fn every_folder_is_one_we_know_and_says_what_it_is() {
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

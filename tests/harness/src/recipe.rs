//! Recipes: the source of a part, the steps that build it, and the folder that keeps its binary.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::log;
use crate::once;

/// Settings for builds with Go. The modules' go.sum files name more than go.mod does: Go completes go.mod in the copy.
/// Without debug information and cgo, a program is a third smaller and needs no other linker.
const GO: [(&str, &str); 3] =
    [("GOFLAGS", "-mod=mod -buildvcs=false -trimpath -ldflags=-s"), ("CGO_ENABLED", "0"), ("GOWORK", "off")];

/// A build without optimisations takes a quarter less time. For programs that tests don't load heavily.
pub(crate) const UNOPTIMISED: &str = "-gcflags=all=-N -l";

/// All inputs of a build: a hash of them names the binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// The name of the part in errors and folders.
    pub(crate) name: &'static str,
    /// Names and contents of files that are written to the build folder before the first step.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Commands that run in the build folder, one after the other. A program that starts with `./` was made by an earlier
    /// step; `GOBIN` is the build folder's `bin`.
    pub(crate) steps: &'static [&'static [&'static str]],
    /// The path of the finished binary within the build folder.
    pub(crate) binary: &'static str,
}

impl Recipe {
    /// Returns the path of the binary, which is built first if `cache` doesn't have it.
    ///
    /// # Errors
    /// When a step fails; names the part and shows the end of its build log.
    pub(crate) fn binary(&self, cache: &Path) -> Result<PathBuf> {
        let parts = cache.join("parts");
        let id = self.id();
        let log = parts.join(format!("{id}.log"));
        Ok(once::folder(&parts, &id, |folder| self.build(folder, &log))?.join(self.binary))
    }

    fn build(&self, folder: &Path, log: &Path) -> Result<()> {
        for (name, content) in self.files {
            fs::write(folder.join(name), content)?;
        }
        let output = File::create(log)?;
        eprintln!("cachescope-harness: building {} (first use, some minutes), log: {}", self.name, log.display());
        let begun = Instant::now();
        for step in self.steps {
            self.run(step, folder, &output, log)?;
        }
        if !folder.join(self.binary).exists() {
            bail!("building {} left no {}\n{}", self.name, self.binary, log::tail(log));
        }
        eprintln!("cachescope-harness: built {} in {:.0} s", self.name, begun.elapsed().as_secs_f64());
        Ok(())
    }

    fn run(&self, step: &[&str], folder: &Path, output: &File, log: &Path) -> Result<()> {
        let [program, args @ ..] = step else {
            bail!("the recipe of {} has an empty step", self.name);
        };
        let program = match program.strip_prefix("./") {
            Some(made) => folder.join(made),
            None => PathBuf::from(program),
        };
        let status = Command::new(&program)
            .args(args)
            .current_dir(folder)
            .env("GOBIN", folder.join("bin"))
            .envs(GO)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .status()
            .with_context(|| format!("building {} needs `{}`, which cannot be run", self.name, program.display()))?;
        if !status.success() {
            bail!("building {} failed in `{}` ({status})\n{}", self.name, step.join(" "), log::tail(log));
        }
        Ok(())
    }

    /// A hash of files, steps and settings: another command is another binary.
    fn id(&self) -> String {
        let words = self.steps.iter().flat_map(|step| step.iter().copied());
        let files = self.files.iter().flat_map(|(name, content)| [*name, *content]);
        let machine = [std::env::consts::OS, std::env::consts::ARCH, self.binary];
        once::id(self.name, files.chain(words).chain(machine).chain(GO.map(|(_, value)| value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const COUNTING: Recipe = Recipe {
        name: "counting",
        files: &[("made", "#!/bin/sh\n")],
        steps: &[&["sh", "-c", "sleep 0.2; echo built; chmod +x made; echo x >> ../count"]],
        binary: "made",
    };

    #[test]
    fn recipe_is_built_once_when_threads_need_it_at_once() {
        let cache = tempfile::tempdir().unwrap();
        let binaries: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| COUNTING.binary(cache.path()).unwrap())).collect();
            asked.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(binaries.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::metadata(&binaries[0]).unwrap().permissions().mode() & 0o100, 0o100);
        assert_eq!(fs::read_to_string(cache.path().join("parts/count")).unwrap(), "x\n");
    }

    #[test]
    fn failed_build_names_the_part_and_shows_its_log() {
        let cache = tempfile::tempdir().unwrap();
        let broken = Recipe { name: "broken", steps: &[&["sh", "-c", "echo no such module >&2; exit 3"]], ..COUNTING };
        let error = format!("{:#}", broken.binary(cache.path()).unwrap_err());
        assert!(error.contains("building broken failed") && error.contains("no such module"), "{error}");
    }

    #[test]
    fn missing_tool_is_named() {
        let cache = tempfile::tempdir().unwrap();
        let toolless = Recipe { name: "toolless", steps: &[&["no-such-compiler"]], ..COUNTING };
        let error = format!("{:#}", toolless.binary(cache.path()).unwrap_err());
        assert!(error.contains("building toolless needs `no-such-compiler`"), "{error}");
    }

    #[test]
    fn id_covers_files_and_steps() {
        let other_file = Recipe { files: &[("made", "#!/bin/sh\n\n")], ..COUNTING };
        let other_step = Recipe { steps: &[&["true"]], ..COUNTING };
        assert_ne!(COUNTING.id(), other_file.id());
        assert_ne!(COUNTING.id(), other_step.id());
    }
}

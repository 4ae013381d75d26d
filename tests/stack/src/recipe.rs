//! How a part is built from source, and where its binary is kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::log;
use crate::once;

/// What a part is built from. Everything that decides the outcome is in here, so its hash names the binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// The part's name, as errors and folders call it.
    pub(crate) name: &'static str,
    /// File names and contents, written to the build folder before the first step.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Commands run in the build folder, one after the other. A program that starts with `./` is one an earlier step
    /// made; `GOBIN` is the build folder's `bin`.
    pub(crate) steps: &'static [&'static [&'static str]],
    /// Where the finished binary lies in the build folder.
    pub(crate) binary: &'static str,
}

impl Recipe {
    /// The binary, built first if this recipe was never built under `cache`.
    ///
    /// # Errors
    /// Names the part and shows the end of its build log when a step fails.
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
        eprintln!("cachescope-stack: building {} (first use, some minutes), log: {}", self.name, log.display());
        let begun = Instant::now();
        for step in self.steps {
            self.run(step, folder, &output, log)?;
        }
        if !folder.join(self.binary).exists() {
            bail!("building {} left no {}\n{}", self.name, self.binary, log::tail(log));
        }
        eprintln!("cachescope-stack: built {} in {:.0} s", self.name, begun.elapsed().as_secs_f64());
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
            // The modules' go.sum files name more than go.mod does: let Go complete go.mod in the copy.
            .env("GOFLAGS", "-mod=mod -buildvcs=false")
            .env("GOWORK", "off")
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

    /// Names of files and steps go in too: a changed command is a changed binary.
    fn id(&self) -> String {
        let words = self.steps.iter().flat_map(|step| step.iter().copied());
        let files = self.files.iter().flat_map(|(name, content)| [*name, *content]);
        let machine = [std::env::consts::OS, std::env::consts::ARCH, self.binary];
        once::id(self.name, files.chain(words).chain(machine))
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
    fn a_recipe_is_built_once_even_when_asked_for_at_once() {
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
    fn a_failed_build_names_the_part_and_shows_its_log() {
        let cache = tempfile::tempdir().unwrap();
        let broken = Recipe { name: "broken", steps: &[&["sh", "-c", "echo no such module >&2; exit 3"]], ..COUNTING };
        let error = format!("{:#}", broken.binary(cache.path()).unwrap_err());
        assert!(error.contains("building broken failed") && error.contains("no such module"), "{error}");
    }

    #[test]
    fn a_missing_tool_is_named() {
        let cache = tempfile::tempdir().unwrap();
        let toolless = Recipe { name: "toolless", steps: &[&["no-such-compiler"]], ..COUNTING };
        let error = format!("{:#}", toolless.binary(cache.path()).unwrap_err());
        assert!(error.contains("building toolless needs `no-such-compiler`"), "{error}");
    }

    #[test]
    fn the_hash_covers_files_and_steps() {
        let other_file = Recipe { files: &[("made", "#!/bin/sh\n\n")], ..COUNTING };
        let other_step = Recipe { steps: &[&["true"]], ..COUNTING };
        assert_ne!(COUNTING.id(), other_file.id());
        assert_ne!(COUNTING.id(), other_step.id());
    }
}

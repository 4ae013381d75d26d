//! The programs of all parts, made available before any test needs one.

use anyhow::Result;

use crate::browser::Browser;
use crate::cloudwatch::CloudwatchPart;
use crate::part::Part;
use crate::run;
use crate::stack::PARTS;
use crate::statsd::StatsdPart;

/// Parts that only tests of their own run, beside those of a stack.
const OTHERS: &[&dyn Part] = &[&CloudwatchPart, &StatsdPart];

/// The program of a part.
#[derive(Debug, Clone, Copy)]
pub struct PartProgram(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Server(&'static dyn Part),
    Browser,
}

/// Every program that the harness runs.
pub fn parts() -> Vec<PartProgram> {
    let servers = PARTS.iter().chain(OTHERS).map(|part| Kind::Server(*part));
    servers.chain([Kind::Browser]).map(PartProgram).collect()
}

impl PartProgram {
    /// The name of the part.
    pub fn name(&self) -> &'static str {
        match self.0 {
            Kind::Server(part) => part.name(),
            Kind::Browser => "browser",
        }
    }

    /// Builds or installs the program, unless this machine has it. Blocks, for minutes where Go has much to build.
    ///
    /// # Errors
    /// When it can't be had; names the part and shows the end of the log.
    pub fn build(&self) -> Result<()> {
        match self.0 {
            Kind::Server(part) => part.program(&run::cache_folder()?).map(|_| ()),
            Kind::Browser => Browser::new().map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_unique_names() {
        let mut names: Vec<_> = parts().iter().map(PartProgram::name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert!(names.len() == all && all == PARTS.len() + OTHERS.len() + 1, "{names:?}");
    }
}

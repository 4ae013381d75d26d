//! FerretDB, which implements MongoDB's protocol over SQLite files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::part::Part;
use crate::ports::Ports;
use crate::probe;
use crate::recipe::Recipe;
use crate::stack::Stack;

const NAME: &str = "mongodb";

const RECIPE: Recipe = Recipe {
    name: "ferretdb",
    files: &[
        ("go.mod", include_str!("../parts/ferretdb/go.mod")),
        ("go.sum", include_str!("../parts/ferretdb/go.sum")),
        ("main.go", include_str!("../parts/ferretdb/main.go")),
    ],
    steps: &[&["go", "build", "-o", "bin/ferretdb", "."]],
    binary: "bin/ferretdb",
};

/// `{ping: 1, $db: "admin"}` as an `OP_MSG`.
const PING: &[u8] = b"\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\
    \x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// `ok: 1.0` in the answer.
const OK: &[u8] = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";

#[derive(Debug)]
pub(crate) struct MongodbPart;

impl Part for MongodbPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, folder: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.args(["-listen", &ports.address(NAME, "client"), "-folder"]).arg(folder);
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        probe::answers(&ports.address(NAME, "client"), PING, |answer| probe::contains(answer, OK))
    }
}

/// The URL of the server at `address`.
pub(crate) fn url(address: &str) -> String {
    format!("mongodb://{address}/?directConnection=true")
}

impl Stack {
    /// The URL of FerretDB, `mongodb://127.0.0.1:PORT/?directConnection=true`. All tests of a run share the server: use a
    /// unique database. It has no TTL indexes, change streams or transactions.
    pub fn mongodb(&self) -> String {
        url(&self.ports().address(NAME, "client"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_message_starts_with_its_length() {
        assert_eq!(PING[..4], u32::try_from(PING.len()).unwrap().to_le_bytes());
        let document = PING.len() - 21;
        assert_eq!(PING[21..25], u32::try_from(document).unwrap().to_le_bytes());
    }
}

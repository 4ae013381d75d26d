//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Runs a small service with a cache under load, and shows the numbers of the cache
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// End after this time, such as 30s [default: run until Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) run_for: Option<Duration>,
    /// Print the last figures as one line of JSON on stdout, and everything else on stderr
    #[arg(long)]
    pub(crate) json: bool,
    /// Listen on this port of 127.0.0.1; 0 takes any free port
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Keep the database in this file [default: a file in the user's cache folder]
    #[arg(long, value_name = "FILE", default_value_os_t = default_database(), hide_default_value = true)]
    pub(crate) database: PathBuf,
}

fn default_database() -> PathBuf {
    let folder = directories::ProjectDirs::from("", "", "cachescope");
    folder.map_or_else(std::env::temp_dir, |folder| folder.cache_dir().to_owned()).join("quickstart.sqlite")
}

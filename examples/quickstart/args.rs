//! What the user may choose.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Runs a small service with a cache under load, and shows what the cache does
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// End after this time, such as 30s; without it Ctrl-C ends it
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) run_for: Option<Duration>,
    /// Print the last figures as one line of JSON on stdout, and all else on stderr
    #[arg(long)]
    pub(crate) json: bool,
    /// Listen on this port of loopback; 0 takes any that is free
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Keep the database in this file [default: one in the user's cache folder]
    #[arg(long, value_name = "FILE", default_value_os_t = usual_database(), hide_default_value = true)]
    pub(crate) database: PathBuf,
}

fn usual_database() -> PathBuf {
    let folder = directories::ProjectDirs::from("", "", "cachescope");
    folder.map_or_else(std::env::temp_dir, |folder| folder.cache_dir().to_owned()).join("quickstart.sqlite")
}

//! The bytes of a trace.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Returns whether `path` is `-`, which means standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Opens the file, or standard input. Decompresses gzip and zstd, which are detected from the first bytes.
pub(crate) fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let mut bytes: Box<dyn Read> = if is_stdin(path) {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("failed to open the trace {}", path.display()))?)
    };
    // One read from a pipe may return fewer bytes, so this reads until all of them are there.
    let mut head = Vec::new();
    bytes.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let (is_gzip, is_zstd) = (head.starts_with(GZIP), head.starts_with(ZSTD));
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(head).chain(bytes));
    Ok(if is_gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(whole)))
    } else if is_zstd {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?))
    } else {
        Box::new(whole)
    })
}

/// Returns the extension that names the format: for `trace.csv.gz` it is `csv`.
pub(crate) fn extension(path: &Path) -> Option<String> {
    let lower = |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let outer = lower(path)?;
    if ["gz", "zst", "zstd"].contains(&outer.as_str()) { lower(Path::new(path.file_stem()?)) } else { Some(outer) }
}

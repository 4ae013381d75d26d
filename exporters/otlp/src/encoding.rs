use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::failure::Failure;

/// The encoding of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) format: Format,
    /// Whether the body is compressed. False for gRPC, which compresses messages in its own frames.
    pub(crate) gzip: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

impl Encoding {
    pub(crate) fn encode(self, message: &(impl prost::Message + Serialize)) -> Result<Bytes, Failure> {
        let plain = match self.format {
            Format::Protobuf => message.encode_to_vec(),
            Format::Json => serde_json::to_vec(message)
                .map_err(|error| Failure::unrepresentable(format!("failed to encode JSON: {error}")))?,
        };
        Ok(if self.gzip { gzip(&plain) } else { plain.into() })
    }
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    // Writing to memory can't fail.
    match packed.write_all(plain).and_then(|()| packed.finish()) {
        Ok(packed) => packed.into(),
        Err(never) => unreachable!("{never}"),
    }
}

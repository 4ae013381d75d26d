//! Readiness probes in a server's own protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Short, as the answer needs no work. Another program that took the port may never answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Sends `question` to the server at `address`. Returns whether `accept` returns `true` for the answer, called with all
/// bytes so far after each piece. A second without a byte ends the answer.
///
/// # Errors
/// When no server listens, or nothing comes within that time.
pub(crate) fn answers(address: &str, question: &[u8], accept: impl Fn(&[u8]) -> bool) -> Result<bool> {
    let address: SocketAddr = address.parse().with_context(|| format!("not an address: {address}"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(question)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(false),
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).with_context(|| format!("{address} sent {} bytes", answer.len())),
        }
        if accept(&answer) {
            return Ok(true);
        }
    }
}

/// Whether `part` occurs in `whole`.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn answer_in_pieces_is_put_together_and_silence_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.read_exact(&mut [0; 4]).unwrap();
            client.write_all(b"PO").unwrap();
            client.write_all(b"NG").unwrap();
            (client, listener.accept().unwrap(), listener.accept().unwrap().0.shutdown(std::net::Shutdown::Both))
        });
        let pong = |answer: &[u8]| contains(answer, b"PONG");
        assert!(answers(&address, b"PING", pong).unwrap());
        assert!(answers(&address, b"PING", pong).is_err(), "no answer to the second");
        assert!(matches!(answers(&address, b"", pong), Ok(false)), "the third is hung up on");
        server.join().unwrap().2.unwrap();
        assert!(answers(&address, b"PING", pong).is_err(), "no server any more");
    }
}

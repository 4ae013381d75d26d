//! Private servers, as their clients see them while they are killed, paused and cut off.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cachescope_harness::{Server, program};

/// A session with a server, over TCP by hand.
struct Session(TcpStream);

impl Session {
    fn new(server: &Server) -> Result<Self> {
        let stream = TcpStream::connect(server.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self(stream))
    }

    /// Sends `question` and returns the next bytes: at least one, and the end is an error.
    fn ask(&mut self, question: &[u8]) -> std::io::Result<Vec<u8>> {
        self.0.write_all(question)?;
        self.hear()
    }

    fn hear(&mut self) -> std::io::Result<Vec<u8>> {
        let mut answer = vec![0; 4096];
        match self.0.read(&mut answer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            received => Ok(answer[..received].to_vec()),
        }
    }

    /// The answer to `question` within a short time, if there is one.
    fn ask_briefly(&mut self, question: &[u8]) -> Result<Option<Vec<u8>>> {
        self.0.set_read_timeout(Some(Duration::from_millis(300)))?;
        let answer = self.ask(question);
        self.0.set_read_timeout(Some(Duration::from_secs(20)))?;
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn output(program: PathBuf, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn redis(server: &Server, question: &str) -> Result<String> {
    Ok(String::from_utf8(Session::new(server)?.ask(format!("{question}\r\n").as_bytes())?)?)
}

fn postgres(server: &Server, statement: &str) -> Result<String> {
    output(program("postgresql-client", "psql")?, &["-Atc", statement, server.url()])
}

/// MariaDB's client accepts no URL.
fn mariadb(server: &Server, statement: &str) -> Result<String> {
    let address = server.address();
    let port = address.rsplit(':').next().expect("an address");
    let user = ["--no-defaults", "-ucachescope", "-pcachescope", "-h127.0.0.1", "-P", port, "cachescope"];
    output(program("mariadb-client", "mariadb")?, &[&user[..], &["--skip-column-names", "-e", statement]].concat())
}

/// `bytes` behind their length, which includes `extra`.
fn with_length(extra: usize, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() + extra).expect("a short message");
    [&length.to_le_bytes(), bytes].concat()
}

/// `{command: value, $db: "test"}` in MongoDB's wire protocol.
fn mongodb_message(command: &str, value: &str) -> Vec<u8> {
    let field = |name: &str, value: &str| {
        let value = [value.as_bytes(), &[0]].concat();
        [&[2], name.as_bytes(), &[0], &with_length(0, &value)].concat()
    };
    let document = with_length(4, &[&field(command, value)[..], &field("$db", "test"), &[0]].concat());
    let header: [u32; 3] = [1, 0, 2013];
    let header: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
    with_length(4, &[&header[..], &[0; 5], &document].concat())
}

fn mongodb(server: &Server, command: &str, value: &str) -> Result<String> {
    let answer = Session::new(server)?.ask(&mongodb_message(command, value))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A kind of server, with a write and a read of the same value.
struct Kind {
    name: &'static str,
    start: fn() -> Result<Server>,
    tell: fn(&Server) -> Result<String>,
    knows: fn(&Server) -> Result<bool>,
}

const DURABLE: [Kind; 4] = [
    Kind {
        name: "redis",
        start: Server::durable_redis,
        tell: |server| redis(server, "SET answer 42"),
        knows: |server| Ok(redis(server, "GET answer")?.contains("42")),
    },
    Kind {
        name: "postgres",
        start: Server::postgres,
        tell: |server| postgres(server, "CREATE TABLE t (a int); INSERT INTO t VALUES (42)"),
        knows: |server| Ok(postgres(server, "SELECT a FROM t")? == "42\n"),
    },
    Kind {
        name: "mariadb",
        start: Server::mariadb,
        tell: |server| mariadb(server, "CREATE TABLE t (a int); INSERT INTO t VALUES (42)"),
        knows: |server| Ok(mariadb(server, "SELECT a FROM t")? == "42\n"),
    },
    Kind {
        name: "mongodb",
        start: Server::mongodb,
        tell: |server| mongodb(server, "create", "answers"),
        knows: |server| Ok(mongodb(server, "create", "answers")?.contains("already exists")),
    },
];

fn timed<T>(what: &str, action: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let outcome = action();
    println!("{what}: {:?}", begun.elapsed());
    outcome
}

#[test]
fn killed_server_refuses_and_has_its_address_and_data_after_a_restart() -> Result<()> {
    for kind in DURABLE {
        let mut server = timed(&format!("{} start", kind.name), kind.start)?;
        let (url, address) = (server.url().to_owned(), server.address());
        assert!(url.contains(&address), "{url}");
        (kind.tell)(&server)?;
        assert!((kind.knows)(&server)?, "{} before", kind.name);
        let mut session = Session::new(&server)?;
        timed(&format!("{} kill", kind.name), || server.kill())?;
        while session.hear().is_ok() {}
        let refused = TcpStream::connect(&address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{}", kind.name);
        assert!(!server.answers() && server.pause().is_err() && server.accept_connections().is_err());
        timed(&format!("{} restart", kind.name), || server.restart())?;
        assert_eq!(server.url(), url);
        assert!(server.answers() && (kind.knows)(&server)?, "{} after", kind.name);
        // A running server can be restarted too.
        server.restart()?;
        assert!((kind.knows)(&server)?, "{} after the second", kind.name);
        timed(&format!("{} drop", kind.name), || {
            drop(server);
            Ok(())
        })?;
        assert!(TcpStream::connect(&address).is_err());
    }
    Ok(())
}

#[test]
fn volatile_redis_is_empty_after_a_restart() -> Result<()> {
    let mut server = Server::redis()?;
    redis(&server, "SET answer 42")?;
    assert_eq!(redis(&server, "GET answer")?, "$2\r\n42\r\n");
    server.restart()?;
    assert_eq!(redis(&server, "GET answer")?, "$-1\r\n");
    Ok(())
}

#[test]
fn paused_server_answers_after_it_is_resumed() -> Result<()> {
    for kind in DURABLE {
        let mut server = (kind.start)()?;
        (kind.tell)(&server)?;
        server.pause()?;
        // Clients can still connect.
        Session::new(&server)?;
        assert!(!server.answers(), "{}", kind.name);
        server.resume()?;
        assert!(server.answers() && (kind.knows)(&server)?, "{}", kind.name);
        // A paused server is stopped in an orderly way.
        server.pause()?;
    }
    Ok(())
}

#[test]
fn session_from_before_the_pause_waits_for_its_end() -> Result<()> {
    let hello = b"\0\0\0\x2d\0\x03\0\0user\0cachescope\0database\0cachescope\0\0";
    let query = b"Q\0\0\0\x0eSELECT 42\0";
    let ping = mongodb_message("ping", "");
    // A session of PostgreSQL is a process.
    for (mut server, hello, question, expected) in [
        (Server::postgres()?, &hello[..], &query[..], "42"),
        (Server::redis()?, b"PING\r\n", b"ECHO 42\r\n", "42"),
        (Server::mongodb()?, &ping, &ping, "ok"),
    ] {
        let mut session = Session::new(&server)?;
        let mut greeting = session.ask(hello)?;
        // Its last message before the first query.
        while hello[0] == 0 && !greeting.ends_with(b"Z\0\0\0\x05I") {
            greeting.extend(session.hear()?);
        }
        server.pause()?;
        assert_eq!(session.ask_briefly(question)?, None);
        server.resume()?;
        let answer = String::from_utf8_lossy(&session.hear()?).into_owned();
        assert!(answer.contains(expected), "{answer}");
    }
    Ok(())
}

#[test]
fn reset_connections_end_in_an_error_and_new_ones_work() -> Result<()> {
    for kind in DURABLE {
        let server = (kind.start)()?;
        let mut sessions = [Session::new(&server)?, Session::new(&server)?];
        // Until the proxy has the connection: MariaDB sends a greeting, the others send nothing.
        if kind.name == "mariadb" {
            sessions.iter_mut().try_for_each(|session| session.hear().map(drop))?;
        }
        assert!(server.answers());
        server.reset_connections();
        for session in &mut sessions {
            assert_eq!(session.hear().unwrap_err().kind(), ErrorKind::ConnectionReset, "{}", kind.name);
        }
        assert!(server.answers(), "{}", kind.name);
    }
    Ok(())
}

#[test]
fn refused_connections_are_accepted_again_by_the_same_server() -> Result<()> {
    let mut server = Server::redis()?;
    redis(&server, "SET answer 42")?;
    let mut session = Session::new(&server)?;
    session.ask(b"PING\r\n")?;
    server.refuse_connections();
    assert_eq!(session.hear().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(TcpStream::connect(server.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.accept_connections()?;
    assert_eq!(redis(&server, "GET answer")?, "$2\r\n42\r\n");
    Ok(())
}

#[test]
fn cluster_serves_all_slots_and_redirects_clients() -> Result<()> {
    let mut cluster = timed("cluster start", Server::redis_cluster)?;
    let [first, second, third] = cluster.nodes() else { panic!("three nodes") };
    // The slots of these keys are known: 3300, 7365 and 15495.
    for (node, key) in [(first, "b"), (second, "c"), (third, "a")] {
        assert_eq!(redis(node, &format!("SET {key} {key}"))?, "+OK\r\n", "{key}");
    }
    assert_eq!(redis(first, "GET a")?, format!("-MOVED 15495 {}\r\n", third.address()));
    assert_eq!(redis(third, "GET c")?, format!("-MOVED 7365 {}\r\n", second.address()));
    assert_eq!(cluster.urls()[0], format!("redis://{}", first.address()));

    cluster.nodes_mut()[1].kill()?;
    assert_eq!(redis(&cluster.nodes()[0], "GET b")?, "$1\r\nb\r\n", "the others go on for a while");
    timed("cluster node restart", || {
        cluster.nodes_mut()[1].restart()?;
        cluster.await_ok()
    })?;
    assert_eq!(redis(&cluster.nodes()[1], "GET c")?, "$1\r\nc\r\n");
    Ok(())
}

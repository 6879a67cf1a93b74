//! Generated requests: bytes of a body never become a request.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

/// A whole request, which every body of these tests contains.
const HIDDEN: &[u8] = b"\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

/// How a body is delimited.
#[derive(Clone, Debug)]
enum Delimiter {
    Length,
    /// The sizes of the chunks, the last of which has the rest.
    Chunks(Vec<usize>),
}

#[derive(Clone, Debug)]
struct Generated {
    method: &'static str,
    path: &'static str,
    delimiter: Delimiter,
    padding: usize,
}

impl Generated {
    fn body(&self) -> Vec<u8> {
        [HIDDEN, &vec![b'x'; self.padding], HIDDEN].concat()
    }

    /// The body as it is sent, and the header that delimits it.
    fn delimited(&self) -> (String, Vec<u8>) {
        let body = self.body();
        match &self.delimiter {
            Delimiter::Length => (format!("Content-Length: {}\r\n", body.len()), body),
            Delimiter::Chunks(sizes) => {
                let (mut sent, mut rest) = (Vec::new(), body.as_slice());
                for size in sizes.iter().copied().chain([body.len()]) {
                    let (chunk, left) = rest.split_at(size.min(rest.len()));
                    if !chunk.is_empty() {
                        sent.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                        sent.extend_from_slice(chunk);
                        sent.extend_from_slice(b"\r\n");
                    }
                    rest = left;
                }
                sent.extend_from_slice(b"0\r\n\r\n");
                ("Transfer-Encoding: chunked\r\n".to_owned(), sent)
            }
        }
    }
}

fn generated() -> impl Strategy<Value = Generated> {
    let delimiter = prop_oneof![
        Just(Delimiter::Length),
        vec(1_usize..60, 0..6).prop_map(Delimiter::Chunks),
        vec(1_usize..20_000, 0..6).prop_map(Delimiter::Chunks),
    ];
    let method = prop::sample::select(vec!["GET", "PUT", "POST", "PATCH", "DELETE", "PURGE"]);
    let path = prop::sample::select(vec!["/all", "/none", "/some", "/all-but-the-end"]);
    let padding = prop_oneof![0_usize..200, 3900_usize..4300, 0_usize..100_000];
    (method, path, delimiter, padding).prop_map(|(method, path, delimiter, padding)| Generated {
        method,
        path,
        delimiter,
        padding,
    })
}

/// A server whose handler reads as much of the body as the path says, and the paths it saw.
fn server() -> (Running, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let paths = Arc::clone(&seen);
    let limits = Limits { linger: Duration::from_millis(50), ..quick() };
    let server = Running::start(limits, move |request| {
        paths.lock().unwrap().push(request.path.clone());
        let read = match request.path.as_str() {
            "/all" => io::copy(request.body(), &mut io::sink()),
            "/some" => io::copy(&mut request.body().take(50), &mut io::sink()),
            "/all-but-the-end" => {
                let length = request.content_length().unwrap_or(100);
                io::copy(&mut request.body().take(length - 1), &mut io::sink())
            }
            _ => Ok(0),
        };
        Response::text(if read.is_ok() { 200 } else { 400 }, "")
    });
    (server, seen)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn send_in_pieces(client: &Client, bytes: &[u8], pieces: &[usize]) {
    let (mut stream, mut rest) = (&client.0, bytes);
    for size in pieces.iter().copied().chain([bytes.len()]) {
        let (piece, left) = rest.split_at(size.min(rest.len()));
        // The server may have refused the request already.
        if stream.write_all(piece).is_err() {
            return;
        }
        rest = left;
    }
}

/// Either the connection closes after a response, or the next one is to the next request.
#[test]
fn the_next_request_begins_where_the_body_ends() {
    let (server, seen) = server();
    let strategy = (vec(generated(), 1..5), vec(1_usize..5000, 0..8));
    let result = TestRunner::new(cases(200)).run(&strategy, |(requests, pieces)| {
        seen.lock().unwrap().clear();
        let mut bytes = Vec::new();
        for request in &requests {
            let (header, body) = request.delimited();
            let Generated { method, path, .. } = request;
            bytes.extend_from_slice(format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{header}\r\n").as_bytes());
            bytes.extend_from_slice(&body);
        }
        let mut client = server.connect();
        let sender = Client(client.0.try_clone().unwrap());
        let answered = thread::scope(|scope| {
            scope.spawn(|| send_in_pieces(&sender, &bytes, &pieces));
            let mut answered = 0;
            for _ in &requests {
                let answer = client.answer();
                assert_eq!(answer.status, 200);
                answered += 1;
                if answer.closes() {
                    break;
                }
            }
            let _ = client.0.shutdown(Shutdown::Both);
            answered
        });
        let expected: Vec<_> = requests.iter().take(answered).map(|request| request.path).collect();
        prop_assert_eq!(seen.lock().unwrap().clone(), expected);
        // A body that was read, or whose rest is small, does not close the connection.
        let closing = |request: &&Generated| request.path != "/all" && request.delimited().1.len() > 60_000;
        prop_assert!(answered == requests.len() || requests.get(answered - 1).filter(closing).is_some());
        Ok(())
    });
    result.unwrap();
}

/// Headers of which at least one makes the body a body. Whatever a request says with them, it is refused or framed by
/// exactly one of them.
const HEADERS: [&str; 18] = [
    "Content-Length: LENGTH\r\n",
    "content-length: 0LENGTH\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: LENGTH, LENGTH\r\n",
    "Content-Length : LENGTH\r\n",
    "Content-Length:\r\n LENGTH\r\n",
    "Content-Length: +LENGTH\r\n",
    "Content-Length: LENGTH0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:CHUNKED \r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:\n chunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: content-length, transfer-encoding\r\n",
];

#[test]
fn no_set_of_headers_makes_a_body_a_request() {
    let (server, seen) = server();
    let headers = prop::sample::subsequence(HEADERS.to_vec(), 1..4).prop_shuffle();
    let method = prop::sample::select(vec!["GET", "HEAD", "PUT", "POST"]);
    let strategy = (method, headers, prop::bool::ANY, generated());
    let result = TestRunner::new(cases(400)).run(&strategy, |(method, headers, old, request)| {
        seen.lock().unwrap().clear();
        let (_, body) = request.delimited();
        // Without a header that covers the body, its bytes are the next request.
        let covers = |header: &&str| header.contains("LENGTH\r") || header.contains("LENGTH0");
        let lengths = headers.iter().filter(|header| covers(header)).count();
        let chunked = headers.iter().any(|header| header.to_ascii_lowercase().contains("chunked"));
        prop_assume!(lengths > 0 || (chunked && matches!(request.delimiter, Delimiter::Chunks(_))));
        let version = if old { "1.0" } else { "1.1" };
        let headers = headers.concat().replace("LENGTH", &body.len().to_string());
        let head = format!("{method} {} HTTP/{version}\r\nHost: h\r\n{headers}\r\n", request.path);
        let client = server.connect();
        send_in_pieces(&client, &[head.as_bytes(), &body].concat(), &[]);
        let _ = client.0.shutdown(Shutdown::Write);
        let _ = (&client.0).read_to_end(&mut Vec::new());
        prop_assert!(seen.lock().unwrap().iter().all(|path| path != "/hidden"), "{head:?}");
        Ok(())
    });
    result.unwrap();
}

//! The end of a server.

use std::sync::Condvar;

use super::*;

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const LONG: Duration = Duration::from_secs(3600);

/// A server whose handler waits until it is released.
struct Held {
    server: Running,
    entered: mpsc::Receiver<()>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Held {
    fn start(respond: impl Fn() -> Response + Send + Sync + 'static) -> Self {
        let (enter, entered) = mpsc::channel();
        let (enter, gate) = (Mutex::new(enter), Arc::new((Mutex::new(false), Condvar::new())));
        let held = Arc::clone(&gate);
        let server = Running::start(quick(), move |_| {
            let _ = enter.lock().unwrap().send(());
            let (open, opened) = &*held;
            drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            respond()
        });
        Self { server, entered, gate }
    }

    fn release(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// Waits for the socket to close, which happens a moment after the stop.
fn refuses(server: &Running) {
    let begun = Instant::now();
    while TcpStream::connect(server.address).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the socket still listens");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn idle_connections_are_closed_at_once_and_no_new_one_is_accepted() {
    let (server, _) = echoing(quick());
    let (mut used, mut unused) = (server.send(GET), server.connect());
    assert_eq!(used.answer().status, 200);
    server.stopper.stop(LONG);
    assert!(server.wait() < PATIENCE / 2);
    used.closed();
    unused.closed();
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn a_request_under_way_finishes_and_its_response_closes_the_connection() {
    let held = Held::start(|| Response::stream(200, "a/b", 1 << 20, Box::new(io::repeat(7))));
    let (mut client, mut idle) = (held.server.send(GET), held.server.connect());
    held.entered.recv_timeout(PATIENCE).unwrap();
    held.server.stopper.stop(LONG);
    idle.closed();
    refuses(&held.server);
    assert!(held.server.ended.try_recv().is_err());
    held.release();
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes(), answer.body.len()), (200, true, 1 << 20));
    client.closed();
    held.server.wait();
}

/// A head that has begun counts as a request under way.
#[test]
fn a_request_whose_head_has_begun_is_served() {
    let (server, _) = echoing(quick());
    let mut client = server.send("GET /a HT");
    thread::sleep(Duration::from_millis(100));
    server.stopper.stop(LONG);
    client.send("TP/1.1\r\nHost: h\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("GET /a ", true));
    client.closed();
    server.wait();
}

#[test]
fn connections_that_are_stuck_are_shut_down_after_the_grace_period() {
    let server = Running::start(quick(), |request| match request.path.as_str() {
        "/reads" => echo(request),
        _ => Response::stream(200, "a/b", u64::MAX, Box::new(io::repeat(7))),
    });
    let mut reads = server.send("PUT /reads HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    let mut writes = server.send("GET /writes HTTP/1.1\r\nHost: h\r\n\r\n");
    writes.head();
    let mut head = server.send("GET /head HT");
    thread::sleep(Duration::from_millis(100));
    server.stopper.stop(Duration::from_millis(200));
    let took = server.wait();
    assert!(took > Duration::from_millis(100) && took < PATIENCE / 2, "{took:?}");
    reads.rest().1.unwrap_or_default();
    head.rest().1.unwrap_or_default();
}

#[test]
fn a_second_stop_can_only_shorten_the_grace_period() {
    let short = Duration::from_millis(200);
    for (first, second) in [(LONG, short), (short, LONG), (Duration::MAX, short), (short, Duration::MAX)] {
        let (server, _) = echoing(quick());
        let stuck = server.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
        thread::sleep(Duration::from_millis(50));
        server.stopper.stop(first);
        server.stopper.clone().stop(second);
        assert!(server.wait() < PATIENCE / 2);
        drop(stuck);
    }
}

#[test]
fn a_server_can_be_stopped_before_it_runs_and_by_its_handler() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::new(listener, Vec::new(), Limits::default()).unwrap();
    server.stopper().stop(LONG);
    server.run(&Answering(echo)).unwrap();
    server.run(&Answering(echo)).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(listener, vec!["h".to_owned()], Limits::default()).unwrap();
    let stopper = server.stopper();
    let client = thread::spawn(move || {
        let mut client = Client(TcpStream::connect(address).unwrap());
        client.send(GET);
        client.answer().closes()
    });
    server
        .run(&Answering(|_: &mut Request<'_>| {
            stopper.stop(LONG);
            Response::empty(200)
        }))
        .unwrap();
    assert!(client.join().unwrap());
}

#[test]
fn many_connections_end_together() {
    let (server, _) = echoing(quick());
    let mut clients: Vec<Client> = (0..64).map(|_| server.send(GET)).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.answer().status, 200));
    server.stopper.stop(LONG);
    assert!(server.wait() < PATIENCE / 2);
    clients.iter_mut().for_each(Client::closed);
}

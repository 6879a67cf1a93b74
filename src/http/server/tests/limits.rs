//! Connections that are too many, or idle for too long.

use super::*;

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn a_connection_too_many_is_turned_away_until_another_one_closes() {
    let (server, _) = echoing(Limits { connections: 2, ..quick() });
    let (mut first, mut second) = (server.send(GET), server.send(GET));
    assert_eq!((first.answer().status, second.answer().status), (200, 200));
    for request in [GET, "", "\x16\x03\x01"] {
        let mut third = server.connect();
        third.try_send(request);
        let answer = third.answer();
        assert_eq!((answer.status, answer.closes()), (503, true));
        assert_eq!(answer.header("retry-after"), Some("1"));
        third.closed();
    }
    first.goes_on();
    drop(second);
    let begun = Instant::now();
    while server.send(GET).answer().status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the place is never free again");
        thread::sleep(Duration::from_millis(5));
    }
}

/// They cost no thread, and the server still serves the others.
#[test]
fn clients_that_are_turned_away_and_stay_do_not_disturb() {
    let (server, _) = echoing(Limits { connections: 1, ..quick() });
    let mut first = server.send(GET);
    assert_eq!(first.answer().status, 200);
    let mut others: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    first.goes_on();
    for other in &mut others[68..] {
        assert_eq!(other.answer().status, 503);
        other.closed();
    }
    first.goes_on();
    drop(first);
    let begun = Instant::now();
    while server.send(GET).answer().status != 200 {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_is_turned_away_but_sends_on_is_cut_off() {
    let (server, _) = echoing(Limits { connections: 0, ..quick() });
    let (mut client, begun) = (server.send(GET), Instant::now());
    assert_eq!(client.answer().status, 503);
    while client.0.write_all(b"x").is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the server listens for ever");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let (server, _) = echoing(Limits { idle: Duration::from_millis(200), ..quick() });
    server.connect().closed();
    let mut client = server.send(GET);
    assert_eq!(client.answer().status, 200);
    client.closed();
}

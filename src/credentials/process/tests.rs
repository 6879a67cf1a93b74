use super::*;
use crate::credentials::tests::{World, in_order};

fn world(command: &str) -> World {
    World::new(&[]).config(&format!("[default]\ncredential_process={command}\n"))
}

fn prints(json: &str) -> World {
    world(&format!("printf '%s' '{json}'"))
}

#[test]
fn a_command_of_the_shell_prints_credentials() {
    let world = world(
        r#"A=AKP; printf '{"version":1,"accessKeyId":"%s",' $A | cat; echo '"SecretAccessKey":"MARKED","SessionToken":"MARKED-t","Other":1}'"#,
    );
    assert_eq!(world.keys().unwrap(), ("AKP".to_owned(), "MARKED".to_owned(), "MARKED-t".to_owned()));
    in_order(
        &world.provider().unwrap().unwrap().origin(),
        &["the program of credential_process of profile default (", "config:2)"],
    );
    assert_eq!(prints(r#"{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"MARKED","Expiration":null}"#).id(), "AK");
}

#[test]
fn what_it_prints_is_checked_and_never_shown() {
    const KEYS: &str = r#""AccessKeyId":"AK","SecretAccessKey":"MARKED""#;
    for (json, why) in [
        (format!("{{{KEYS}}}"), "Version is not 1"),
        (format!("{{\"Version\":\"1\",{KEYS}}}"), "Version is not 1"),
        (format!("{{\"Version\":2,{KEYS}}}"), "Version is not 1"),
        (format!("{{\"Version\":1,{KEYS}}}x"), "not one JSON object"),
        (format!("{{\"Version\":1,{KEYS}}}{{}}"), "not one JSON object"),
        (format!("{{\"Version\":1,{KEYS},\"Expiration\":\"\"}}"), "Expiration is not a time"),
        (format!("{{\"Version\":1,{KEYS},\"Expiration\":\"2029-01-01T00:00:00Z\"}}"), "has expired already"),
        (r#"{"Version":1,"AccessKeyId":"AK","SecretAccessKey":""}"#.to_owned(), "no SecretAccessKey"),
        ("[\"MARKED\"]".to_owned(), "not a JSON object"),
        ("MARKED".to_owned(), "not one JSON object"),
        (String::new(), "not one JSON object"),
    ] {
        in_order(&prints(&json).error(), &["access", "there are no credentials from the program of", why]);
    }
}

#[test]
fn a_program_that_fails_says_so() {
    in_order(&world("echo MARKED; exit 3").error(), &["access", "the program failed (exit status: 3)", "by hand"]);
    in_order(&world("/no/such/MARKED 2>/dev/null").error(), &["access", "exit status: 127"]);
    in_order(&world("head -c 100000 /dev/zero").error(), &["access", "more than 65536 bytes"]);
    assert!(world("").provider().unwrap().unwrap().origin().contains("instance"));
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    for command in ["exec sleep 60", "exec >&-; exec sleep 60"] {
        let process = Process {
            command: command.to_owned(),
            origin: "x".to_owned(),
            cancel: Cancel::new(),
            timeout: Duration::from_millis(100),
        };
        let error = process.credentials().unwrap_err();
        in_order(&error.to_string(), &["has not ended"]);
        process.cancel.cancel();
        assert!(matches!(process.credentials(), Err(Error::Canceled)));
    }
}

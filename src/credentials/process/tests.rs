use super::*;
use crate::aws::tests::{World, in_order};
use crate::credentials::tests::Find as _;

fn world(command: &str) -> World {
    World::new(&[]).config(&format!("[default]\ncredential_process={command}\n"))
}

fn prints(json: &str) -> World {
    world(&format!("printf '%s' '{json}'"))
}

#[test]
fn shell_command_provides_credentials() {
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
fn quotes_in_the_command_belong_to_the_shell() {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("my tool.sh");
    let json = r#"{"Version":1,"AccessKeyId":"AK-%s-%s","SecretAccessKey":"MARKED"}"#;
    std::fs::write(&tool, format!("printf '{json}' \"$#\" \"$2\"\n")).unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tool = tool.display();
    for (command, id) in [
        (format!("\"{tool}\" one \"two,words\""), "AK-2-two,words"),
        (format!("'{tool}' one 'two # # words' # a comment"), "AK-2-two # # words"),
        (format!("\"{tool}\""), "AK-0-"),
    ] {
        let keys = Process { timeout: TIMEOUT, ..process(&command) }.run().unwrap();
        assert!(String::from_utf8(keys).unwrap().contains(id), "{command}");
    }
    assert_eq!(world(&format!("\"{tool}\" one \"two,words\"")).id(), "AK-2-two,words");
    assert_eq!(world(&format!("\"{tool}\"")).id(), "AK-0-");
    for command in [format!("true ; \"{tool}\""), format!("true\t; \"{tool}\" # ; a comment")] {
        assert_eq!(world(&command).id(), "AK-0-", "{command}");
    }
}

#[test]
fn output_is_checked_and_never_shown() {
    const KEYS: &str = r#""AccessKeyId":"AK","SecretAccessKey":"MARKED""#;
    assert_eq!(prints(&format!("\u{feff}{{\"Version\":1,{KEYS}}}")).id(), "AK", "PowerShell begins with such a mark");
    for (json, why) in [
        (format!("{{{KEYS}}}"), "Version is not 1"),
        (format!("{{\"Version\":\"1\",{KEYS}}}"), "Version is not 1"),
        (format!("{{\"Version\":2,{KEYS}}}"), "Version is not 1"),
        (format!("{{\"Version\":1,{KEYS}}}x"), "not one JSON object"),
        (format!("{{\"Version\":1,{KEYS}}}{{}}"), "not one JSON object"),
        (format!("{{\"Version\":1,{KEYS},\"Expiration\":\"\"}}"), "Expiration is not a time"),
        (format!("{{\"Version\":1,{KEYS},\"Expiration\":\"2029-01-01T00:00:00Z\"}}"), "have already expired"),
        (r#"{"Version":1,"AccessKeyId":"AK","SecretAccessKey":""}"#.to_owned(), "no SecretAccessKey"),
        ("[\"MARKED\"]".to_owned(), "not a JSON object"),
        ("MARKED".to_owned(), "not one JSON object"),
        (String::new(), "not one JSON object"),
    ] {
        in_order(&prints(&json).error(), &["access", "there are no credentials from the program of", why]);
    }
}

#[test]
fn program_failure_is_reported() {
    in_order(&world("echo MARKED; exit 3").error(), &["access", "the program failed (exit status: 3)", "by hand"]);
    in_order(&world("/no/such/MARKED 2>/dev/null").error(), &["access", "exit status: 127"]);
    in_order(&world("head -c 100000 /dev/zero").error(), &["access", "more than 65536 bytes"]);
    assert!(world("").provider().unwrap().unwrap().origin().contains("instance"));
}

fn process(command: &str) -> Process {
    Process {
        command: command.to_owned(),
        origin: "x".to_owned(),
        cancel: Cancel::new(),
        timeout: Duration::from_millis(300),
    }
}

/// Returns whether the process is running. A zombie has no command line.
fn runs(pid: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Waits until the file has `count` lines, each a process ID.
fn pids(file: &std::path::Path, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.matches('\n').count() == count {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{text}");
        std::thread::sleep(LOOK);
    }
}

fn gone(pids: &[String]) {
    let start = Instant::now();
    while pids.iter().any(|pid| runs(pid)) {
        assert!(start.elapsed() < Duration::from_secs(20), "{pids:?}");
        std::thread::sleep(LOOK);
    }
}

#[test]
fn program_is_killed_after_the_time_limit() {
    for command in ["exec sleep 60", "exec >&-; exec sleep 60", "sleep 60 | sleep 60", "trap '' TERM HUP INT; sleep 60"]
    {
        let process = process(command);
        let error = process.credentials().unwrap_err();
        in_order(&error.to_string(), &["did not exit within"]);
        process.cancel.cancel();
        assert!(matches!(process.credentials(), Err(Error::Cancelled)));
    }
}

#[test]
fn descendants_are_killed_after_the_time_limit() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let (name, started) = (file.display(), "sleep 61 & echo $! >>");
    let process = process(&format!("{started} {name}; ({started} {name}; wait) & echo $$ >> {name}; wait"));
    assert!(process.credentials().is_err());
    gone(&pids(&file, 3));
}

#[test]
fn descendants_are_killed_on_cancellation() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let command = format!("sleep 62 & echo $! >> {0}; echo $$ >> {0}; sleep 62 | wait", file.display());
    let process = Process { timeout: TIMEOUT, ..process(&command) };
    std::thread::scope(|scope| {
        let running = scope.spawn(|| process.credentials());
        let pids = pids(&file, 2);
        assert!(pids.iter().all(|pid| runs(pid)));
        process.cancel.cancel();
        gone(&pids);
        assert!(matches!(running.join().unwrap(), Err(Error::Cancelled)));
    });
}

#[test]
fn leftover_processes_do_not_delay_the_output() {
    const JSON: &str = r#"{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"S"}"#;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    for command in [
        format!("sleep 63 & echo $! > {}; printf '%s' '{JSON}'", file.display()),
        // Output that arrives after the program has exited is still read.
        format!("(sleep 0.2; printf '%s' '{JSON}') & sleep 0; echo 0 > {}", file.display()),
    ] {
        let process = Process { timeout: TIMEOUT, ..process(&command) };
        let start = Instant::now();
        assert_eq!(process.credentials().unwrap().access_key_id, "AK", "{command}");
        assert!(start.elapsed() < TIMEOUT / 2);
        gone(&pids(&file, 1));
    }
}

#[test]
fn program_that_uses_the_terminal_is_killed() {
    let process = Process { timeout: TIMEOUT, ..process("kill -s TTIN $$; sleep 64") };
    in_order(&process.credentials().unwrap_err().to_string(), &["the program was stopped", "terminal"]);
}

#[test]
fn program_that_cannot_be_run_gets_a_hint_about_quotes() {
    for command in ["/no/such/program 2>/dev/null", "'/no such program a b' 2>/dev/null", "/dev/null 2>/dev/null"] {
        let error = process(command).credentials().unwrap_err();
        in_order(&error.to_string(), &["exit status: 12", "cannot run a command"]);
        in_order(error.hint().unwrap(), &["full path", "quote only"]);
    }
}

#[test]
fn shell_that_cannot_be_started_gets_a_hint_for_the_reason() {
    for (code, hint) in [
        (libc::EAGAIN, "ulimit -u"),
        (libc::ENOMEM, "memory"),
        (libc::ENOENT, "`sh` was not found"),
        (libc::EMFILE, "ulimit -n"),
        (libc::EACCES, "`sh`"),
    ] {
        let error = not_started(io::Error::from_raw_os_error(code));
        in_order(&error.to_string(), &["the program cannot be started"]);
        in_order(error.hint().unwrap(), &[hint]);
    }
}

//! The table of flags. To add one: an entry here, the field it sets in `raw.rs`, and its name in each command that
//! takes it.

use crate::flags::flag::{Effect, Flag, Values};
use crate::flags::values;

/// All flags. The overview lists the global ones in this order, and suggestions prefer those that come first.
pub(crate) const FLAGS: &[Flag] = &[
    Flag {
        long: "cache-to",
        effect: Effect::Value {
            name: "ATTRS",
            values: Values::Any,
            set: |raw, text| {
                raw.cache_to.push(text);
                Ok(())
            },
        },
        help: "type=s3,bucket=...,region=...[,name=a;b]...",
        aliases: &["dest", "destination", "output", "target", "to"],
        ..COMMON
    },
    Flag {
        long: "cache-from",
        effect: Effect::Value {
            name: "ATTRS",
            values: Values::Any,
            set: |raw, text| {
                raw.cache_from.push(text);
                Ok(())
            },
        },
        help: "type=s3,bucket=...,region=...[,name=a;b]...",
        aliases: &["from", "source", "src"],
        ..COMMON
    },
    Flag {
        long: "tag",
        effect: Effect::Value {
            name: "TAG",
            values: Values::Any,
            set: |raw, text| {
                raw.tag = Some(text);
                Ok(())
            },
        },
        help: "the tag in DIR [default: latest]",
        ..COMMON
    },
    Flag {
        long: "fail-on-miss",
        effect: Effect::Switch(|raw| raw.fail_on_miss = true),
        help: "exit with status 3 if there is no cache",
        ..COMMON
    },
    Flag {
        long: "strict",
        effect: Effect::Switch(|raw| raw.strict = true),
        help: "fail if a blob, a manifest or a source cannot be used",
        ..COMMON
    },
    Flag {
        long: "verify-existing",
        effect: Effect::Switch(|raw| raw.verify_existing = true),
        help: "check the digests of existing blobs",
        ..COMMON
    },
    Flag {
        long: "sync",
        effect: Effect::Switch(|raw| raw.sync = true),
        help: "flush every blob to disk before writing the index",
        ..COMMON
    },
    Flag {
        long: "explain",
        effect: Effect::Switch(|raw| raw.explain = true),
        help: "print what each manifest contributed",
        ..COMMON
    },
    Flag {
        long: "dry-run",
        effect: Effect::Switch(|raw| raw.dry_run = true),
        help: "print what would be done",
        aliases: &["check", "what-if"],
        ..COMMON
    },
    Flag {
        long: "write",
        effect: Effect::Switch(|raw| raw.write = true),
        help: "also write, touch and delete a small object, always under the same key",
        ..COMMON
    },
    Flag {
        long: "listen",
        effect: Effect::Value {
            name: "ADDRESS",
            values: Values::Any,
            set: |raw, text| {
                raw.listen = Some(text);
                Ok(())
            },
        },
        help: "address and port to listen on [default: 127.0.0.1:5055]",
        aliases: &["addr", "address", "bind", "port"],
        ..COMMON
    },
    Flag {
        long: "host",
        effect: Effect::Value {
            name: "NAME",
            values: Values::Any,
            set: |raw, text| {
                raw.host.push(text);
                Ok(())
            },
        },
        help: "a host name that clients use; can be repeated",
        aliases: &["hostname"],
        ..COMMON
    },
    Flag {
        long: "auth-file",
        effect: Effect::Value {
            name: "FILE",
            values: Values::Any,
            set: |raw, text| {
                raw.auth_file = Some(text);
                Ok(())
            },
        },
        help: "a file with one USER:PASSWORD per line, for Basic authentication",
        aliases: &["htpasswd", "password-file", "users"],
        ..COMMON
    },
    Flag {
        long: "no-auth",
        effect: Effect::Switch(|raw| raw.no_auth = true),
        help: "allow access without authentication",
        aliases: &["insecure"],
        ..COMMON
    },
    Flag {
        long: "redirect",
        effect: Effect::Switch(|raw| raw.redirect = true),
        help: "send clients to the store for layers, with presigned URLs",
        ..COMMON
    },
    Flag {
        long: "advertise",
        effect: Effect::Value {
            name: "HOST:PORT",
            values: Values::Any,
            set: |raw, text| {
                raw.advertise = Some(text);
                Ok(())
            },
        },
        help: "the address by which the builder reaches this machine",
        ..COMMON
    },
    Flag {
        long: "summary",
        effect: Effect::Value {
            name: "FILE",
            values: Values::Any,
            set: |raw, text| {
                raw.summary = Some(text);
                Ok(())
            },
        },
        help: "write the result as one JSON object to FILE",
        ..COMMON
    },
    Flag {
        long: "progress",
        effect: Effect::Value {
            name: "MODE",
            values: Values::OneOf(values::PROGRESS),
            set: |raw, text| {
                raw.global.progress = values::progress(&text)?;
                Ok(())
            },
        },
        help: "auto, tty, plain, rawjson or quiet [default: auto]",
        aliases: &["no-progress=quiet"],
        ..GLOBAL
    },
    Flag {
        long: "json",
        effect: Effect::Switch(|raw| raw.global.json = true),
        help: "print the result as one JSON object",
        aliases: &["format"],
        ..GLOBAL
    },
    Flag {
        long: "quiet",
        short: Some('q'),
        effect: Effect::Switch(|raw| raw.global.quiet = true),
        help: "print only warnings and errors",
        aliases: &["silent"],
        ..GLOBAL
    },
    Flag {
        long: "verbose",
        short: Some('v'),
        effect: Effect::Switch(|raw| raw.global.verbosity = raw.global.verbosity.saturating_add(1)),
        help: "more output; -vv logs every request",
        aliases: &["debug"],
        ..GLOBAL
    },
    Flag {
        long: "jobs",
        short: Some('j'),
        effect: Effect::Value {
            name: "N",
            values: Values::Any,
            set: |raw, text| {
                raw.global.jobs = Some(values::jobs(&text)?);
                Ok(())
            },
        },
        help: "number of connections, 1 to 64\n[default: 4 x upload_parallelism]",
        aliases: &["concurrency", "connections", "parallel", "threads", "workers"],
        ..GLOBAL
    },
    Flag {
        long: "help",
        short: Some('h'),
        effect: Effect::Switch(|raw| raw.help = true),
        help: "show help",
        aliases: &["usage"],
        ..GLOBAL
    },
    Flag {
        long: "version",
        short: Some('V'),
        effect: Effect::Switch(|raw| raw.version = true),
        help: "show the version",
        ..GLOBAL
    },
];

/// A flag of some commands, without a short form or aliases.
const COMMON: Flag =
    Flag { long: "", short: None, effect: Effect::Switch(|_| ()), help: "", global: false, aliases: &[] };
/// A flag of all commands.
const GLOBAL: Flag = Flag { global: true, ..COMMON };

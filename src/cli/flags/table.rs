//! The table of flags. To add one: an entry here, the field it sets in `raw.rs`, and its name in each command that
//! takes it.

use s3_build_cache::program::{parse_option_duration, parse_option_size};

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
        ..REPEATED
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
        ..REPEATED
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
        ..BY_HAND
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
        ..REPEATED
    },
    Flag {
        long: "auth-file",
        effect: Effect::Value {
            name: "FILE",
            values: Values::File,
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
        ..BY_HAND
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
            values: Values::File,
            set: |raw, text| {
                raw.summary = Some(text);
                Ok(())
            },
        },
        help: "write the result as one JSON object to FILE",
        ..COMMON
    },
    Flag {
        long: "html",
        effect: Effect::Value {
            name: "FILE",
            values: Values::File,
            set: |raw, text| {
                raw.html = Some(text);
                Ok(())
            },
        },
        help: "also write a page with charts, without scripts or other files",
        ..COMMON
    },
    Flag {
        long: "deep",
        effect: Effect::Switch(|raw| raw.deep = true),
        help: "also read every blob and check its digest",
        aliases: &["read-data"],
        ..COMMON
    },
    Flag {
        long: "repair",
        effect: Effect::Switch(|raw| raw.repair = true),
        help: "rewrite manifests without what is lost, and delete corrupt blobs",
        aliases: &["fix"],
        ..BY_HAND
    },
    Flag {
        long: "older-than",
        effect: Effect::Value {
            name: "D",
            values: Values::Any,
            set: |raw, text| {
                raw.older_than = Some(parse_option_duration("--older-than", &text)?);
                Ok(())
            },
        },
        help: "drop manifests last written longer ago than this, such as 336h",
        aliases: &["max-age", "keep-within", "until"],
        ..COMMON
    },
    Flag {
        long: "max-size",
        effect: Effect::Value {
            name: "S",
            values: Values::Any,
            set: |raw, text| {
                raw.max_size = Some(parse_option_size("--max-size", &text)?);
                Ok(())
            },
        },
        help: "drop the oldest manifests until the blobs of the others fit, such as 500GiB",
        aliases: &["keep-storage", "max-used-space"],
        ..COMMON
    },
    Flag {
        long: "keep-last",
        effect: Effect::Value {
            name: "N",
            values: Values::Any,
            set: |raw, text| {
                raw.keep_last = values::count("--keep-last", &text)?;
                Ok(())
            },
        },
        help: "keep the manifests that were written last, as many as this",
        ..COMMON
    },
    Flag {
        long: "keep",
        effect: Effect::Value {
            name: "GLOB",
            values: Values::Any,
            set: |raw, text| {
                raw.keep.push(text);
                Ok(())
            },
        },
        help: "keep manifests with this name or pattern; can be repeated",
        aliases: &["exclude"],
        ..REPEATED
    },
    Flag {
        long: "keep-tag",
        effect: Effect::Value {
            name: "TAG",
            values: Values::Any,
            set: |raw, text| {
                raw.keep_tag.push(text);
                Ok(())
            },
        },
        help: "keep only the entries with this tag; can be repeated",
        ..REPEATED
    },
    Flag {
        long: "grace",
        effect: Effect::Value {
            name: "D",
            values: Values::Any,
            set: |raw, text| {
                raw.grace = Some(parse_option_duration("--grace", &text)?);
                Ok(())
            },
        },
        help: "how long blobs stay after nothing references them [default: 48h]",
        ..COMMON
    },
    Flag {
        long: "now",
        effect: Effect::Switch(|raw| raw.now = true),
        help: "also delete what this run records, unless modified within the grace; no build may be reading",
        ..BY_HAND
    },
    Flag {
        long: "force",
        effect: Effect::Switch(|raw| raw.force = true),
        help: "prune even if the grace is short, other caches may share the blobs, or the store does not refresh their age",
        ..BY_HAND
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
        help: "show what is done with each blob, and why;\n-vv also shows times, and logs every request",
        aliases: &["debug"],
        repeats: true,
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
        mirrored: false,
        ..GLOBAL
    },
    Flag {
        long: "version",
        short: Some('V'),
        effect: Effect::Switch(|raw| raw.version = true),
        help: "show the version",
        mirrored: false,
        ..GLOBAL
    },
    Flag {
        long: "licenses",
        effect: Effect::Switch(|raw| raw.licenses = true),
        help: "show the licenses of this program and of what it contains",
        aliases: &["credits", "licences", "license", "notices"],
        mirrored: false,
        ..GLOBAL
    },
];

/// A flag of some commands, without a short form or aliases.
const COMMON: Flag = Flag {
    long: "",
    short: None,
    effect: Effect::Switch(|_| ()),
    help: "",
    global: false,
    repeats: false,
    mirrored: true,
    aliases: &[],
};
/// One that can be given several times.
const REPEATED: Flag = Flag { repeats: true, ..COMMON };
/// One that no variable sets.
const BY_HAND: Flag = Flag { mirrored: false, ..COMMON };
/// A flag of all commands.
const GLOBAL: Flag = Flag { global: true, ..COMMON };

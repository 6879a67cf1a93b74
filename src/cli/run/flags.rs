//! The flags with a value of docker, buildx and buildctl. A flag that is missing here is taken for a switch, so that what
//! follows it is read as an argument of its own.

/// How a command writes its flags, and which of them take a value.
pub(super) struct Flags {
    /// The long names of the flags with a value.
    pub(super) long: &'static [&'static [&'static str]],
    /// The letters of flags with a value, and the long names that they stand for.
    pub(super) short: &'static [(u8, &'static str)],
    /// Whether one dash is enough for a long name, as in Go's `flag`, and letters cannot be joined.
    pub(super) one_dash: bool,
}

/// The flags between `docker` and its subcommand.
pub(super) const DOCKER: Flags =
    Flags { long: &[OF_DOCKER], short: &[(b'H', "host"), (b'c', "context"), (b'l', "log-level")], one_dash: false };
const OF_DOCKER: &[&str] = &["config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"];

/// The flags between `buildx` and its subcommand. A buildx without docker takes docker's flags too.
pub(super) const BUILDX: Flags = Flags { long: &[OF_DOCKER, OF_BUILDX], ..DOCKER };
const OF_BUILDX: &[&str] = &["builder"];

/// The flags of `docker buildx build` up to v0.36, of its hidden ones too, and of the builds before it.
pub(super) const BUILD: Flags = Flags {
    long: &[
        OF_BUILDX,
        &[
            "add-host",
            "allow",
            "annotation",
            "attest",
            "build-arg",
            "build-context",
            "cache-from",
            "cache-to",
            "call",
            "cgroup-parent",
            "cpu-period",
            "cpu-quota",
            "cpu-shares",
            "cpuset-cpus",
            "cpuset-mems",
            "file",
            "iidfile",
            "invoke",
            "isolation",
            "label",
            "memory",
            "memory-swap",
            "metadata-file",
            "network",
            "no-cache-filter",
            "output",
            "platform",
            "policy",
            "print",
            "progress",
            "provenance",
            "resource",
            "root",
            "sbom",
            "secret",
            "security-opt",
            "server-config",
            "shm-size",
            "ssh",
            "tag",
            "target",
            "ulimit",
        ],
    ],
    short: &[(b'c', "cpu-shares"), (b'f', "file"), (b'm', "memory"), (b'o', "output"), (b't', "tag")],
    one_dash: false,
};

/// The flags of `docker buildx bake` up to v0.36.
pub(super) const BAKE: Flags = Flags {
    long: &[
        OF_BUILDX,
        &["allow", "call", "file", "list", "metadata-file", "policy", "progress", "provenance", "sbom", "set", "var"],
    ],
    short: &[(b'f', "file")],
    one_dash: false,
};

/// The flags between `buildctl` and its subcommand.
pub(super) const BUILDCTL: Flags = Flags { long: &[OF_BUILDCTL], short: &[], one_dash: true };
const OF_BUILDCTL: &[&str] =
    &["addr", "log-format", "timeout", "tlscacert", "tlscert", "tlsdir", "tlskey", "tlsservername"];

/// The flags of `buildctl build`, which takes those before it too.
pub(super) const BUILDCTL_BUILD: Flags = Flags {
    long: &[
        OF_BUILDCTL,
        &[
            "allow",
            "debug-json-cache-metrics",
            "export-cache",
            "frontend",
            "frontend-opt",
            "import-cache",
            "local",
            "metadata-file",
            "oci-layout",
            "opt",
            "output",
            "progress",
            "ref-file",
            "registry-auth-tlscontext",
            "secret",
            "source-policy-file",
            "ssh",
            "trace",
        ],
    ],
    short: &[(b'o', "output")],
    one_dash: true,
};

impl Flags {
    /// Returns the name in the table, if the flag takes a value.
    pub(super) fn with_value(&self, name: &[u8]) -> Option<&'static str> {
        self.long.iter().flat_map(|names| names.iter()).find(|known| known.as_bytes() == name).copied()
    }

    /// Returns the long name of a letter that takes a value.
    pub(super) fn of_letter(&self, letter: u8) -> Option<&'static str> {
        self.short.iter().find(|(known, _)| *known == letter).map(|(_, long)| *long)
    }
}

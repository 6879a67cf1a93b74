//! The help texts.

use s3_build_cache::{Error, Problem, Result};

/// The commands, as listed in messages.
pub(crate) const COMMANDS: &str = "export, import and doctor";

pub(crate) const MAIN: &str = "\
Move BuildKit's build cache between a local cache directory and S3.

Usage: s3-build-cache export DIR --cache-to ATTRS...    local cache -> S3
       s3-build-cache import DIR --cache-from ATTRS...  S3 -> local cache
       s3-build-cache doctor ATTRS                      find out what is wrong

Commands:
  export  upload the blobs that the bucket lacks, then the manifest
  import  download the blobs that the directory lacks, then write the index
  doctor  check each step needed to reach a cache and suggest fixes
  help    show the options and examples of a command

Global options:
      --progress MODE  auto, tty, plain, rawjson or quiet [default: auto]
      --json           print the result as one JSON object
  -q, --quiet          print only warnings and errors
  -v, --verbose        more output; -vv logs every request
  -j, --jobs N         number of connections, 1 to 64
                       [default: 4 x upload_parallelism]
  -h, --help           show help
  -V, --version        show the version

Example:
  docker buildx build --cache-to type=local,dest=cache,mode=max .
  s3-build-cache export cache --cache-to type=s3,region=eu-west-1,bucket=ci
";

const EXPORT: &str = "\
Upload a BuildKit local cache directory to S3, in the format of BuildKit's own
S3 cache.

Usage: s3-build-cache export DIR --cache-to ATTRS... [OPTIONS]

  DIR  written by docker buildx build --cache-to type=local,dest=DIR;
       also type=local,src=DIR,tag=TAG or type=local,src=DIR,digest=sha256:...

Options:
      --cache-to ATTRS   type=s3,bucket=...,region=...[,name=a;b][,mode=min]...
                         can be repeated: the cache is exported to each
      --tag TAG          the tag in DIR [default: latest, or the only entry]
      --verify-existing  re-read existing blobs and replace corrupt ones
      --dry-run          print what would be done

Also --progress, --json, -q, -v and -j: see s3-build-cache --help

Examples:
  s3-build-cache export cache --cache-to type=s3,region=eu-west-1,bucket=ci
  s3-build-cache export cache --cache-to \\
    'type=s3,region=eu-west-1,bucket=ci,name=app;main'
  s3-build-cache export cache --cache-to \\
    type=s3,bucket=ci,endpoint_url=https://s3.example.com,use_path_style=true
  s3-build-cache export cache --cache-to \\
    type=s3,bucket=trial,endpoint_url=file:///tmp/store
";

const IMPORT: &str = "\
Download a cache from S3 into a local cache directory that BuildKit can read.

Usage: s3-build-cache import DIR --cache-from ATTRS... [OPTIONS]

  DIR  a directory for docker buildx build --cache-from type=local,src=DIR;
       also type=local,dest=DIR,tag=TAG

Options:
      --cache-from ATTRS  type=s3,bucket=...,region=...[,name=a;b]...
                          can be repeated: the caches are merged
      --tag TAG           the tag in DIR [default: latest]
      --fail-on-miss      exit with status 3 if there is no cache
      --strict            fail if a blob, a manifest or a source cannot be used
      --verify-existing   check the digests of existing files
      --sync              flush every blob to disk before writing the index
      --dry-run           print what would be done

Also --progress, --json, -q, -v and -j: see s3-build-cache --help

Examples:
  s3-build-cache import cache --cache-from type=s3,region=eu-west-1,bucket=ci
  s3-build-cache import cache --cache-from \\
    'type=s3,region=eu-west-1,bucket=ci,name=feature;main'
  s3-build-cache import cache --cache-from \\
    type=s3,bucket=ci,endpoint_url=https://s3.example.com,use_path_style=true
  s3-build-cache import cache --cache-from \\
    type=s3,bucket=trial,endpoint_url=file:///tmp/store
";

const DOCTOR: &str = "\
Check each step needed to reach a cache and suggest fixes: settings, endpoint,
DNS, TCP, proxy, TLS, clock, credentials, bucket, permissions.

Usage: s3-build-cache doctor ATTRS [OPTIONS]

  ATTRS        the attributes of a cache; also --cache-to ATTRS or
               --cache-from ATTRS

Options:
      --write  also write, touch and delete a small object, always under the
               same key

Also --json, -q and -v: see s3-build-cache --help

Each line reports one step: \u{2713} passed, \u{2717} failed, - skipped. The exit
status is 0 if nothing failed, 4 if access was denied, otherwise that of the
first failed check.

Examples:
  s3-build-cache doctor type=s3,region=eu-west-1,bucket=my-cache,name=app
  s3-build-cache doctor --write \\
    type=s3,bucket=ci,endpoint_url=https://s3.example.com,use_path_style=true
";

/// Returns the help of one command, or the overview.
pub(crate) fn of(command: Option<&str>) -> Result<String> {
    match command {
        None => Ok(MAIN.to_owned()),
        Some("doctor") => Ok(DOCTOR.to_owned()),
        Some("export") => Ok(EXPORT.to_owned()),
        Some("import") => Ok(IMPORT.to_owned()),
        Some(other) => {
            let hint = format!("the commands are {COMMANDS}");
            Err(Error::Usage(Problem::new(format!("no help for {other:?}")).hint(hint)))
        }
    }
}

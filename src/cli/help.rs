//! The help texts.

use s3_build_cache::{Error, Problem, Result};

/// As messages name them.
pub(crate) const COMMANDS: &str = "export, import and doctor";

pub(crate) const MAIN: &str = "\
Move BuildKit's build cache between a local cache directory and S3.

Usage: s3-build-cache export DIR --cache-to ATTRS...    local cache -> S3
       s3-build-cache import DIR --cache-from ATTRS...  S3 -> local cache
       s3-build-cache doctor ATTRS                      why does it not work?

Commands:
  export  upload what the bucket lacks, then the manifest
  import  download what the directory lacks, then the index
  doctor  try every step on the way to a cache, and say what to mend
  help    show the options and examples of a command

Options of all:
      --progress MODE  auto, tty, plain, rawjson or quiet [default: auto]
      --json           print the result as one JSON object
  -q, --quiet          no progress and no summary, only warnings and errors
  -v, --verbose        say more; twice: every request
  -j, --jobs N         number of connections, 1 to 64 [default: 4 x upload_parallelism]
  -h, --help           show help
  -V, --version        show the version

Example:
  docker buildx build --cache-to type=local,dest=cache,mode=max .
  s3-build-cache export cache --cache-to type=s3,region=eu-west-1,bucket=my-cache,name=app
";

const EXPORT: &str = "\
Upload a BuildKit local cache directory to S3, as BuildKit's own S3 cache.

Usage: s3-build-cache export DIR --cache-to ATTRS... [OPTIONS]

  DIR               what docker buildx build --cache-to type=local,dest=DIR wrote;
                    also type=local,src=DIR,tag=TAG or type=local,src=DIR,digest=sha256:...

Options:
      --cache-to ATTRS   type=s3,bucket=...,region=...[,name=a;b][,mode=min]...
                         may repeat: the cache goes to each
      --tag TAG          the tag in DIR [default: latest, or the only entry]
      --verify-existing  read blobs that are already there back, replace corrupt ones
      --dry-run          only say what would be done

and --progress, --json, -q, -v, -j: see s3-build-cache --help

Examples:
  s3-build-cache export cache --cache-to type=s3,region=eu-west-1,bucket=my-cache,name=app
  s3-build-cache export cache --cache-to 'type=s3,bucket=ci,name=app;main,endpoint_url=https://s3.example.com,use_path_style=true'
  s3-build-cache export cache --cache-to type=s3,bucket=trial,endpoint_url=file:///tmp/trial
";

const IMPORT: &str = "\
Download a cache from S3 into a local cache directory that BuildKit reads.

Usage: s3-build-cache import DIR --cache-from ATTRS... [OPTIONS]

  DIR               what docker buildx build --cache-from type=local,src=DIR will read;
                    also type=local,dest=DIR,tag=TAG

Options:
      --cache-from ATTRS  type=s3,bucket=...,region=...[,name=a;b]...
                          may repeat: the caches are merged
      --tag TAG           the tag in DIR [default: latest]
      --fail-on-miss      exit with status 3 when there is no cache
      --strict            fail when a blob, a manifest or a source cannot be used
      --verify-existing   check the digests of files that are already there
      --sync              wait until every blob is on the disk before the index is written
      --dry-run           only say what would be done

and --progress, --json, -q, -v, -j: see s3-build-cache --help

Examples:
  s3-build-cache import cache --cache-from type=s3,region=eu-west-1,bucket=my-cache,name=app
  s3-build-cache import cache --cache-from 'type=s3,bucket=ci,name=feature;main,endpoint_url=https://s3.example.com,use_path_style=true'
  s3-build-cache import cache --cache-from type=s3,bucket=trial,endpoint_url=file:///tmp/trial
";

const DOCTOR: &str = "\
Try every step on the way to a cache by itself, and say what to mend: settings, endpoint,
DNS, TCP, proxy, TLS, clock, credentials, bucket, permissions.

Usage: s3-build-cache doctor ATTRS [OPTIONS]

  ATTRS        the attributes of a cache; also --cache-to ATTRS or --cache-from ATTRS

Options:
      --write  also write, touch and delete a small object, always under the same key

and --json, -q, -v: see s3-build-cache --help

Each line is a step: \u{2713} works, \u{2717} does not, - was not tried. The status is 0 when none failed,
4 when one was refused, else that of the first that failed.

Examples:
  s3-build-cache doctor type=s3,region=eu-west-1,bucket=my-cache,name=app
  s3-build-cache doctor type=s3,bucket=ci,endpoint_url=https://s3.example.com,use_path_style=true --write
";

/// The help of one command, or the overview.
pub(crate) fn of(command: Option<&str>) -> Result<String> {
    match command {
        None => Ok(MAIN.to_owned()),
        Some("doctor") => Ok(DOCTOR.to_owned()),
        Some("export") => Ok(EXPORT.to_owned()),
        Some("import") => Ok(IMPORT.to_owned()),
        Some(other) => {
            let hint = format!("the commands are {COMMANDS}");
            Err(Error::Usage(Problem::new(format!("there is no help on {other:?}")).hint(hint)))
        }
    }
}

//! AWS Signature Version 4, in the `Authorization` header for S3 and STS, and in the query of a URL.
//!
//! Pure: the time is an argument. What is signed is what is sent: path and query must be encoded, and every given
//! header is signed. Headers that a proxy may change (`accept-encoding`, `user-agent`, `expect`, `content-length`) must
//! be added to the request afterwards.
//!
//! The steps and their names follow AWS's "Create a signed AWS API request".

mod canonical_request;
mod credentials;
mod header;
mod presign;
mod request;
mod signature;
mod string_to_sign;

pub(crate) use canonical_request::canonical_query;
pub use credentials::Credentials;
pub(crate) use header::{sign, signature_of};
pub(crate) use presign::presigned_query;
pub(crate) use request::{EMPTY_SHA256, Signable, SignatureScope, Token, UNSIGNED_PAYLOAD};

#[cfg(test)]
mod tests;

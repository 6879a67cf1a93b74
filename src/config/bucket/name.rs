//! What a bucket may be called.

pub(super) const NAME_RULE: &str =
    "a bucket name is 3 to 63 of a-z, 0-9, . and -, and begins and ends with a letter or digit";

/// Returns whether the text is a single path segment without spaces at its ends or other white space.
pub(super) fn is_segment(text: &str) -> bool {
    !text.is_empty() && !matches!(text, "." | "..") && !text.contains('/') && is_clean(text)
}

/// Returns whether the text has no control character, and no white space other than spaces within it.
pub(super) fn is_clean(text: &str) -> bool {
    text.trim() == text && !text.contains(|c: char| c.is_control() || (c.is_whitespace() && c != ' '))
}

/// Returns whether the name follows S3's rules for buckets, so that it can stand in a host name.
pub(super) fn is_dns_name(name: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        && alphanumeric(name.bytes().next())
        && alphanumeric(name.bytes().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// Returns whether the text can be one label of a host name.
pub(crate) fn is_host_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Returns whether the bucket can be the beginning of a host name. A wildcard certificate covers one label, so no dots
/// over TLS.
pub(crate) fn is_virtual_hostable(bucket: &str, https: bool) -> bool {
    is_dns_name(bucket) && !(https && bucket.contains('.'))
}

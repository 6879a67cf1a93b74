use std::time::SystemTime;

use serde_json::Value;
use time::macros::datetime;

use super::canonical_request::canonical_request;
use super::string_to_sign::Scope;
use super::*;
use crate::base::Secret;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect()
}

fn keys(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::from(secret),
        session_token: token.map(Secret::from),
        expires: None,
    }
}

fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    &headers.iter().find(|(known, _)| known == name).unwrap().1
}

/// Computed with botocore.
#[test]
fn golden_vectors_match_in_canonical_request_and_signature() {
    let file: Value = serde_json::from_slice(&std::fs::read("tests/fixtures/sigv4-vectors.json").unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let text = |key: &str| vector[key].as_str().unwrap();
        let mut headers = pairs(&[("host", text("host"))]);
        for (name, value) in vector["headers"].as_object().unwrap() {
            headers.extend(pairs(&[(name, value.as_str().unwrap())]));
        }
        let request = Signable {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            payload_hash: text("payload_hash"),
        };
        let keys = keys("AKIDEXAMPLE", SECRET, vector["session_token"].as_str());
        let time = datetime!(2025-01-02 03:04:05 UTC).into();
        sign(
            &mut headers,
            &request,
            &keys,
            SignatureScope { region: text("region"), service: "s3", time, token: Token::Security },
        );
        assert_eq!(value_of(&headers, "authorization"), text("authorization"), "{}", text("name"));
        headers.pop();
        assert_eq!(canonical_request(&headers, &request), text("canonical_request"), "{}", text("name"));
    }
}

/// Requests for directory buckets and access points. Computed with botocore.
#[test]
fn requests_in_a_session_have_the_signatures_of_the_sdk() {
    let file = std::fs::read_to_string("tests/fixtures/express-vectors.jsonl").unwrap();
    assert_eq!(file.lines().count(), 10);
    for line in file.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| vector[key].as_str().unwrap();
        let sent = |name: &str| {
            let headers = vector["headers"].as_object().unwrap();
            let value = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
            value.unwrap().as_str().unwrap()
        };
        let target = text("url").strip_prefix("https://").unwrap();
        let (host, target) = target.split_at(target.find('/').unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut query: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
        query.sort_unstable();
        let query: Vec<String> =
            query.iter().map(|pair| if pair.contains('=') { (*pair).to_owned() } else { format!("{pair}=") }).collect();
        let token = if text("token_header") == "x-amz-s3session-token" { Token::S3Session } else { Token::Security };
        // `sign` adds the others itself.
        let added = ["host", "x-amz-date", "x-amz-content-sha256", text("token_header")];
        let signed = sent("authorization").split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        let mut headers = pairs(&[("host", host)]);
        headers.extend(
            signed.split(';').filter(|name| !added.contains(name)).map(|name| (name.to_owned(), sent(name).to_owned())),
        );
        let request = Signable {
            method: text("method"),
            path,
            query: &query.join("&"),
            payload_hash: sent("x-amz-content-sha256"),
        };
        let keys = keys(text("access_key"), text("secret_key"), Some(text("token")));
        let time = datetime!(2026-01-02 03:04:05 UTC).into();
        let scope = SignatureScope { region: text("region"), service: text("service"), time, token };
        sign(&mut headers, &request, &keys, scope);
        assert_eq!(value_of(&headers, "authorization"), sent("authorization"), "{}", text("name"));
        headers.pop();
        assert_eq!(canonical_request(&headers, &request), text("canonical_request"), "{}", text("name"));
    }
}

/// From AWS's "Authenticating Requests: Using the Authorization Header", section on a single chunk.
#[test]
fn the_published_s3_examples_match() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let list = canonical_query(&[("prefix", "J"), ("max-keys", "2")]);
    let lifecycle = canonical_query(&[("lifecycle", "")]);
    let welcome = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let put = &[("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (
            "GET",
            "/test.txt",
            "",
            &[("Range", "bytes=0-9")],
            EMPTY_SHA256,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            "",
            put,
            welcome,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/", &lifecycle, &[], EMPTY_SHA256, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/", &list, &[], EMPTY_SHA256, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ];
    for (method, path, query, extra, payload_hash, expected) in cases {
        let mut headers = pairs(&[("host", "examplebucket.s3.amazonaws.com")]);
        headers.extend(pairs(extra));
        let keys = keys("AKIAIOSFODNN7EXAMPLE", secret, None);
        let time = datetime!(2013-05-24 00:00:00 UTC).into();
        let scope = SignatureScope { region: "us-east-1", service: "s3", time, token: Token::Security };
        sign(&mut headers, &Signable { method, path, query, payload_hash }, &keys, scope);
        let authorization = value_of(&headers, "authorization");
        assert_eq!(authorization.split_once("Signature=").unwrap().1, *expected, "{method} {path}?{query}");
    }
}

#[test]
fn queries_are_sorted_in_encoded_form() {
    let query = canonical_query(&[("uploadId", "a/b+c=="), ("partNumber", "2"), ("X", ""), ("~é", " ")]);
    assert_eq!(query, "X=&partNumber=2&uploadId=a%2Fb%2Bc%3D%3D&~%C3%A9=%20");
    assert_eq!(canonical_query(&[]), "");
}

#[test]
fn an_out_of_range_clock_can_still_sign() {
    for time in [SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1), datetime!(9999-12-31 23:59:59 UTC).into()]
    {
        let scope = Scope::new(SignatureScope { region: "r", service: "s3", time, token: Token::Security });
        assert_eq!(scope.timestamp().len(), 16);
    }
}

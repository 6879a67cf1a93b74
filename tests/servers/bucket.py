"""Waits for an S3 server on loopback and makes a bucket on it: bucket.py ENDPOINT ACCESS_KEY SECRET_KEY REGION BUCKET.

Standard library only, and a signer of its own: it must not share a mistake with the code under test.
"""

import datetime
import hashlib
import hmac
import http.client
import sys
import time
import urllib.parse


def authorization(host, path, region, access_key, secret_key, now):
    day, stamp = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join(["PUT", path, "", *(f"{k}:{v}" for k, v in headers.items()), "", names, payload])
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret_key).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}"
    headers["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def make(endpoint, access_key, secret_key, region, bucket):
    url = urllib.parse.urlsplit(endpoint)
    path = "/" + bucket
    headers = authorization(url.netloc, path, region, access_key, secret_key, datetime.datetime.now(datetime.timezone.utc))
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    try:
        connection.request("PUT", path, body=b"", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(2000)
    finally:
        connection.close()


def main():
    last = None
    for _ in range(300):
        try:
            status, body = make(*sys.argv[1:6])
            if status == 200 or b"BucketAlreadyOwnedByYou" in body or b"BucketAlreadyExists" in body:
                return
            last = f"HTTP {status}: {body[:300]}"
        except (OSError, http.client.HTTPException) as error:
            last = error
        time.sleep(0.2)
    sys.exit(f"no bucket on {sys.argv[1]} after 60 s: {last}")


if __name__ == "__main__":
    main()

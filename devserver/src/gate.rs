//! What stands before s3s: the checks it leaves out. Region, signed headers, session token, account.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, EXPIRES, HOST, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use s3s::dto::{Timestamp, TimestampFormat};

use crate::body::RawExpires;
use crate::query::{self, value};
use crate::store::Settings;

/// Presigned URLs live seven days at most.
const LONGEST: i64 = 604_800;

/// What the gate checks against.
pub(crate) struct Gate {
    pub(crate) settings: Settings,
    pub(crate) session_token: Option<String>,
    /// With virtual hosts: `domain:port`, below which buckets must be named.
    pub(crate) domain: Option<String>,
}

/// An answer the gate gives by itself.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Further elements of the error body.
    pub(crate) extra: Vec<(&'static str, String)>,
}

pub(crate) fn refuse<T>(status: StatusCode, code: &str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { status, code: code.to_owned(), message: message.into(), extra: Vec::new() })
}

impl Refusal {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.extra.push((name, value.to_owned()));
        self
    }
}

/// The parts of a signature that s3s does not judge.
#[derive(Debug, PartialEq, Default)]
struct Claims {
    credential: String,
    signed: Vec<String>,
    presigned: bool,
}

impl Gate {
    /// Judges the head of a request.
    pub(crate) fn screen(&self, parts: &mut Parts) -> Result<(), Refusal> {
        self.host(parts)?;
        let query = query::parse(parts.uri.query().unwrap_or_default());
        let claims = claims(&parts.headers, &query)?;
        if let Some(claims) = &claims {
            self.credential(claims, &query)?;
            all_signed(&parts.headers, claims)?;
        }
        self.token(&parts.headers, &query)?;
        for name in ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"] {
            if parts.headers.get(name).is_some_and(|owner| owner != self.settings.account.as_str()) {
                return refuse(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
            }
        }
        let signed = claims.is_some_and(|c| c.signed.iter().any(|s| s == "expires"));
        put_expires_aside(parts, signed);
        Ok(())
    }

    fn host(&self, parts: &Parts) -> Result<(), Refusal> {
        let Some(domain) = &self.domain else {
            return Ok(());
        };
        let host = parts.headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        let below = host.len() > domain.len() && host.to_ascii_lowercase().ends_with(&format!(".{domain}"));
        if !below && parts.uri.path() != "/" {
            return refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequest",
                format!("This server wants virtual hosts: name the bucket before {domain}"),
            );
        }
        Ok(())
    }

    fn credential(&self, claims: &Claims, query: &[(String, String)]) -> Result<(), Refusal> {
        let (code, what) = match claims.presigned {
            true => ("AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter"),
            false => ("AuthorizationHeaderMalformed", "The authorization header is malformed"),
        };
        let scope: Vec<&str> = claims.credential.rsplitn(5, '/').collect();
        let [end, service, region, _, _] = scope[..] else {
            return refuse(StatusCode::BAD_REQUEST, code, format!("{what}; the Credential is mal-formed"));
        };
        let expected = self.settings.region.as_str();
        if region != expected {
            let text = format!("{what}; the region '{region}' is wrong; expecting '{expected}'");
            return refuse(StatusCode::BAD_REQUEST, code, text).map_err(|r: Refusal| r.with("Region", expected));
        }
        if service != "s3" || end != "aws4_request" {
            return refuse(
                StatusCode::BAD_REQUEST,
                code,
                format!("{what}; incorrect service \"{service}\" or terminal \"{end}\""),
            );
        }
        if let Some(expires) = value(query, "X-Amz-Expires") {
            match expires.parse::<i64>() {
                Ok(n) if n > LONGEST => {
                    return refuse(
                        StatusCode::BAD_REQUEST,
                        code,
                        "X-Amz-Expires must be less than a week (in seconds) that is 604800",
                    );
                }
                Ok(n) if n < 0 => {
                    return refuse(StatusCode::BAD_REQUEST, code, "X-Amz-Expires must be non-negative");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn token(&self, headers: &HeaderMap, query: &[(String, String)]) -> Result<(), Refusal> {
        let given = headers
            .get("x-amz-security-token")
            .and_then(|t| t.to_str().ok())
            .or_else(|| value(query, "X-Amz-Security-Token"));
        if given != self.session_token.as_deref() {
            return refuse(
                StatusCode::BAD_REQUEST,
                "InvalidToken",
                "The provided token is malformed or otherwise invalid.",
            );
        }
        Ok(())
    }
}

/// An `Expires` header may be any text; s3s takes dates only. Signed ones it must see, others are carried past it.
fn put_expires_aside(parts: &mut Parts, signed: bool) {
    let Some(text) = parts.headers.get(EXPIRES).and_then(|v| v.to_str().ok()) else {
        return;
    };
    if !signed || Timestamp::parse(TimestampFormat::HttpDate, text).is_ok() {
        parts.extensions.insert(RawExpires(text.to_owned()));
        if !signed {
            parts.headers.remove(EXPIRES);
        }
    }
}

fn claims(headers: &HeaderMap, query: &[(String, String)]) -> Result<Option<Claims>, Refusal> {
    let names = |list: &str| list.split(';').map(str::to_ascii_lowercase).collect();
    if let Some(header) = headers.get(AUTHORIZATION).and_then(|h| h.to_str().ok()) {
        let Some(fields) = header.strip_prefix("AWS4-HMAC-SHA256") else {
            return refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            );
        };
        let mut out = Claims::default();
        for field in fields.split(',') {
            match field.trim().split_once('=') {
                Some(("Credential", v)) => out.credential = v.to_owned(),
                Some(("SignedHeaders", v)) => out.signed = names(v),
                _ => {}
            }
        }
        return Ok(Some(out));
    }
    let Some(credential) = value(query, "X-Amz-Credential") else {
        if value(query, "AWSAccessKeyId").is_some() {
            return refuse(StatusCode::BAD_REQUEST, "InvalidRequest", "Signature version 2 is not supported.");
        }
        return Ok(None);
    };
    Ok(Some(Claims {
        credential: credential.to_owned(),
        signed: names(value(query, "X-Amz-SignedHeaders").unwrap_or_default()),
        presigned: true,
    }))
}

fn all_signed(headers: &HeaderMap, claims: &Claims) -> Result<(), Refusal> {
    let must = |name: &&HeaderName| *name == HOST || name.as_str().starts_with("x-amz-");
    let missing: Vec<&str> =
        headers.keys().filter(must).map(HeaderName::as_str).filter(|n| !claims.signed.iter().any(|s| s == n)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let text = "There were headers present in the request which were not signed";
    refuse(StatusCode::FORBIDDEN, "AccessDenied", text)
        .map_err(|r: Refusal| r.with("HeadersNotSigned", &missing.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn screen(uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let settings = Settings { region: "eu-west-1".into(), account: "123456789012".into(), min_part_size: 1 };
        let gate = Gate { settings, session_token: None, domain: None };
        let mut request = hyper::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        gate.screen(&mut parts).err().map(|r| r.code)
    }

    fn signed(region: &str, names: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=AK/20260101/{region}/s3/aws4_request, SignedHeaders={names}, Signature=00")
    }

    #[test]
    fn region_headers_and_tokens_are_judged() {
        let right = signed("eu-west-1", "host;x-amz-date");
        let wrong = signed("us-east-1", "host;x-amz-date");
        let base = [("host", "h"), ("x-amz-date", "d")];
        let with = |more: (&'static str, &str)| screen("/", &[base[0], base[1], more]);
        assert_eq!(with(("authorization", &right)), None);
        assert_eq!(with(("authorization", &wrong)).unwrap(), "AuthorizationHeaderMalformed");
        assert_eq!(with(("authorization", &signed("eu-west-1", "x-amz-date"))).unwrap(), "AccessDenied");
        assert_eq!(with(("authorization", "AWS AK:sig")).unwrap(), "InvalidRequest");
        assert_eq!(with(("x-amz-security-token", "t")).unwrap(), "InvalidToken");
        assert_eq!(with(("x-amz-expected-bucket-owner", "1")).unwrap(), "AccessDenied");
        let unsigned = [base[0], base[1], ("x-amz-acl", "private"), ("authorization", &right)];
        assert_eq!(screen("/", &unsigned).unwrap(), "AccessDenied");
    }

    #[test]
    fn presigned_urls_are_judged_too() {
        let url = |region: &str, expires: &str| {
            format!(
                "/b/k?X-Amz-Credential=AK%2F20260101%2F{region}%2Fs3%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Expires={expires}"
            )
        };
        assert_eq!(screen(&url("eu-west-1", "60"), &[("host", "h")]), None);
        assert_eq!(screen(&url("us-east-1", "60"), &[]).unwrap(), "AuthorizationQueryParametersError");
        assert_eq!(screen(&url("eu-west-1", "604801"), &[]).unwrap(), "AuthorizationQueryParametersError");
    }
}

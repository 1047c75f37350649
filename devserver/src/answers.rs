//! Answers: the gate's refusals, and the finishing touches on what s3s writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use s3s::Body;
use s3s::crypto::{Checksum as _, Sha256};

use crate::gate::Refusal;

/// Writes a refusal of the gate.
pub(crate) fn refused(refusal: &Refusal, head: bool) -> Response<Body> {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>");
    let mut element = |name: &str, text: &str| {
        xml.push_str(&format!("<{name}>{}</{name}>", escape(text)));
    };
    element("Code", &refusal.code);
    element("Message", &refusal.message);
    refusal.extra.iter().for_each(|(name, text)| element(name, text));
    xml.push_str("</Error>");
    let region = refusal.extra.iter().find(|(name, _)| *name == "Region").map(|(_, text)| text);
    let mut response = Response::new(if head { Body::empty() } else { Body::from(xml) });
    *response.status_mut() = refusal.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Some(region) = region.and_then(|r| HeaderValue::from_str(r).ok()) {
        response.headers_mut().insert(HeaderName::from_static("x-amz-bucket-region"), region);
    }
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Request ids, the elements s3s leaves out of error bodies, 206 for HEAD, bare entity tags in attributes.
pub(crate) fn finish(
    mut response: Response<Body>,
    id: &str,
    resource: &str,
    head: bool,
    attributes: bool,
) -> Response<Body> {
    let host_id = host_id(id);
    for (name, value) in [("x-amz-request-id", id), ("x-amz-id-2", &host_id), ("server", "integration-s3-devserver")] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if head {
        if response.headers().contains_key(CONTENT_RANGE) && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        if response.status().is_client_error() {
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        return response;
    }
    if response.status() == StatusCode::NOT_MODIFIED {
        *response.body_mut() = Body::empty();
        return response;
    }
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if (failed || attributes)
        && let Some(text) = response.body().bytes().and_then(|b| String::from_utf8(b.to_vec()).ok())
    {
        let text = if failed {
            let more = format!(
                "<Resource>{}</Resource><RequestId>{id}</RequestId><HostId>{host_id}</HostId></Error>",
                escape(resource)
            );
            text.replace("</Error>", &more)
        } else {
            text.replace("<ETag>\"", "<ETag>").replace("\"</ETag>", "</ETag>")
        };
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::from(text);
    }
    response
}

/// An identifier for answers, of the shape S3 uses for its second one.
fn host_id(request_id: &str) -> String {
    STANDARD.encode(Sha256::checksum(request_id.as_bytes()))
}

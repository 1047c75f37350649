//! Facts about makes of stores. The facts themselves stand in the model, `model/providers/`; here is what becomes of them.

use std::fmt;

use super::ChecksumWhen;
use crate::endpoint::Addressing;
use crate::error::{ConfigurationError, S3Error};

/// What is known about a make of store. Generated code makes them; `Provider` of the package `integration-s3` has the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderFacts {
    /// What people call it.
    pub name: &'static str,
    /// Where it is; parameters stand in braces. `None`: AWS in the region.
    pub endpoint: Option<&'static str>,
    /// The region it wants to hear, parameters in braces. `None`: whatever is configured.
    pub region: Option<&'static str>,
    /// Values of the parameters, by name.
    pub parameters: Vec<(&'static str, String)>,
    /// Where buckets stand.
    pub addressing: Addressing,
    /// Whether it takes checksums of requests.
    pub request_checksums: ChecksumWhen,
    /// Whether it gives checksums with answers.
    pub response_checksums: ChecksumWhen,
    /// How it wants requests.
    pub store: StoreFacts,
}

/// How a store wants requests to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFacts {
    /// It takes bodies that are signed chunk by chunk (`aws-chunked`).
    pub aws_chunked: bool,
    /// It has `DeleteObjects`.
    pub bulk_delete: bool,
    /// It takes `Content-MD5` where an operation demands a checksum; else SHA-256 is sent.
    pub content_md5: bool,
}

impl StoreFacts {
    /// What AWS and most stores have.
    pub const STANDARD: Self = Self { aws_chunked: true, bulk_delete: true, content_md5: true };

    /// A store that refuses bodies signed in chunks.
    pub const fn without_aws_chunked(self) -> Self {
        Self { aws_chunked: false, ..self }
    }

    /// A store without `DeleteObjects`.
    pub const fn without_bulk_delete(self) -> Self {
        Self { bulk_delete: false, ..self }
    }

    /// A store that wants another checksum than `Content-MD5`.
    pub const fn without_content_md5(self) -> Self {
        Self { content_md5: false, ..self }
    }
}

impl ProviderFacts {
    /// The endpoint with its parameters filled in.
    pub(super) fn endpoint_url(&self) -> Result<Option<String>, S3Error> {
        self.endpoint.map(|template| self.fill(template)).transpose()
    }

    /// The region with its parameters filled in.
    pub(super) fn region_name(&self) -> Result<Option<String>, S3Error> {
        self.region.map(|template| self.fill(template)).transpose()
    }

    fn fill(&self, template: &'static str) -> Result<String, S3Error> {
        let mut text = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, place)| Some((before, place.split_once('}')?)))
        {
            text.push_str(before);
            let value = self.parameters.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
            // A parameter that is the whole is checked as what it is; inside a host it must be a part of one.
            let whole = template.len() == name.len() + 2;
            let fits =
                !value.is_empty() && value.len() <= 63 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !whole && !fits {
                return Err(S3Error::new(
                    ConfigurationError::InvalidConfiguration,
                    format!("{name} of the provider {} cannot be part of a host name", self.name),
                )
                .with_suggestion("give 1 to 63 letters, digits and dashes"));
            }
            text.push_str(value);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }
}

impl fmt::Display for ProviderFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

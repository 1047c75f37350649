//! Where a request goes: pure rules from region, bucket and configuration to scheme, authority and path prefix.
//!
//! Nothing here looks at the environment, resolves a name or opens a connection.
//!
//! How a bucket is addressed with [`Addressing::Auto`]:
//!
//! | endpoint | bucket stands in |
//! |---|---|
//! | AWS, or a custom endpoint on a host of AWS's S3 | the host; the path when its name has dots and the scheme is https, for no certificate covers it |
//! | the host of one access point | neither: the host stands for it |
//! | an IP address, `localhost` | the path |
//! | any other custom endpoint | the path: every store understands that, and few have a wildcard certificate and DNS |

mod base;
mod partition;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use base::{BaseUrl, HostKind};
pub use partition::{Partition, partition};

use crate::error::{ConfigurationError, S3Error};

/// How the connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// With TLS.
    Https,
    /// In the clear.
    Http,
}

impl Scheme {
    /// As in a URL, without `://`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Https => "https",
            Scheme::Http => "http",
        }
    }

    /// The port meant when none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Https => 443,
            Scheme::Http => 80,
        }
    }
}

/// Where the bucket's name stands in the URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// By the endpoint and the name, see the [module](self).
    #[default]
    Auto,
    /// First in the path: `https://host/bucket/key`.
    Path,
    /// First in the host: `https://bucket.host/key`. Names with dots over https fail at the certificate.
    Virtual,
}

/// What an [`EndpointConfig`] is made from.
///
/// S3 Transfer Acceleration has no option of its own: its host, `https://s3-accelerate.amazonaws.com`, works as a
/// custom endpoint for requests on objects.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EndpointOptions {
    /// The region, `eu-west-1`. It stands in AWS's hosts and in every signature.
    pub region: String,
    /// A custom endpoint, `http://127.0.0.1:9000`, with a base path if the store lives below one.
    pub custom: Option<String>,
    /// Where buckets stand.
    pub addressing: Addressing,
    /// Use AWS's FIPS endpoints.
    pub fips: bool,
    /// Use AWS's endpoints that have IPv6 as well.
    pub dualstack: bool,
    /// Allow plain http to hosts other than this machine.
    pub allow_http: bool,
}

impl fmt::Debug for EndpointOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The endpoint has not been checked yet and may hold a password.
        f.debug_struct("EndpointOptions")
            .field("region", &self.region)
            .field("custom", &self.custom.as_ref().map(|_| "***"))
            .field("addressing", &self.addressing)
            .field("fips", &self.fips)
            .field("dualstack", &self.dualstack)
            .field("allow_http", &self.allow_http)
            .finish()
    }
}

/// Endpoint rules that have been checked: from here on every bucket has a place. Clones share one allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointConfig(Arc<Rules>);

#[derive(Debug, PartialEq, Eq)]
struct Rules {
    options: EndpointOptions,
    base: BaseUrl,
}

impl fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("region", &self.region())
            .field("scheme", &self.scheme().as_str())
            .field("authority", &self.authority())
            .field("base_path", &self.base_path())
            .field("addressing", &self.0.options.addressing)
            .finish_non_exhaustive()
    }
}

impl EndpointConfig {
    /// Checks the options and works out the host once.
    ///
    /// # Errors
    /// `MissingRegion`, `InvalidEndpoint` or `InvalidConfiguration`, naming the option. The endpoint's text is never repeated.
    pub fn new(options: EndpointOptions) -> Result<Self, S3Error> {
        partition::check_region(&options.region)?;
        let base = match &options.custom {
            Some(custom) => custom_base(custom, &options)?,
            None => aws_base(&options)?,
        };
        Ok(Self(Arc::new(Rules { options, base })))
    }

    /// The same rules for another region: what a redirect asks for. A custom endpoint stays where it is.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_region(&self, region: &str) -> Result<Self, S3Error> {
        Self::new(EndpointOptions { region: region.to_owned(), ..self.0.options.clone() })
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.0.options.region
    }

    /// Whether requests go to an endpoint the caller named.
    pub fn is_custom(&self) -> bool {
        self.0.options.custom.is_some()
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.base.scheme
    }

    /// Host and port without a bucket.
    pub fn authority(&self) -> &str {
        &self.0.base.authority
    }

    /// The base path: empty, or with a leading and no trailing slash.
    pub fn base_path(&self) -> &str {
        &self.0.base.path
    }

    /// Where requests for that bucket go. The bucket's name must have been checked.
    pub fn place<'a>(&'a self, bucket: Option<&'a str>) -> Place<'a> {
        let spot = match bucket {
            None => Spot::None,
            Some(_) if self.0.base.host == HostKind::AccessPoint => Spot::Implied,
            Some(name) if self.in_host(name) => Spot::Host(name),
            Some(name) => Spot::Path(name),
        };
        Place { scheme: self.0.base.scheme, authority: &self.0.base.authority, base_path: &self.0.base.path, spot }
    }

    fn in_host(&self, bucket: &str) -> bool {
        match self.0.options.addressing {
            Addressing::Path => false,
            Addressing::Virtual => is_host_name(bucket),
            Addressing::Auto => {
                self.0.base.host == HostKind::Aws
                    && is_host_name(bucket)
                    && !(self.0.base.scheme == Scheme::Https && bucket.contains('.'))
            }
        }
    }
}

/// Whether a bucket's name can stand in a host.
fn is_host_name(bucket: &str) -> bool {
    bucket.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn custom_base(text: &str, options: &EndpointOptions) -> Result<BaseUrl, S3Error> {
    if options.fips || options.dualstack {
        let option = if options.fips { "FIPS" } else { "dual-stack" };
        return Err(S3Error::new(
            ConfigurationError::InvalidConfiguration,
            format!("{option} endpoints are AWS's own and cannot be combined with a custom endpoint"),
        )
        .with_suggestion("leave one of the two out, or name the endpoint's host in full"));
    }
    let base = BaseUrl::parse(text)?;
    if base.scheme == Scheme::Http && !base.loopback && !options.allow_http {
        return Err(S3Error::new(
            ConfigurationError::InvalidEndpoint,
            "the endpoint is plain http to another machine, which shows data and keys' names to the network",
        )
        .with_suggestion("use https, or set allow_http(true) if the network is trusted"));
    }
    if options.addressing == Addressing::Virtual && base.host == HostKind::Address {
        return Err(S3Error::new(
            ConfigurationError::InvalidConfiguration,
            "the endpoint is an IP address, which no bucket can stand before",
        )
        .with_suggestion("use path style, or an endpoint with a host name"));
    }
    Ok(base)
}

fn aws_base(options: &EndpointOptions) -> Result<BaseUrl, S3Error> {
    let partition = partition(&options.region);
    if options.fips && !partition.fips {
        return Err(S3Error::new(
            ConfigurationError::InvalidConfiguration,
            format!("the partition {} of region {} has no FIPS endpoints", partition.name, options.region),
        ));
    }
    let service = if options.fips { "s3-fips" } else { "s3" };
    let stack = if options.dualstack { ".dualstack" } else { "" };
    Ok(BaseUrl {
        scheme: Scheme::Https,
        authority: format!("{service}{stack}.{}.{}", options.region, partition.suffix),
        path: String::new(),
        host: HostKind::Aws,
        loopback: false,
    })
}

/// Where the requests for one bucket, or for none, go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    scheme: Scheme,
    authority: &'a str,
    base_path: &'a str,
    spot: Spot<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot<'a> {
    None,
    Host(&'a str),
    Path(&'a str),
    Implied,
}

impl<'a> Place<'a> {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the bucket stands in the host, so that the path begins with the key.
    pub fn bucket_in_host(&self) -> bool {
        matches!(self.spot, Spot::Host(_) | Spot::Implied)
    }

    /// Whether the bucket stands in the path.
    pub fn bucket_in_path(&self) -> bool {
        matches!(self.spot, Spot::Path(_))
    }

    /// Appends host and port.
    pub fn write_authority(&self, out: &mut String) {
        if let Spot::Host(bucket) = self.spot {
            out.push_str(bucket);
            out.push('.');
        }
        out.push_str(self.authority);
    }

    /// Appends what stands before the key: base path and bucket. Nothing, or a leading and no trailing slash.
    pub fn write_prefix(&self, out: &mut String) {
        out.push_str(self.base_path);
        if let Spot::Path(bucket) = self.spot {
            out.push('/');
            out.push_str(bucket);
        }
    }
}

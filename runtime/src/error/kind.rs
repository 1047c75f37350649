//! What went wrong, as something a program can match on: twelve categories with their variants.

use std::fmt;

macro_rules! category {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// The variant in words, for people.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The variant's name, for metrics and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.describe())
            }
        }
    };
}

category! {
    /// The client was set up in a way that cannot work.
    ConfigurationError {
        /// No region was given and none was found.
        MissingRegion => "no region is configured",
        /// No credentials were given.
        MissingCredentials => "no credentials are configured",
        /// The endpoint is no usable URL.
        InvalidEndpoint => "the endpoint is not usable",
        /// Another option has a value that cannot work.
        InvalidConfiguration => "the configuration is not usable",
        /// The bucket lives in another region than the one the request went to.
        WrongRegion => "the bucket is in another region",
    }
}

category! {
    /// Credentials could not be obtained.
    CredentialsError {
        /// No source had any.
        NotFound => "no credentials were found",
        /// They are past their end and could not be renewed.
        Expired => "the credentials have expired",
        /// A source was there but broken.
        Invalid => "a source of credentials is broken",
        /// Renewing them failed.
        RefreshFailed => "the credentials could not be refreshed",
    }
}

category! {
    /// The request could not be signed.
    SigningError {
        /// The clock shows a time signatures cannot express.
        InvalidTimestamp => "the time cannot be expressed in a signature",
        /// The signature could not be computed.
        CalculationFailed => "the signature could not be computed",
        /// The kind of signature is not available.
        UnsupportedAlgorithm => "the signing algorithm is not supported",
    }
}

category! {
    /// The request itself is at fault; sending it again changes nothing.
    RequestError {
        /// A value breaks a rule.
        Validation => "the request is not valid",
        /// The bucket's name breaks S3's rules.
        InvalidBucketName => "the bucket name is not valid",
        /// The key breaks S3's rules.
        InvalidObjectKey => "the object key is not valid",
        /// The byte range cannot be served.
        InvalidRange => "the byte range cannot be served",
        /// More bytes than one request may carry.
        EntityTooLarge => "the body is too large",
        /// Fewer bytes than the operation needs.
        EntityTooSmall => "the body is too small",
        /// The length of the body is not known.
        MissingContentLength => "the length of the body is not known",
        /// The body was used up by a failed attempt and cannot be sent again.
        NotReplayable => "the body cannot be sent again",
        /// The server does not offer this.
        NotImplemented => "the server does not implement this",
        /// The resource does not allow this.
        MethodNotAllowed => "the method is not allowed here",
        /// Another fault of the request.
        Other => "the request was refused",
    }
}

category! {
    /// A bucket is not in the state the request needs.
    BucketError {
        /// There is no such bucket.
        NotFound => "the bucket does not exist",
        /// Somebody else has a bucket of that name.
        AlreadyExists => "the bucket name is taken",
        /// The caller already has that bucket.
        AlreadyOwnedByYou => "you already own this bucket",
        /// It still holds objects.
        NotEmpty => "the bucket is not empty",
        /// The account may not have more.
        TooMany => "the account has too many buckets",
        /// The operation does not fit its state.
        InvalidState => "the bucket's state does not allow this",
        /// Another fault.
        Other => "the bucket refused this",
    }
}

category! {
    /// An object is not in the state the request needs.
    ObjectError {
        /// There is no such key, version or tag set.
        NotFound => "the key does not exist",
        /// A condition (`If-Match`, `If-None-Match: *`, ...) did not hold.
        PreconditionFailed => "a condition of the request did not hold",
        /// The object is unchanged (`If-None-Match`, `If-Modified-Since`).
        NotModified => "the object has not changed",
        /// It is archived, locked or otherwise not available.
        InvalidState => "the object's state does not allow this",
        /// More bytes than an object may have.
        TooLarge => "the object is too large",
        /// Another fault.
        Other => "the object refused this",
    }
}

category! {
    /// A multipart upload is not in the state the request needs.
    MultipartError {
        /// There is no such upload: completed, aborted or never begun.
        UploadNotFound => "the multipart upload does not exist",
        /// A part is missing or has another ETag.
        InvalidPart => "a part is missing or differs",
        /// Parts are not listed in ascending order.
        InvalidPartOrder => "the parts are not in ascending order",
        /// More than 10,000 parts.
        TooManyParts => "the upload has too many parts",
        /// A part other than the last is under 5 MiB.
        EntityTooSmall => "a part is smaller than the minimum of 5 MiB",
        /// Another fault.
        Other => "the multipart upload refused this",
    }
}

category! {
    /// The caller may not do this, or could not prove who it is.
    AccessError {
        /// Known, but not allowed.
        Denied => "access is denied",
        /// The access key id is unknown to the server.
        InvalidAccessKeyId => "the access key id is not known",
        /// The secret key is wrong, or something between changed the request.
        SignatureDoesNotMatch => "the signature does not match",
        /// The session token is past its end.
        ExpiredToken => "the session token has expired",
        /// The clock of this machine differs too much from the server's.
        ClockSkew => "this machine's clock is wrong",
        /// The account is suspended or not set up.
        AccountProblem => "there is a problem with the account",
        /// Another fault.
        Other => "the server refused the caller",
    }
}

category! {
    /// No answer arrived.
    NetworkError {
        /// No connection, or it broke. The server may have acted on the request then.
        ConnectionFailed => "the connection failed",
        /// Nothing happened for too long.
        Timeout => "the request timed out",
        /// The host has no address.
        DnsResolutionFailed => "the host name could not be resolved",
        /// TLS could not be established.
        Tls => "the TLS connection could not be established",
        /// All connections are in use and none became free in time.
        PoolExhausted => "no connection is free",
        /// The place failed so often that nothing is sent to it for a while: the circuit is open. Nothing was sent.
        CircuitOpen => "the circuit is open after too many failures",
    }
}

category! {
    /// The server could not serve; later it may.
    ServerError {
        /// Its own mistake.
        InternalError => "the server had an internal error",
        /// Overloaded or in maintenance.
        ServiceUnavailable => "the service is unavailable",
        /// Too many requests: slow down.
        SlowDown => "the server asks to slow down",
        /// A gateway before it got no answer.
        BadGateway => "a gateway got no valid answer",
        /// It waited too long for the request or for something behind it.
        Timeout => "the server timed out",
        /// Another fault.
        Other => "the server failed",
    }
}

category! {
    /// An answer arrived that makes no sense.
    ResponseError {
        /// The body is no well-formed XML of the expected kind.
        XmlParse => "the answer is not valid XML",
        /// Something that must be in the answer is not.
        InvalidResponse => "the answer is not valid",
        /// The answer is of another kind.
        UnexpectedContent => "the answer is not what was asked for",
    }
}

category! {
    /// Data did not arrive whole.
    TransferError {
        /// It stopped flowing.
        StreamInterrupted => "the stream was interrupted",
        /// It is not the data that was stored or sent.
        ChecksumMismatch => "the checksum does not match",
        /// It ended early.
        IncompleteBody => "the body ended early",
        /// A multipart upload was given up.
        UploadAborted => "the upload was aborted",
        /// The object changed while it was read.
        ObjectChanged => "the object changed while it was read",
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $category:ident($inner:ident),)*) => {
        /// What went wrong: a category and the variant in it.
        ///
        /// ```
        /// # use integration_s3_runtime::facade as integration_s3;
        /// use integration_s3::error::{ErrorKind, ObjectError};
        ///
        /// let kind = ErrorKind::Object(ObjectError::NotFound);
        /// assert_eq!(kind.category(), "Object");
        /// assert_eq!(kind.to_string(), "the key does not exist");
        /// ```
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* $category($inner),)*
        }

        $(impl From<$inner> for ErrorKind {
            fn from(inner: $inner) -> Self {
                ErrorKind::$category(inner)
            }
        })*

        impl ErrorKind {
            /// The category's name, for metrics and logs.
            pub const fn category(self) -> &'static str {
                match self { $(ErrorKind::$category(_) => stringify!($category),)* }
            }

            /// The variant's name, for metrics and logs.
            pub const fn variant(self) -> &'static str {
                match self { $(ErrorKind::$category(inner) => inner.name(),)* }
            }
        }

        impl fmt::Display for ErrorKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(ErrorKind::$category(inner) => inner.fmt(f),)* }
            }
        }
    };
}

kinds! {
    /// The client's set-up.
    Configuration(ConfigurationError),
    /// Obtaining credentials.
    Credentials(CredentialsError),
    /// Signing.
    Signing(SigningError),
    /// The request itself.
    Request(RequestError),
    /// The state of a bucket.
    Bucket(BucketError),
    /// The state of an object.
    Object(ObjectError),
    /// The state of a multipart upload.
    Multipart(MultipartError),
    /// Who the caller is and what it may do.
    Access(AccessError),
    /// The way to the server.
    Network(NetworkError),
    /// The server.
    Server(ServerError),
    /// The answer.
    Response(ResponseError),
    /// The data.
    Transfer(TransferError),
}

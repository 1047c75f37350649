//! What servers do not offer. Only their own gaps stand here, each with its reason; a case is never changed for them.

use crate::Case;

/// Why the server cannot pass the case, if it cannot.
pub fn lacks(server: &str, case: &Case) -> Option<&'static str> {
    let gaps: &[(&str, &str, &str)] = match server {
        "embedded" => EMBEDDED,
        "swift" => SWIFT,
        "moto" => MOTO,
        _ => &[],
    };
    gaps.iter()
        .find(|(operation, claim, _)| (*operation == case.operation || *operation == "*") && case.claim.contains(claim))
        .map(|(_, _, reason)| *reason)
}

/// Our store below the protocol layer of s3s 0.14.1.
const EMBEDDED: &[(&str, &str, &str)] =
    &[("PostObject", "the name of the file", "its protocol layer does not fill ${filename} in")];

/// OpenStack Swift 2.38.3 with s3api: operation, part of the claim, reason.
const SWIFT: &[(&str, &str, &str)] = &[
    ("GetObject", "checksum it was stored with", "it verifies checksums and does not keep them"),
    ("GetObject", "part by part", "it verifies checksums and does not keep them"),
    ("ListBuckets", "when it was made", "the creation date of every bucket is 2009-02-03"),
    ("PutObject", "If-Match writes", "conditional PUTs other than If-None-Match: * are answered 501"),
    ("PutObject", "tags can be given", "tagging is answered 501"),
    ("PutObjectTagging", "tags come back", "tagging is answered 501"),
    ("DeleteObjectTagging", "", "tagging is answered 501"),
    ("PutBucketTagging", "", "tagging is answered 501"),
    ("DeleteBucketTagging", "", "tagging is answered 501"),
    ("PostObject", "stores the file", "it knows no forms"),
    ("PostObject", "the name of the file", "it knows no forms"),
    ("PostObject", "nothing but what it was signed for", "it knows no forms"),
    ("GetBucketTagging", "has no tag set", "it answers an empty set where S3 answers NoSuchTagSet"),
];

/// moto 5.2.5, signatures unchecked.
const MOTO: &[(&str, &str, &str)] = &[
    ("PutObject", "a wrong checksum", "it does not look at checksums"),
    ("GetObject", "part by part", "it answers the composite for a part"),
    ("ListObjectsV2", "control characters", "its router does not know keys with a line break"),
    ("CopyObject", "only if the source", "conditions on the source are ignored"),
    ("UploadPart", "unknown upload", "it answers 500"),
    ("PresignGetObject", "a changed URL", "it does not check signatures"),
    ("PresignPutObject", "of no use without", "it does not check signatures"),
    ("PostObject", "nothing but what it was signed for", "it does not look at policies"),
    ("ListObjectsV2", "a wrong secret key", "it does not check signatures"),
];

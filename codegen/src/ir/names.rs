//! Names: the one rule for words in PascalCase, and the words a model may not use.
//!
//! Which of them are keywords of a target language is the emitter's business.

/// Methods every request builder has; no field of a request may be called so.
pub const BUILDER_METHODS: &[&str] =
    &["build", "fill", "finish", "into_future", "items", "pages", "presign", "send", "start", "with_options"];

/// Functions every shape has; no field of a shape may be called so.
pub const SHAPE_METHODS: &[&str] = &["attributes", "new", "read", "write"];

/// The name with acronyms as words: `BucketCannedACL` is `BucketCannedAcl`, `MFADelete` is `MfaDelete`. A name that is
/// already so comes back unchanged.
pub fn pascal(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let upper = |at: usize| chars.get(at).is_some_and(char::is_ascii_uppercase);
    let lower = |at: usize| chars.get(at).is_some_and(char::is_ascii_lowercase);
    chars
        .iter()
        .enumerate()
        .map(|(at, c)| {
            let inside = at > 0 && upper(at) && upper(at - 1);
            if inside && !lower(at + 1) { c.to_ascii_lowercase() } else { *c }
        })
        .collect()
}

/// The PascalCase of a name in snake_case: `list_objects_v2` is `ListObjectsV2`.
pub fn pascal_of_snake(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_words_of_acronyms() {
        let cases = [
            ("BucketCannedACL", "BucketCannedAcl"),
            ("MFADelete", "MfaDelete"),
            ("ETag", "ETag"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("CRC64NVME", "Crc64Nvme"),
            ("S3KeyFilter", "S3KeyFilter"),
            ("Object", "Object"),
        ];
        for (given, wanted) in cases {
            assert_eq!(pascal(given), wanted);
            assert_eq!(pascal(wanted), wanted, "applying it twice changes nothing");
        }
    }

    #[test]
    fn joins_snake_words() {
        assert_eq!(pascal_of_snake("list_objects_v2"), "ListObjectsV2");
        assert_eq!(pascal_of_snake("e_tag"), "ETag");
    }
}

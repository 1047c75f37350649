//! What servers do not offer. Only their own gaps stand here, each with its reason; a case is never changed for them.

use crate::Case;

/// Why the server cannot pass the case, if it cannot.
pub fn lacks(server: &str, case: &Case) -> Option<&'static str> {
    let gaps: &[(&str, &str, &str)] = match server {
        "swift" => SWIFT,
        "moto" => MOTO,
        _ => &[],
    };
    gaps.iter()
        .find(|(operation, claim, _)| (*operation == case.operation || *operation == "*") && case.claim.contains(claim))
        .map(|(_, _, reason)| *reason)
}

/// OpenStack Swift 2.38.3 with s3api: operation, part of the claim, reason.
const SWIFT: &[(&str, &str, &str)] = &[];

/// moto 5.2.5, signatures unchecked.
const MOTO: &[(&str, &str, &str)] = &[];

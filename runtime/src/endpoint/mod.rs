//! Where a request goes: pure rules from region, bucket and configuration to an authority.

//! Moments in UTC and the three ways S3 writes them.

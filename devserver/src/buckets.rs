//! Operations on buckets: create, delete, list, versioning, CORS.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::listing;
use crate::store::{Bucket as Stored, Store, Versioning};

type Answer<T> = S3Result<S3Response<T>>;

pub(crate) fn create(store: &Store, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
    let input = req.input;
    let constraint =
        input.create_bucket_configuration.and_then(|c| c.location_constraint).map(|c| c.as_str().to_owned());
    match (constraint.as_deref(), store.settings.region.as_str()) {
        (None, "us-east-1") => {}
        (Some("us-east-1"), "us-east-1") => {
            return Err(s3_error!(InvalidLocationConstraint, "The specified location-constraint is not valid"));
        }
        (Some(asked), region) if asked == region => {}
        (asked, _) => {
            return Err(s3_error!(
                IllegalLocationConstraintException,
                "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
                asked.unwrap_or("unspecified")
            ));
        }
    }
    let mut state = store.lock();
    if state.buckets.contains_key(&input.bucket) {
        return Err(s3_error!(
            BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it."
        ));
    }
    let location = Some(format!("/{}", input.bucket));
    state.buckets.insert(input.bucket, Stored::new());
    Ok(S3Response::new(CreateBucketOutput { location }))
}

pub(crate) fn delete(store: &Store, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
    let mut state = store.lock();
    let bucket = state.bucket(&req.input.bucket)?;
    if !bucket.keys.is_empty() {
        let text = match bucket.versioning {
            Versioning::Never => "The bucket you tried to delete is not empty",
            _ => "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        };
        return Err(s3_error!(BucketNotEmpty, "{text}"));
    }
    state.buckets.remove(&req.input.bucket);
    Ok(S3Response::new(DeleteBucketOutput::default()))
}

pub(crate) fn head(store: &Store, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
    store.lock().bucket(&req.input.bucket)?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(store.settings.region.clone()),
        access_point_alias: Some(false),
        ..HeadBucketOutput::default()
    }))
}

pub(crate) fn list(store: &Store, req: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
    let input = req.input;
    if input.max_buckets.is_some_and(|n| !(1..=10_000).contains(&n)) {
        return Err(s3_error!(InvalidArgument, "MaxBuckets must be between 1 and 10000"));
    }
    let marker = input.continuation_token.as_deref().map(listing::read_token).transpose()?.unwrap_or_default();
    let prefix = input.prefix.clone().unwrap_or_default();
    let limit = input.max_buckets.map_or(usize::MAX, |n| n as usize);
    let elsewhere = input.bucket_region.as_deref().is_some_and(|r| r != store.settings.region);
    let state = store.lock();
    let behind = state.buckets.iter().filter(|(name, _)| name.as_str() > marker.as_str() && !elsewhere);
    let page = listing::page(behind.map(|(name, b)| (name.as_str(), b.created)), &prefix, "", "", limit);
    let continuation_token = page.truncated.then(|| page.last().map(listing::token)).flatten();
    let paged = input.max_buckets.is_some() || input.prefix.is_some() || input.bucket_region.is_some();
    let region = paged.then(|| store.settings.region.clone());
    let buckets = page
        .items
        .into_iter()
        .map(|(name, created)| Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            bucket_region: region.clone(),
        })
        .collect();
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets),
        continuation_token,
        owner: Some(owner(store)),
        prefix: input.prefix,
    }))
}

pub(crate) fn location(store: &Store, req: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
    store.lock().bucket(&req.input.bucket)?;
    let region = store.settings.region.clone();
    let location_constraint = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
}

pub(crate) fn put_versioning(
    store: &Store,
    req: S3Request<PutBucketVersioningInput>,
) -> Answer<PutBucketVersioningOutput> {
    let status = req.input.versioning_configuration.status;
    let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => {
            return Err(s3_error!(IllegalVersioningConfigurationException, "The Versioning element must be specified"));
        }
    };
    store.lock().bucket_mut(&req.input.bucket)?.versioning = versioning;
    Ok(S3Response::new(PutBucketVersioningOutput::default()))
}

pub(crate) fn get_versioning(
    store: &Store,
    req: S3Request<GetBucketVersioningInput>,
) -> Answer<GetBucketVersioningOutput> {
    let status = match store.lock().bucket(&req.input.bucket)?.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
        Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
    };
    Ok(S3Response::new(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }))
}

pub(crate) fn put_cors(store: &Store, req: S3Request<PutBucketCorsInput>) -> Answer<PutBucketCorsOutput> {
    let rules = req.input.cors_configuration.cors_rules;
    let known = ["GET", "PUT", "HEAD", "POST", "DELETE"];
    if rules.is_empty() || rules.len() > 100 {
        return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed or did not validate"));
    }
    if let Some(method) = rules.iter().flat_map(|r| &r.allowed_methods).find(|m| !known.contains(&m.as_str())) {
        return Err(s3_error!(
            InvalidRequest,
            "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
        ));
    }
    store.lock().bucket_mut(&req.input.bucket)?.cors = Some(rules);
    Ok(S3Response::new(PutBucketCorsOutput::default()))
}

pub(crate) fn get_cors(store: &Store, req: S3Request<GetBucketCorsInput>) -> Answer<GetBucketCorsOutput> {
    let rules = store.lock().bucket(&req.input.bucket)?.cors.clone();
    let rules = rules.ok_or_else(|| s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist"))?;
    Ok(S3Response::new(GetBucketCorsOutput { cors_rules: Some(rules) }))
}

pub(crate) fn delete_cors(store: &Store, req: S3Request<DeleteBucketCorsInput>) -> Answer<DeleteBucketCorsOutput> {
    store.lock().bucket_mut(&req.input.bucket)?.cors = None;
    Ok(S3Response::new(DeleteBucketCorsOutput::default()))
}

/// The one account there is.
pub(crate) fn owner(store: &Store) -> Owner {
    Owner { display_name: None, id: Some(canonical_id(store)) }
}

/// The account in the canonical form listings show.
pub(crate) fn canonical_id(store: &Store) -> String {
    format!("{:0>64}", store.settings.account)
}

//! The table from s3s's operations to the modules that do them.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use crate::store::Store;
use crate::{buckets, copy, lists, multipart, objects, reads, tagging, uploads};

/// s3s's view of a store.
pub(crate) struct Service {
    store: Arc<Store>,
}

impl Service {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

/// Writes the implementation: operations that need the body are awaited, the others only take the lock.
macro_rules! operations {
    (
        awaited { $($slow:ident($slow_in:ident) -> $slow_out:ident = $slow_call:path;)* }
        locked { $($name:ident($input:ident) -> $output:ident = $call:path;)* }
    ) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(async fn $slow(&self, req: S3Request<$slow_in>) -> S3Result<S3Response<$slow_out>> {
                $slow_call(&self.store, req).await
            })*
            $(async fn $name(&self, req: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $call(&self.store, req)
            })*
        }
    };
}

operations! {
    awaited {
        put_object(PutObjectInput) -> PutObjectOutput = objects::put;
        upload_part(UploadPartInput) -> UploadPartOutput = multipart::part;
    }
    locked {
        copy_object(CopyObjectInput) -> CopyObjectOutput = copy::object;
        upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = copy::part;
        create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = multipart::create;
        complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = multipart::complete;
        abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = multipart::abort;
        list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = uploads::uploads;
        list_parts(ListPartsInput) -> ListPartsOutput = uploads::parts;
        create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create;
        delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete;
        head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head;
        list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list;
        get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = buckets::location;
        put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput = buckets::put_versioning;
        get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = buckets::get_versioning;
        put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput = buckets::put_cors;
        get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput = buckets::get_cors;
        delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput = buckets::delete_cors;
        get_object(GetObjectInput) -> GetObjectOutput = reads::get;
        head_object(HeadObjectInput) -> HeadObjectOutput = reads::head;
        get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput = reads::attributes;
        delete_object(DeleteObjectInput) -> DeleteObjectOutput = objects::delete;
        delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = objects::delete_many;
        list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = lists::v2;
        list_objects(ListObjectsInput) -> ListObjectsOutput = lists::v1;
        list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = lists::versions;
        get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput = tagging::get_object;
        put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput = tagging::put_object;
        delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput = tagging::delete_object;
        get_bucket_tagging(GetBucketTaggingInput) -> GetBucketTaggingOutput = tagging::get_bucket;
        put_bucket_tagging(PutBucketTaggingInput) -> PutBucketTaggingOutput = tagging::put_bucket;
        delete_bucket_tagging(DeleteBucketTaggingInput) -> DeleteBucketTaggingOutput = tagging::delete_bucket;
    }
}

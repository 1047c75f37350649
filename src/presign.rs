//! Forms for uploads from browsers. Presigned URLs are a method of every builder that can have one: `presign`.

use integration_s3_runtime::call::PresignPost;

use crate::{Bucket, S3Client};

impl S3Client {
    /// A form with which a browser uploads one object to this bucket and key, without credentials of its own.
    ///
    /// A key that ends in `${filename}` leaves its end to the name of the file the user picks.
    ///
    /// ```
    /// use integration_s3::{Credentials, S3Client};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), integration_s3::S3Error> {
    /// let client = S3Client::builder().region("eu-west-1").credentials(Credentials::new("AKIDEXAMPLE", "secret")).build()?;
    /// let form = client
    ///     .presign_post("avatars", "alice/${filename}")
    ///     .content_length(1..=2_000_000)
    ///     .content_type("image/png")
    ///     .await?;
    /// println!("<form action='{}' method='post' enctype='multipart/form-data'>", form.url());
    /// for (name, value) in form.fields() {
    ///     println!("<input type='hidden' name='{name}' value='{value}'>");
    /// }
    /// println!("<input type='file' name='file'><button>Send</button></form>");
    /// assert_eq!(form.url(), "https://avatars.s3.eu-west-1.amazonaws.com/");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When awaited: bad names or values, before anything is asked for; no credentials.
    pub fn presign_post(&self, bucket: impl Into<String>, key: impl Into<String>) -> PresignPost {
        PresignPost::new(self.shared_core(), bucket, key)
    }
}

impl Bucket {
    /// As [`S3Client::presign_post`], for an object in this bucket.
    pub fn presign_post(&self, key: impl Into<String>) -> PresignPost {
        self.client().presign_post(self.name(), key)
    }
}

//! Getting ready before the first call.

use http::Request;

use super::core::Core;
use crate::body::ByteStream;
use crate::error::S3Error;
use crate::plumbing::RequestWriter;

impl Core {
    /// Fetches credentials and opens a connection to the endpoint, or to the host that serves `bucket`.
    ///
    /// # Errors
    /// No credentials, no connection, or an invalid bucket name.
    pub async fn warm_up(&self, bucket: Option<&str>) -> Result<(), S3Error> {
        let at_home = self.regions.of(bucket);
        let mut writer = RequestWriter::new(at_home.as_deref().unwrap_or(&self.config.endpoint));
        if let Some(bucket) = bucket {
            writer.bucket(bucket);
        }
        let wire = writer.finish()?;
        if let Some(cache) = &self.credentials {
            cache.get(self.now()).await?;
        }
        let mut request = Request::new(ByteStream::empty());
        *request.method_mut() = http::Method::HEAD;
        *request.uri_mut() = wire.uri().clone();
        request.headers_mut().insert("user-agent", self.user_agent.clone());
        // Unsigned, so it will be refused: what matters is the connection that stays.
        let mut answer = self.config.transport.send(request).await.map_err(S3Error::from)?.into_body();
        while let Some(Ok(_)) = answer.next().await {}
        Ok(())
    }
}

//! A list page as it comes from S3, read into a typed value as emitted code does it.

use super::*;
use crate::plumbing::{DateFormat, FromWire};
use crate::timestamp::Timestamp;

/// An open enum as it is emitted: words that are known take no memory.
#[derive(Clone, Debug, PartialEq)]
enum Word {
    Crc64Nvme,
    FullObject,
    Standard,
    Other(String),
}

impl FromWire for Word {
    fn from_wire(text: &str) -> Option<Self> {
        Some(match text {
            "CRC64NVME" => Word::Crc64Nvme,
            "FULL_OBJECT" => Word::FullObject,
            "STANDARD" => Word::Standard,
            other => Word::Other(other.to_owned()),
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Object {
    key: String,
    last_modified: Option<Timestamp>,
    e_tag: Option<String>,
    checksum_algorithm: Vec<Word>,
    checksum_type: Option<Word>,
    size: Option<i64>,
    storage_class: Option<Word>,
}

impl Object {
    fn read(xml: &mut XmlReader<'_>) -> Result<Self, XmlError> {
        let mut it = Self::default();
        while let Some(name) = xml.child()? {
            match name {
                "Key" => it.key = xml.text()?,
                "LastModified" => it.last_modified = xml.date(DateFormat::DateTime)?,
                "ETag" => it.e_tag = Some(xml.text()?),
                "ChecksumAlgorithm" => it.checksum_algorithm.extend(xml.value::<Word>()?),
                "ChecksumType" => it.checksum_type = xml.value()?,
                "Size" => it.size = xml.value()?,
                "StorageClass" => it.storage_class = xml.value()?,
                _ => xml.skip()?,
            }
        }
        Ok(it)
    }
}

/// 1,000 keys in about 366 kB.
fn page() -> String {
    let mut page = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>logs</Name><Prefix></Prefix><KeyCount>1000</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>",
    );
    for i in 0..1000 {
        page.push_str(&format!(
            "<Contents><Key>year%3D2026/month%3D11/day%3D21/service-a/part-{i:08}.snappy.parquet</Key>\
             <LastModified>2026-11-21T01:49:{:02}.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998{i:08}&quot;</ETag>\
             <ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>\
             <Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            i % 60,
            1_048_576 + i,
        ));
    }
    page.push_str("</ListBucketResult>");
    page
}

/// Kept apart so that a profiler can find it: `valgrind --tool=callgrind --toggle-collect='*read_page*'`.
#[inline(never)]
fn read_page(page: &[u8], piece: usize) -> Result<Vec<Object>, DocumentError> {
    let mut found = Vec::new();
    let mut each = |name: &str, xml: &mut XmlReader<'_>| {
        match name {
            "Contents" => found.push(Object::read(xml)?),
            _ => xml.skip()?,
        }
        Ok(())
    };
    let mut document = Document::new("ListBucketResult");
    for piece in page.chunks(piece) {
        document.push(piece, &mut each)?;
    }
    document.end(&mut each)?;
    Ok(found)
}

#[test]
fn a_page_of_a_thousand_keys_is_read_as_it_arrives() {
    let page = page();
    assert!((350_000..390_000).contains(&page.len()), "{}", page.len());
    let objects = read_page(page.as_bytes(), 16 << 10).unwrap();
    assert_eq!(objects.len(), 1000);
    assert_eq!(
        objects[999],
        Object {
            key: "year%3D2026/month%3D11/day%3D21/service-a/part-00000999.snappy.parquet".into(),
            last_modified: Some(Timestamp::from_unix(1_795_225_779)),
            e_tag: Some("\"d41d8cd98f00b204e980099800000999\"".into()),
            checksum_algorithm: vec![Word::Crc64Nvme],
            checksum_type: Some(Word::FullObject),
            size: Some(1_049_575),
            storage_class: Some(Word::Standard),
        }
    );
}

//! What holds for any bytes at all: for fuzz targets and property tests; not part of the interface.

use super::page::Page;

/// Pages of the id table: what can be read prints back to the same bytes, and every row of it is found.
pub fn page(data: &[u8]) {
    let Ok(page) = Page::decode(data) else { return };
    assert_eq!(page.encode(), data, "a page prints back to the same bytes");
    assert!(page.rows().iter().all(|row| page.find(&row.key) == Some(*row)), "a row is not found");
    assert!(page.until().is_none_or(|until| page.find(&until).is_none()), "a row of the next page is here");
}
